"""Which symbols, speakers and languages a run has: those of its config, of its data, or both.

"from_data" takes them from the training lines. A table that grows, for trained weights, keeps its
rows and takes at its end what the training lines have besides.
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vits.config import FROM_DATA, VitsConfig

BLANK = "_"  # heads a table made from data, as it does in the published ones


@dataclass
class Heard:
    """What the training lines have that nothing speaks against."""

    symbols: Counter[str] = field(default_factory=Counter)  # with the lines that have them
    speakers: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)

    def add(self, symbols: Sequence[str], speaker: str | None, language: str | None) -> None:
        self.symbols.update(set(symbols))
        if speaker:  # an empty name is nobody's
            self.speakers[speaker] += 1
        if language:
            self.languages[language] += 1


@dataclass(frozen=True)
class Tables:
    symbols: tuple[str, ...]
    speakers: tuple[str, ...] | None
    languages: tuple[str, ...] | None
    new_symbols: dict[str, int]  # what was put behind trained rows, with the lines that have it
    new_speakers: dict[str, int]
    new_languages: dict[str, int]


def make_tables(config: VitsConfig, heard: Heard, growing: Collection[str]) -> Tables:
    """The tables that training takes. growing: those of asked_tables that grow."""
    symbols, new_symbols = config.text.symbols, {}
    if symbols == FROM_DATA:
        symbols = BLANK, *sorted(heard.symbols.keys() - {BLANK})
    elif "symbols" in growing:
        new_symbols = _besides(symbols, heard.symbols)
    speakers, new_speakers = _names(config.data.speakers, heard.speakers, "speakers" in growing)
    languages, new_languages = _names(
        config.data.languages, heard.languages, "languages" in growing
    )
    return Tables(
        (*symbols, *new_symbols), speakers, languages, new_symbols, new_speakers, new_languages
    )


def asked_tables(config: VitsConfig) -> dict[str, Any]:
    """What the config says of each table: its rows, "from_data", or None for names."""
    return {
        "symbols": config.text.symbols,
        "speakers": config.data.speakers,
        "languages": config.data.languages,
    }


def answers(facts: dict[str, Any], name: str, asked: Any, growing: Collection[str]) -> bool:
    """Whether a check gave the table `name` that a run asks for; asked: as JSON has it.

    facts: of the check: the table that it gave, the one it was asked for, and whether that grew.
    """
    given, formerly, grew = facts[name], facts[f"asked_{name}"], name in facts["growing"]
    if asked == formerly and (asked in (FROM_DATA, None) or grew == (name in growing)):
        return True
    has_all = grew or formerly == FROM_DATA  # that the lines have: it cannot grow any more
    return asked == given and (has_all or name not in growing)


def resolved(config: VitsConfig, tables: Mapping[str, Sequence[str] | None]) -> VitsConfig:
    """The config with the tables that were used; tables: by the names of asked_tables."""
    names = {
        name: None if tables[name] is None else tuple(tables[name])
        for name in ("speakers", "languages")
    }
    return dataclasses.replace(
        config,
        text=dataclasses.replace(config.text, symbols=tuple(tables["symbols"])),
        data=dataclasses.replace(config.data, **names),
    )


def _names(
    asked: tuple[str, ...] | str | None, heard: Counter[str], grows: bool
) -> tuple[tuple[str, ...] | None, dict[str, int]]:
    """A table of names, and what was put at its end."""
    if asked == FROM_DATA:
        return tuple(sorted(heard)), {}
    if asked is None or not grows:
        return asked, {}
    new = _besides(asked, heard)
    return (*asked, *new), new


def _besides(asked: tuple[str, ...], heard: Counter[str]) -> dict[str, int]:
    return {name: heard[name] for name in sorted(heard.keys() - set(asked))}
