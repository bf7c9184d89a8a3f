"""Which symbols and speakers a run has: those of its config, those of its data, or both.

"from_data" takes them from the training lines. A table that grows, for trained weights, keeps its
rows and takes at its end what the training lines have besides.
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from vits.config import FROM_DATA, VitsConfig

BLANK = "_"  # heads a table made from data, as it does in the published ones


@dataclass
class Heard:
    """What the training lines have that nothing speaks against."""

    symbols: Counter[str] = field(default_factory=Counter)  # with the lines that have them
    speakers: Counter[str] = field(default_factory=Counter)

    def add(self, symbols: Sequence[str], speaker: str | None) -> None:
        self.symbols.update(set(symbols))
        if speaker:  # an empty name is nobody's
            self.speakers[speaker] += 1


@dataclass(frozen=True)
class Tables:
    symbols: tuple[str, ...]
    speakers: tuple[str, ...] | None
    new_symbols: dict[str, int]  # what was put behind trained rows, with the lines that have it
    new_speakers: dict[str, int]


def make_tables(config: VitsConfig, heard: Heard, growing: Collection[str]) -> Tables:
    """The tables that training takes. growing: those of "symbols" and "speakers" that grow."""
    symbols, speakers = config.text.symbols, config.data.speakers
    new_symbols, new_speakers = {}, {}
    if symbols == FROM_DATA:
        symbols = BLANK, *sorted(heard.symbols.keys() - {BLANK})
    elif "symbols" in growing:
        new_symbols = _besides(symbols, heard.symbols)
    if speakers == FROM_DATA:
        speakers = tuple(sorted(heard.speakers))
    elif speakers is not None and "speakers" in growing:
        new_speakers = _besides(speakers, heard.speakers)
    return Tables(
        (*symbols, *new_symbols),
        None if speakers is None else (*speakers, *new_speakers),
        new_symbols,
        new_speakers,
    )


def answers(facts: dict[str, Any], name: str, asked: Any, growing: Collection[str]) -> bool:
    """Whether a check gave the table `name` that a run asks for; asked: as JSON has it.

    facts: of the check: the table that it gave, the one it was asked for, and whether that grew.
    """
    given, formerly, grew = facts[name], facts[f"asked_{name}"], name in facts["growing"]
    if asked == formerly and (asked in (FROM_DATA, None) or grew == (name in growing)):
        return True
    has_all = grew or formerly == FROM_DATA  # that the lines have: it cannot grow any more
    return asked == given and (has_all or name not in growing)


def resolved(
    config: VitsConfig, symbols: Sequence[str], speakers: Sequence[str] | None
) -> VitsConfig:
    """The config with the tables that were used."""
    return dataclasses.replace(
        config,
        text=dataclasses.replace(config.text, symbols=tuple(symbols)),
        data=dataclasses.replace(
            config.data, speakers=None if speakers is None else tuple(speakers)
        ),
    )


def _besides(asked: tuple[str, ...], heard: Counter[str]) -> dict[str, int]:
    return {name: heard[name] for name in sorted(heard.keys() - set(asked))}
