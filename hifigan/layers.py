"""Which tensors of a model a user means: parts and layers by name, or glob patterns.

Names are those of `named_parameters()` or `state_dict()`; the discriminator's begin with
"discriminator.". Parts are what stands before the first dot: "flow", "decoder", "discriminator".
"""

import difflib
import fnmatch
import re
from collections.abc import Sequence

from hifigan.errors import UserError, legible

ORIGINALS = {  # what the original code and its descendants call the parts
    "enc_p": "text_encoder",
    "enc_q": "posterior_encoder",
    "dp": "duration_predictor",
    "sdp": "duration_predictor",
    "dec": "decoder",
    "waveform_decoder": "decoder",
    "generator": "decoder",
    "emb_g": "speaker_embedding",
    "speakers": "speaker_embedding",
    "net_d": "discriminator",
    "disc": "discriminator",
    "mpd": "discriminator",
    "msd": "discriminator",
}
N_NEAR = 3  # names in a message
SPEAKER_TABLE = "speaker_embedding"


def part_of(name: str) -> str:
    """The part that a tensor belongs to."""
    return name.partition(".")[0]


def plain_name(name: str) -> str:
    """A tensor's name without weight norm: both of its tensors are a layer's "weight"."""
    return re.sub(r"\.parametrizations\.(\w+)\.\w+(\.\w+)?$", r".\1", name)


def selects(pattern: str, name: str) -> bool:
    """Whether a name answers to a pattern, as `matching` describes them."""
    spellings = (name, plain_name(name))
    if any(sign in pattern for sign in "*?["):
        return any(fnmatch.fnmatchcase(spelling, pattern) for spelling in spellings)
    return any(f"{spelling}.".startswith(f"{pattern.rstrip('.')}.") for spelling in spellings)


def matching(patterns: Sequence[str], names: Sequence[str], where: str) -> set[str]:
    """The names that at least one pattern selects.

    A pattern is a name, or how names begin up to a dot ("flow", "text_encoder.layers.0"), or a glob
    over whole names ("*.bias"), in which upper and lower case differ. The tensors of weight norm
    answer to their layer's "weight", too. where: what gave the patterns, such as
    "--freeze_layers". A pattern that selects nothing is a UserError.
    """
    selected = set()
    for pattern in patterns:
        found = {name for name in names if selects(pattern, name)}
        if not found:
            raise UserError(f"{where}: {legible(pattern)} {_why_nothing(pattern, names)}")
        selected |= found
    return selected


def _why_nothing(pattern: str, names: Sequence[str]) -> str:
    parts = list(dict.fromkeys(map(part_of, names)))
    near = _near(pattern, names, parts)
    if SPEAKER_TABLE in near[:1] and SPEAKER_TABLE not in parts:
        return "selects nothing: the model has one speaker and so no speaker_embedding; drop it"
    guess = f"; did you mean {' or '.join(near)}?" if near else ";"
    return (
        f"selects no layer{guess} give parts ({', '.join(parts)}), names of layers within them, or "
        f"globs over whole names such as *.bias"
    )


def _near(pattern: str, names: Sequence[str], parts: list[str]) -> list[str]:
    first, dot, rest = pattern.partition(".")
    ours = ORIGINALS.get(first, first)
    if ours == SPEAKER_TABLE and ours not in parts:
        return [ours]
    if ours != first and ours in parts:
        translated = f"{ours}{dot}{rest}"
        return [translated if any(selects(translated, name) for name in names) else ours]
    layers = {prefix for name in names for prefix in _prefixes(plain_name(name))}
    return difflib.get_close_matches(pattern, sorted(layers), N_NEAR)


def _prefixes(name: str) -> list[str]:
    """A name and its beginnings up to each dot, the part first."""
    pieces = name.split(".")
    return [".".join(pieces[:n]) for n in range(1, len(pieces) + 1)]
