"""Embedding tables under other symbols or speakers: which old rows each new row begins as."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vits.config import TextConfig, is_name
from vits.transfer.relatives import relatives

# What a new row differs from its relatives by, as a share of the old table's deviation: two equal
# rows would get different gradients, but begin as one symbol and part slowly.
NOISE = 0.1
NOISE_SEED = 20210611  # any; fixed, so that the same files always give the same start


@dataclass(frozen=True)
class Row:
    """One row of the new table."""

    name: str  # the symbol or speaker
    sources: tuple[int, ...]  # old rows; their mean, if several
    why: str  # "" for a known one, whose row is copied as it is


@dataclass(frozen=True)
class TableChange:
    rows: tuple[Row, ...]  # in the new order
    dropped: tuple[str, ...]  # old names without a row in the new table
    relatives: dict[str, str]  # each new name, and in words what it begins as


def symbol_rows(old: TextConfig, new: TextConfig) -> TableChange:
    """By symbol; blank, start and end by what they are for, whatever stands for them.

    A symbol that the old table lacks begins as its closest relative (relatives.py). Names such as
    "<unused 7>" reach no text, so nobody needs to hear of them coming or going.
    """
    place = {symbol: i for i, symbol in enumerate(old.symbols)}
    old_roles, new_roles = _roles(old), _roles(new)
    silent = set(old_roles.values()) if old.blank is None else {old.start, old.end}
    known = {s: i for s, i in place.items() if s not in silent and not is_name(s)}
    role_of = {symbol: role for role, symbol in reversed(new_roles.items())}
    rows = [_symbol_row(symbol, role_of.get(symbol), old, place, known) for symbol in new.symbols]
    copied = {row.sources[0] for row in rows if not row.why}
    return TableChange(
        tuple(rows),
        tuple(s for s, i in place.items() if i not in copied and not is_name(s)),
        {row.name: row.why for row in rows if row.why and not is_name(row.name)},
    )


def speaker_rows(old: Sequence[str], new: Sequence[str]) -> TableChange:
    """By name; a new speaker begins as the mean of all old ones."""
    place = {speaker: i for i, speaker in enumerate(old)}
    rows = tuple(
        Row(name, (place[name],), "")
        if name in place
        else Row(name, tuple(place.values()), f"mean of {len(old)} speakers")
        for name in new
    )
    dropped = tuple(name for name in old if name not in set(new))
    return TableChange(rows, dropped, {row.name: row.why for row in rows if row.why})


def moved_rows(table: Tensor, change: TableChange) -> Tensor:
    """The new table [n_new, C] from the old one [n_old, C].

    Known rows are equal to the bit; the others get NOISE, the same on every call.
    """
    table = table.float().cpu()
    draw = torch.Generator().manual_seed(NOISE_SEED)
    deviation = NOISE * float(table.std(correction=0))
    made = []
    for row in change.rows:
        start = table[list(row.sources)]
        if row.why:
            noise = torch.randn(table.shape[1], generator=draw)
            made.append(start.mean(0) + deviation * noise)
        else:
            made.append(start[0])
    return torch.stack(made)


def _roles(text: TextConfig) -> dict[str, str]:
    """The symbols that stand for no text by themselves."""
    roles = {"blank": text.blank or text.symbols[0], "start": text.start, "end": text.end}
    return {role: symbol for role, symbol in roles.items() if symbol is not None}


def _symbol_row(
    symbol: str, role: str | None, old: TextConfig, place: dict[str, int], known: dict[str, int]
) -> Row:
    roles = _roles(old)
    if role in roles:
        return Row(symbol, (place[roles[role]],), "")
    if symbol in known or (is_name(symbol) and symbol in place and symbol not in roles.values()):
        return Row(symbol, (place[symbol],), "")
    if role is not None or is_name(symbol) or not known:
        return Row(symbol, (place[roles["blank"]],), "the blank")
    near, why = relatives(symbol, known)
    why = f"{near[0]} ({why})" if len(near) == 1 else why
    return Row(symbol, tuple(known[other] for other in near), why)
