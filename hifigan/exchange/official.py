"""Writes a checkpoint in the original HiFi-GAN's format, for its code and all that read its files.

    python -m hifigan.exchange.official runs/my_vocoder --out_dir cp_hifigan

Makes g_*, do_* and config.json, from which the original's train.py goes on. Its own names, orders
and way of writing weight norm are kept, and nothing appears that did not come back whole.
"""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hifigan.atomic_file import UNTOUCHED, NotSaved, appearing_whole, require_room, sync
from hifigan.checkpoint import open_checkpoint, require_checksums, stored_bytes
from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.exchange.configs import official_config, unsaid
from hifigan.exchange.moments import original_moments
from hifigan.exchange.names import generator_table, multi_period_table, multi_scale_table
from hifigan.exchange.weights import Layout, discriminator_layout, fit, generator_layout
from hifigan.json_config import config_from_dict, read_json
from hifigan.vocoder_config import VocoderConfig

logger = logging.getLogger(__name__)

ADAMW = "AdamW"  # whose moments a do_* holds


def write_official(folder: Path, state: dict[str, Any], config: VocoderConfig) -> list[Path]:
    """Write g_*, do_* and config.json of a training checkpoint; returns their paths.

    state: what hifigan.checkpoint.read_checkpoint returns. Without discriminators in it, no do_* is
    made. Files of these names that are there already are not touched: that is a UserError, as is a
    generator that the original does not have.
    """
    if config.generator.inverse_stft is not None:
        raise UserError(
            "generator.inverse_stft: the original HiFi-GAN has no generator that ends in an "
            "inverse STFT; export this vocoder with python -m hifigan.export_onnx"
        )
    settings = official_config(config)
    step, layout = state["step"], generator_layout(config)
    where = f"step {step}"
    ours = _whole(where, "generator", state["generator"], layout)
    names = generator_table(config.generator)
    files = {folder / f"g_{step:08d}": {"generator": _renamed(ours, names)}}
    if "discriminator" in state:
        files[folder / f"do_{step:08d}"] = _do_contents(where, state, config, layout)
    described = folder / "config.json"
    for path in files:
        if path.exists():
            raise UserError(f"{path}: is there already; choose another folder or delete it")
    if described.exists() and read_json(described) != settings:
        raise UserError(f"{described}: is of another vocoder; choose another folder")
    with appearing_whole(described) as temporary:
        temporary.write_text(json.dumps(settings, indent=4) + "\n", encoding="utf-8")
    for path, contents in reversed(files.items()):  # the g_* last: by it the pair is found
        _write(path, contents)
    return [*files, described]


def _do_contents(
    where: str, state: dict[str, Any], config: VocoderConfig, layout: Layout
) -> dict[str, Any]:
    if config.train.optimizer != ADAMW:
        raise UserError(
            f"{where}: train.optimizer is {config.train.optimizer}, but a do_* holds the state of "
            f"{ADAMW}; write the generator alone (--generator_only)"
        )
    judge_layout = discriminator_layout(config)
    ours = _whole(where, "discriminators", state["discriminator"], judge_layout)
    mpd, msd = multi_period_table(config.discriminator), multi_scale_table(config.discriminator)
    generator = generator_table(config.generator)
    learning = set(judge_layout.parameters)
    order = [name for name in (*msd.values(), *mpd.values()) if name in learning]
    return {
        "mpd": _renamed(ours, mpd),
        "msd": _renamed(ours, msd),
        "optim_g": original_moments(
            state["generator_optimizer"], list(generator.values()), layout, where
        ),
        "optim_d": original_moments(state["discriminator_optimizer"], order, judge_layout, where),
        "steps": state["step"],
        "epoch": state["epoch"],
    }


def _whole(where: str, what: str, state: dict[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    return fit(Path(where), what, state, {name: name for name in state}, layout)


def _renamed(ours: dict[str, Tensor], table: dict[str, str]) -> dict[str, Tensor]:
    return {original: ours[name].clone() for original, name in table.items()}


def _write(path: Path, contents: dict[str, Any]) -> None:
    with appearing_whole(path) as temporary:
        require_room(path, stored_bytes(contents))
        with temporary.open("wb") as file:
            torch.save(contents, file)
        sync(temporary)
        try:
            require_checksums(temporary)
            same = _same(torch.load(temporary, map_location="cpu", weights_only=True), contents)
        except Exception as error:
            raise NotSaved(
                f"{path}: not saved: it came back damaged from the disk ({error}); check the disk; "
                f"{UNTOUCHED}"
            ) from None
        if not same:
            raise NotSaved(
                f"{path}: not saved: it came back otherwise than written; check the disk; "
                f"{UNTOUCHED}"
            )


def _same(found: Any, written: Any) -> bool:
    """The same values of the same types in the same order, to the bit."""
    if type(found) is not type(written):
        return False
    if isinstance(written, Tensor):
        # Bits, because a NaN does not equal itself.
        return found.shape == written.shape and torch.equal(
            found.contiguous().view(torch.uint8), written.contiguous().view(torch.uint8)
        )
    if isinstance(written, dict):
        return list(found) == list(written) and all(_same(found[k], written[k]) for k in written)
    if isinstance(written, (list, tuple)):
        return len(found) == len(written) and all(map(_same, found, written))
    return found == written


def main() -> None:
    parser = Parser(
        prog="python -m hifigan.exchange.official",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "checkpoint", type=Path, help="checkpoint of a vocoder, or run folder: then its newest one"
    )
    parser.add_argument(
        "--out_dir", type=Path, required=True, metavar="FOLDER", help="folder to write into"
    )
    parser.add_argument(
        "--generator_only",
        action="store_true",
        help="leave the do_* out, which training needs; g_* then has the moving average of the\n"
        "weights where there is one",
    )
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        path, state = open_checkpoint(args.checkpoint)
        if "text" in state["config"]:
            raise UserError(f"{path}: a VITS voice; expected a checkpoint of a vocoder")
        config = config_from_dict(VocoderConfig, state["config"], str(path))
        average = state.get("ema")
        if args.generator_only:
            state = {name: part for name, part in state.items() if name != "discriminator"}
            state["generator"] = average or state["generator"]
        for line in unsaid(config):
            logger.warning("the original's code: %s", line)
        if average and not args.generator_only:
            logger.warning(
                "the moving average of the weights, which speaks in this project, has no place "
                "beside optimizers: g_* has the step's own weights; --generator_only writes the "
                "average"
            )
        for written in write_official(args.out_dir, state, config):
            logger.info("wrote %s", written)


if __name__ == "__main__":
    main()
