"""One voice's weights into a model for another: by part, by symbol and by speaker.

Nothing in the model changes before all is found to fit.
"""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from hifigan.errors import UserError
from hifigan.json_config import config_from_dict
from hifigan.layers import matching, part_of, plain_name, selects
from vits.config import VitsConfig
from vits.model import VitsModel
from vits.transfer.born import born
from vits.transfer.conditions import entered_names, folded, is_condition, silenced
from vits.transfer.enough import FLAG, require_judges, require_numbers, require_share
from vits.transfer.fitting import require_same_meaning
from vits.transfer.languages import LANGUAGES, in_one_language, language_rows
from vits.transfer.report import LoadReport, TensorFate
from vits.transfer.tables import TableChange, moved_rows, speaker_rows, symbol_rows

SYMBOLS, SPEAKERS = "text_encoder.embedding.weight", "speaker_embedding.weight"
JUDGE = "discriminator."
NO_CHANGE = TableChange((), (), {})


def transfer(
    contents: dict[str, Any],
    target: VitsConfig,
    model: VitsModel,
    discriminator: nn.Module,
    reinitialise: Sequence[str] = (),
    speaker: str | None = None,
    *,
    path: Path,
) -> LoadReport:
    """Load what fits into the modules, which are those of `target`; the rest stays as it was made.

    contents: "config", "generator", and where there are such "discriminator", "ema", "step",
    "format", and "absent": patterns of names that the format never holds, those of discriminators
    with "discriminator." before them. The moving average goes before the weights of the last step,
    because it is the better voice. reinitialise: patterns of parts and layers that stay as they
    were made. speaker: whose voice a voice of many speakers
    keeps in a model for one; None: the mean of all. path: of the file, for messages.

    Weights that the config gives another meaning, and less than MIN_SHARE of the parameters, are a
    UserError that names the flag which would allow it.
    """
    saved = config_from_dict(VitsConfig, contents["config"], str(path))
    averaged = contents.get("ema") is not None
    voice = contents["ema" if averaged else "generator"]
    judges = {JUDGE + k: v for k, v in (contents.get("discriminator") or {}).items()}
    ours = model.state_dict()
    our_judges = {JUDGE + name: tensor for name, tensor in discriminator.state_dict().items()}
    names = [*ours, *our_judges]
    weights = {plain_name(name) for name in matching(reinitialise, names, FLAG)}
    asked = {name for name in names if plain_name(name) in weights}
    tables = {SYMBOLS, SPEAKERS, LANGUAGES}
    voice = {name: t for name, t in voice.items() if name not in asked & tables}

    held = voice | judges
    wanted = [name for name in names if name not in asked and name in held]
    both_many = saved.data.speakers is not None and target.data.speakers is not None
    require_same_meaning(
        path,
        saved,
        target,
        {part_of(name) for name in wanted},
        both_many and any(n == SPEAKERS or is_condition(n) for n in wanted),
    )
    told, languages = _in_languages(path, voice, saved, target)
    fitted, symbols, speakers, speaker_change = _with_tables(path, told, saved, target, speaker)
    moved = {name for name, tensor in fitted.items() if tensor is not voice.get(name)}
    state, fates = _chosen(ours, fitted, asked, moved)
    state_of_judges, fates_of_judges = _chosen(our_judges, judges, asked, set())

    begun = born(saved, names) | ({LANGUAGES} - voice.keys())  # no such voice can have them
    if saved.data.speakers is None and target.data.speakers is not None:
        begun |= {n for n in ours if (n == SPEAKERS or is_condition(n)) and n not in voice}
        entered = entered_names(list(ours), target.model.text_encoder.speaker_layer)
        shapes = {name: tensor.shape for name, tensor in ours.items()}
        begins = [
            name
            for name in begun - asked
            if is_condition(name)
            and all(bias in state for bias in entered[name.rpartition(".condition.")[0]])
        ]
        state |= silenced(begins, shapes)
    absent = {
        name for pattern in contents.get("absent", ()) for name in names if selects(pattern, name)
    }
    excused = asked | begun | absent
    share = require_share(path, fates, excused)
    if judges:
        require_judges(path, fates_of_judges, asked | absent | begun)

    require_numbers(path, state | state_of_judges)
    skipped = _skipped(voice, ours) + _skipped(judges, our_judges)
    model.load_state_dict(ours | state)
    discriminator.load_state_dict(
        {name.removeprefix(JUDGE): t for name, t in (our_judges | state_of_judges).items()}
    )
    return LoadReport(
        path=path,
        format=contents.get("format", "ours"),
        step=contents.get("step", 0),
        averaged=averaged,
        share=share,
        tensors=(*fates, *fates_of_judges, *skipped),
        new_symbols=symbols.relatives,
        dropped_symbols=symbols.dropped,
        new_speakers=speakers.relatives,
        dropped_speakers=speakers.dropped,
        speaker_change=speaker_change,
        new_languages=languages.relatives,
        dropped_languages=languages.dropped,
    )


def _in_languages(
    path: Path, voice: dict[str, Tensor], saved: VitsConfig, target: VitsConfig
) -> tuple[dict[str, Tensor], TableChange]:
    """The voice with the target's language embedding, if both have one, and what changed."""
    if LANGUAGES not in voice:
        return voice, NO_CHANGE
    old, new = saved.data.languages, target.data.languages
    _require_rows(path, voice[LANGUAGES], len(old), "languages")
    if target.model.language_embedding:
        change = language_rows(old, new)
        return voice | {LANGUAGES: _moved(voice[LANGUAGES], change)}, change
    if SYMBOLS not in voice:
        return {name: t for name, t in voice.items() if name != LANGUAGES}, NO_CHANGE
    try:
        return in_one_language(voice, old, target.text.language), NO_CHANGE
    except UserError as error:
        raise UserError(f"{path}: text.{error}") from None


def _with_tables(
    path: Path,
    voice: dict[str, Tensor],
    saved: VitsConfig,
    target: VitsConfig,
    speaker: str | None,
) -> tuple[dict[str, Tensor], TableChange, TableChange, str]:
    """The voice under the target's symbols and speakers, what changed, and of speakers a word."""
    old, new = saved.data.speakers, target.data.speakers
    fitted, change, words = dict(voice), NO_CHANGE, ""
    if speaker is not None and (old is None or new is not None):
        why = "has one speaker" if old is None else "goes into a model for many, which keeps all"
        raise UserError(f"{path}: speaker {speaker!r} is asked for, but it {why}; leave that out")
    symbols = NO_CHANGE
    if SYMBOLS in voice:  # a decoder alone has no symbols
        symbols = symbol_rows(saved.text, target.text)
        _require_rows(path, voice[SYMBOLS], len(saved.text.symbols), "symbols")
        fitted[SYMBOLS] = _moved(voice[SYMBOLS], symbols)
    if old is None or SPEAKERS not in voice:
        if old is None and new is not None:
            words = (
                f"one speaker becomes {len(new)}: what speakers add begins at zero, so that every "
                f"one begins as the old voice"
            )
        return fitted, symbols, change, words
    _require_rows(path, voice[SPEAKERS], len(old), "speakers")
    if new is not None:
        change = speaker_rows(old, new)
        fitted[SPEAKERS] = _moved(voice[SPEAKERS], change)
    else:
        row, whose = _one_speaker(path, voice[SPEAKERS], old, speaker)
        fitted = folded(fitted, row, saved.model.text_encoder.speaker_layer)
        words = f"{len(old)} speakers become one: {whose} is put into the biases"
    return fitted, symbols, change, words


def _moved(table: Tensor, change: TableChange) -> Tensor:
    """The same tensor where every row stays in its place."""
    stays = len(change.rows) == len(table) and all(
        row.sources == (i,) and not row.why for i, row in enumerate(change.rows)
    )
    return table if stays else moved_rows(table, change)


def _one_speaker(
    path: Path, table: Tensor, speakers: Sequence[str], speaker: str | None
) -> tuple[Tensor, str]:
    if speaker is None:
        return table.float().mean(0), "their mean" if len(speakers) > 1 else speakers[0]
    if speaker not in speakers:
        near = difflib.get_close_matches(speaker, speakers, 3, 0.3) or list(speakers[:3])
        raise UserError(
            f"{path}: has no speaker {speaker!r}; it has {len(speakers)}, such as {', '.join(near)}"
        )
    return table[speakers.index(speaker)].float(), speaker


def _require_rows(path: Path, table: Tensor, n_names: int, what: str) -> None:
    if len(table) != n_names:
        raise UserError(
            f"{path}: its table has {len(table)} rows, but its config lists {n_names} {what}; "
            f"use the config that belongs to it"
        )


def _chosen(
    ours: dict[str, Tensor], theirs: dict[str, Tensor], asked: set[str], moved: set[str]
) -> tuple[dict[str, Tensor], list[TensorFate]]:
    """The tensors to load, and what becomes of each of ours. A layer's weight is one, normed or
    not: the norm of one file with the direction of another would be neither's.
    """
    found = _by_weight(theirs)
    state, fates = {}, []
    for weight, names in _by_weight(ours).items():
        misfit, there = "", found.get(weight, [])
        if any(name in asked for name in names):
            fate = "reinitialised"
        elif not there:
            fate = "fresh"
        elif _shapes(theirs, there) == _shapes(ours, names):
            fate = "resized" if moved.intersection(names) else "loaded"
            state |= {name: theirs[name] for name in names}
        else:
            fate = "reinitialised"
            shapes = (list(max(t[n].shape for n in g)) for t, g in ((theirs, there), (ours, names)))
            misfit = "is {}, here {}".format(*shapes)
        fates += [TensorFate(name, ours[name].numel(), fate, misfit) for name in names]
    return state, fates


def _by_weight(tensors: dict[str, Tensor]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in tensors:
        groups.setdefault(plain_name(name), []).append(name)
    return groups


def _shapes(tensors: dict[str, Tensor], names: list[str]) -> dict[str, Any]:
    return {name: tensors[name].shape for name in names}


def _skipped(theirs: dict[str, Tensor], ours: dict[str, Tensor]) -> list[TensorFate]:
    known = _by_weight(ours)
    return [
        TensorFate(name, tensor.numel(), "skipped")
        for name, tensor in theirs.items()
        if plain_name(name) not in known
    ]
