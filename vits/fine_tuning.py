"""How a run begins with the weights alone of a checkpoint: what it takes of them, and its tables.

Weights of other models, symbols and speakers fit in part: vits/transfer says which.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hifigan.atomic_file import appearing_whole
from hifigan.errors import UserError
from hifigan.freezing import frozen_names
from hifigan.json_config import config_from_dict, read_json
from hifigan.start import Opener, Start, compare_with_saved
from vits.config import FROM_DATA, VitsConfig
from vits.corpus.check import check_data
from vits.corpus.tables import asked_tables
from vits.discriminators import make_discriminators
from vits.model import VitsModel, make_model
from vits.training import VitsTraining
from vits.transfer.report import LoadReport
from vits.transfer.taking import Taking
from vits.transfer.transfer import transfer
from vits.what_learns import check_freezing

BEGINNING = "beginning.json"  # in a run folder
# The weights were made for these, and another value would give them other shapes or another
# meaning.
FIXED = (
    "audio.",
    *(f"text.{key}" for key in ("symbols", "add_blank", "blank", "start", "end", "decomposed")),
    "data.speakers",
    "data.languages",
    "model.",
    "discriminator.",
)


def require_same_beginning(run: Path, beginning: Start, taking: Taking) -> None:
    """A UserError if a run that is to go on was begun with other weights than those named now.

    Runs without a note of their beginning, which are older than it, go on.
    """
    note = run / BEGINNING
    if beginning.path is None or not note.is_file() or not any(run.glob("checkpoints/*.pt")):
        return
    saved = read_json(note)
    if saved["path"] is None or Path(saved["path"]).resolve() != beginning.path.resolve():
        began = "random weights" if saved["path"] is None else saved["path"]
        raise UserError(
            f"{run}: began with {began}, not with {beginning.path}, and goes on from its own "
            f"checkpoints; choose another -m for a new run"
        )
    for flag, before, now in (
        ("--ignore_layers", saved["ignore_layers"], list(taking.reinitialise)),
        ("--speaker", saved["speaker"], taking.speaker),
    ):
        if before != now:
            raise UserError(
                f"{run}: began with {flag} {before}, not {now}, and goes on from its own "
                f"checkpoints; give the flag as before, or choose another -m for a new run"
            )


def note_beginning(run: Path, start: Start, taking: Taking) -> None:
    """Write down what a new run begins with."""
    path = None if start.path is None else str(start.path)
    noted = {"path": path, "ignore_layers": taking.reinitialise, "speaker": taking.speaker}
    with appearing_whole(run / BEGINNING) as temporary:
        temporary.write_text(json.dumps(noted, ensure_ascii=False) + "\n", encoding="utf-8")


def take(
    experiment: VitsTraining,
    start: Start,
    at_hand: list[dict[str, Any]],
    opener: Opener,
    taking: Taking,
) -> LoadReport:
    """Take a checkpoint's weights, as far as they fit. at_hand: its contents, if read.

    Fresh discriminators are given their warm-up.
    """
    contents = at_hand.pop() if at_hand else opener(start.path)[1]
    state, config = experiment.state, experiment.config
    networks = state.generator, state.discriminator
    report = _into(networks, contents, config, taking, start.path)
    if state.ema:
        state.ema.load_state_dict(state.generator.state_dict())
    if report.fresh_discriminators:
        state.warmup_until = config.train.discriminator_warmup_steps
    return report


def rehearse(
    contents: dict[str, Any], config: VitsConfig, taking: Taking, path: Path
) -> LoadReport:
    """What would be taken of a checkpoint's contents. What does not fit is a UserError.

    path: the checkpoint's. The config's symbols are resolved, its speakers may be "from_data".
    """
    with torch.random.fork_rng(devices=[]):
        networks = make_model(config), make_discriminators(config)
    return _into(networks, contents, config, taking, path)


def dry_run(
    config: VitsConfig, beginning: Start, opener: Opener, taking: Taking, has_data: bool
) -> None:
    """Print what a run would load. has_data: with what the data adds to symbols and speakers."""
    path, contents = opener(beginning.path)
    growing = tables_from_data(config)
    config = with_tables_of(config, Start(path, resumes=False), contents)
    check_freezing(config)
    if has_data or FROM_DATA in (config.data.speakers, config.data.languages):
        config = check_data(config, growing=growing).config
    print(rehearse(contents, config, taking, path).text())


def tables_from_data(config: VitsConfig) -> tuple[str, ...]:
    """Which of "symbols", "speakers" and "languages" the config takes from the data."""
    return tuple(name for name, table in asked_tables(config).items() if table == FROM_DATA)


def with_tables_of(config: VitsConfig, start: Start, contents: dict[str, Any]) -> VitsConfig:
    """The config with the checkpoint's tables wherever it says "from_data".

    A run that goes on with everything is an error if the weights do not fit the config; every other
    difference is logged.
    """
    if "text" not in contents["config"]:
        raise UserError(f"{start.path}: is of a vocoder, no VITS voice; choose another -m")
    saved: VitsConfig = config_from_dict(VitsConfig, contents["config"], str(start.path))
    if config.text.symbols == FROM_DATA:
        config = dataclasses.replace(
            config, text=dataclasses.replace(config.text, symbols=saved.text.symbols)
        )
    for key in ("speakers", "languages"):
        asked, known = getattr(config.data, key), getattr(saved.data, key)
        if asked == FROM_DATA and known is not None:
            config = dataclasses.replace(
                config, data=dataclasses.replace(config.data, **{key: known})
            )
    if start.resumes:
        compare_with_saved(config, saved, start, contents, FIXED)
    return config


def _into(
    networks: tuple[VitsModel, nn.Module],
    contents: dict[str, Any],
    config: VitsConfig,
    taking: Taking,
    path: Path,
) -> LoadReport:
    report = transfer(contents, config, *networks, taking.reinitialise, taking.speaker, path=path)
    frozen = frozen_names(config.train, *networks)
    silent = {t.name for t in report.tensors if t.fate in ("fresh", "reinitialised")} & frozen
    judges = {f"discriminator.{name}" for name, _ in networks[1].named_parameters()}
    of_durations = {name for name in judges if name.startswith("discriminator.durations.")}
    for what, names in (
        ("discriminators", judges - of_durations),
        ("discriminator of durations", of_durations),
    ):
        if names and names <= silent:
            raise UserError(
                f"{path}: gives no {what}, and what is fresh and never learns would judge at "
                f"random; leave it out of train.freeze_layers, which has "
                f"{', '.join(config.train.freeze_layers)}"
            )
    return report.with_frozen(frozen)
