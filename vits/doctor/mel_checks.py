"""Whether the recordings and the mels that a run is given belong to its config and together."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from hifigan.audio import read_header, resampled_length
from hifigan.corpus.finder import list_recordings
from hifigan.errors import UserError
from hifigan.mel_recipe import FIX, MelRecipe, input_recipe, require_same_recipe
from hifigan.mels_on_disk import RECIPE_NAME, check_mels, list_mels, read_recipe
from hifigan.vocoder_config import VocoderConfig
from vits.doctor.findings import ERROR, WARNING, Case, Finding
from vits.doctor.mel_search import LOGARITHMS, differences, recipe_of_mels
from vits.doctor.text_rules import finding, some_of

Pair = tuple[str, Path, Path, int]  # id, paths of mel and recording, samples at the recipe's rate
DECLARE = "python -m hifigan.extract_mel_spectrograms --declare_recipe -c CONFIG --output_dir"
N_RATES = 200  # recordings whose headers are read: some are enough to tell


def mel_findings(config: VocoderConfig) -> list[Finding]:
    """Of data.mels, if the config names some: their recipe, then their lengths and values.

    Values are compared with the mels that the recordings have by the config's recipe
    (hifigan/mel_faults.py says what is recognised, and how surely). Where they were computed by
    another recipe in common use, it is told which (mel_search.py).
    """
    if config.data.mels is None:
        return []
    folder, wanted = Path(config.data.mels), input_recipe(config)
    try:
        paths, recordings = list_mels(folder), list_recordings(Path(config.data.wavs))
        pairs = _pairs(paths, recordings, wanted)
        is_told = (folder / RECIPE_NAME).exists()
        if is_told:
            require_same_recipe(read_recipe(folder), wanted, folder, "the config")
    except UserError as error:
        return [_not_for_this(str(error), FIX)]
    others = _others(pairs, wanted)
    if not is_told:
        return [_untold(others, folder)]
    return [*_alone(paths, recordings), *_mismatches(pairs, wanted, others, folder)]


def rate_findings(paths: Sequence[Path], sample_rate: int) -> list[Finding]:
    """Of recordings with fewer samples a second than a run's config has, by N_RATES of them.

    What cannot be read is left to others. Higher rates cost time alone.
    """
    chosen = np.linspace(0, len(paths) - 1, min(len(paths), N_RATES)).round().astype(int)
    rates: dict[Path, int] = {}
    for i in chosen.tolist():
        with suppress(UserError):
            rates[paths[i]] = read_header(paths[i]).sample_rate
    cases = [
        Case(str(path), path.stem, f"{rate} Hz", sample_rate / rate, str(path))
        for path, rate in rates.items()
        if rate < sample_rate
    ]
    if not cases:
        return []
    lowest = min(rates.values())
    have = "has" if len(cases) == 1 else "have"
    title = f"{len(cases)} of {len(rates)} recordings {have} a lower rate than the run"
    why = f"They are made {sample_rate} Hz, but the sounds above {lowest / 2:g} Hz stay missing."
    fix = f"use the original recordings; or set audio.sample_rate to {lowest} and train anew"
    return [finding("other_rate", WARNING, title, why, fix, cases)]


def _pairs(
    paths: Mapping[str, Path], recordings: Mapping[str, Path], wanted: MelRecipe
) -> list[Pair]:
    """The mels that have a recording."""
    pairs = []
    for id_, path in paths.items():
        if id_ in recordings:
            header = read_header(recordings[id_])
            n = resampled_length(header.n_samples, header.sample_rate, wanted.sample_rate)
            pairs.append((id_, path, recordings[id_], n))
    return pairs


def _others(pairs: Sequence[Pair], wanted: MelRecipe) -> dict[str, str] | None:
    """What is other in the recipe that the mels were computed by; None where none is found."""
    try:
        found = recipe_of_mels([(mel, recording) for _, mel, recording, _ in pairs], wanted)
    except UserError:  # a file is damaged, which check_mels tells
        return None
    return None if found is None else differences(found, wanted)


def _told(others: dict[str, str] | None) -> str:
    """To be put behind a sentence whose full stop is still to come."""
    if others is None:
        return ""
    if not others:
        return "; their values are those of this config's recipe"
    named = _listed([f"{name} {value}" for name, value in others.items()])
    return f"; their values are those of a recipe with {named}"


def _fix(others: dict[str, str] | None, folder: Path) -> str:
    if others is None:
        return FIX
    if not others:
        return f"declare the recipe: {DECLARE} {folder}"
    if others.keys() == {"logarithm"} and others["logarithm"] in LOGARITHMS:
        return f"multiply the mels by {1 / LOGARITHMS[others['logarithm']]:.6g}"
    if not all(name.startswith("audio.") for name in others):
        return (
            "make the mels anew (python -m hifigan.extract_mel_spectrograms): no config says this"
        )
    keys = [f"{name} to {value}" for name, value in others.items()]
    if "audio.hop_length" in others:
        product = others["audio.hop_length"]
        keys.append(f"generator.upsample_rates to numbers whose product is {product}")
    recipe = folder / RECIPE_NAME
    deleted = f", delete {recipe}" if recipe.exists() else ""
    return (
        f"set {_listed(keys)} in the config{deleted} and declare the recipe: {DECLARE} {folder}; "
        f"or make the mels anew"
    )


def _listed(parts: Sequence[str]) -> str:
    """ "a, b and c" """
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else parts[0]


def _not_for_this(told: str, fix: str) -> Finding:
    title = "the mels were not made for this vocoder"
    why = f"It would learn to make sound of another language: {told}."
    return finding("mel_recipe", ERROR, title, why, fix, [])


def _untold(others: dict[str, str] | None, folder: Path) -> Finding:
    """Of mels without the file that names their recipe."""
    title = f"nothing says how the mels were made: there is no {folder / RECIPE_NAME}"
    why = f"A vocoder makes noise of mels that were made otherwise{_told(others)}."
    fix = _fix(others, folder)
    if others is None:
        fix = f"if it was by this config, declare it: {DECLARE} {folder}; or {FIX}"
    return finding("mel_recipe", ERROR, title, why, fix, [])


def _alone(paths: Mapping[str, Path], recordings: Mapping[str, Path]) -> list[Finding]:
    alone = [id_ for id_ in paths if id_ not in recordings]
    if not alone:
        return []
    cases = [Case("", id_, "no recording of this name") for id_ in alone]
    title = some_of(len(alone), "mels have no recording", len(paths))
    fix = "give both the same names below their folders"
    return [finding("mel_alone", WARNING, title, "They are not used.", fix, cases)]


def _mismatches(
    pairs: Sequence[Pair], wanted: MelRecipe, others: dict[str, str] | None, folder: Path
) -> list[Finding]:
    faults = check_mels(pairs, wanted)
    if not faults and not others:
        return []
    if not faults:  # near enough to be taken for the config's, but exactly another recipe's
        title = "the mels were made by another recipe than the config's"
        why = f"Mels that are made by the config would sound wrong{_told(others)}."
        return [finding("mel_mismatch", WARNING, title, why, _fix(others, folder), [])]
    recordings = {id_: str(recording) for id_, _, recording, _ in pairs}
    cases = [Case(str(f.path), f.id, f.told, 1.0, recordings[f.id]) for f in faults]
    title = some_of(len(faults), "mels do not belong to their recordings", len(pairs))
    why = f"The vocoder learns sounds that are not those of its mels: noise{_told(others or None)}."
    return [finding("mel_mismatch", ERROR, title, why, _fix(others or None, folder), cases)]
