"""What the data check has found, as a table for people. Nothing is left out uncounted."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from hifigan.corpus.columns import Columns
from hifigan.corpus.packed import Rows, Strings, pack
from vits.text import describe_symbol

LOUD_SHARE = 0.05  # of utterances refused: more than this is a fault of the set, not of some clips
FILE_NAME = "data_report.txt"
UNKNOWN_FIX = (
    "a new voice takes every symbol of its training texts with --set text.symbols=from_data, and "
    "finetune.py adds them by itself to a trained one; a run that has begun keeps its symbols: "
    "mend the texts, or train anew"
)


@dataclass(frozen=True)
class Refusal:
    split: str  # "train", "mix_in" or "valid"
    place: str  # "train.csv:12"
    id: str
    reason: str
    detail: str  # what was found and expected

    def __str__(self) -> str:
        return f"{self.place}: {self.id}: {self.reason}: {self.detail}"


class Refusals(Rows[Refusal]):
    """The refusals of a table's columns: most utterances of a large set may be refused."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self._rows = columns.strings("refusal")

    def __reduce__(self) -> tuple:  # to another process by the file's path alone
        return Refusals, (self.columns,)

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> Refusal:
        return Refusal(*json.loads(self._rows.row(index)))


def pack_refusals(refusals: Iterable[Refusal]) -> Strings:
    """As Refusals finds them in the column "refusal"."""
    return pack(json.dumps(astuple(refusal)) for refusal in refusals)


@dataclass(frozen=True)
class DataReport:
    folder: str
    n_read: dict[str, int]  # by "train", what is mixed in included, and "valid", as all below
    n_used: dict[str, int]
    seconds: dict[str, float]  # of the used ones
    refusals: Sequence[Refusal]
    sample_rate: int  # Hz, the model's
    resampled: dict[int, int]  # recordings by their rate in Hz; these three over all that are used
    n_folded: int  # to mono
    n_scaled: int  # peak above 1
    unknown: dict[str, int]  # utterances in which an unknown symbol stands
    mixed_in: dict[str, float]  # of data.mix_in: read and used utterances, seconds used; or empty
    new_symbols: dict[str, int]  # put behind trained ones, with the training texts that have them
    new_speakers: dict[str, int]
    new_languages: dict[str, int]
    n_new_texts: int  # training texts with a new symbol

    @property
    def share_refused(self) -> float:  # 0 to 1
        return len(self.refusals) / max(1, sum(self.n_read.values()))

    @property
    def new_seconds(self) -> float:
        """Of the speech to train on, without what is mixed in."""
        return self.seconds["train"] - self.mixed_in.get("seconds", 0)

    def text(self) -> str:
        """The table, with one example for each reason."""
        splits = list(self.n_read)
        rows = [
            ("", *splits),
            ("read", *(self.n_read[s] for s in splits)),
            ("used", *(self.n_used[s] for s in splits)),
            ("refused", *(self.n_read[s] - self.n_used[s] for s in splits)),
            ("hours used", *(f"{self.seconds[s] / 3600:.2f}" for s in splits)),
        ]
        if self.mixed_in:
            rows.insert(3, ("mixed in", self.mixed_in["used"], ""))
        lines = [self.folder]
        lines += [f"  {row[0]:<12}" + "".join(f"{cell:>9}" for cell in row[1:]) for row in rows]
        if self.refusals:
            lines.append(f"refused, {100 * self.share_refused:.1f} % in all:")
        for reason, n_utterances, first in commonest_reasons(self.refusals):
            example = f"{first.place}: {first.id}: {first.detail}"
            lines.append(f"  {n_utterances:>6}  {reason}; {example}")
        lines += self._changes()
        if self.new_symbols:
            lines.append(f"new symbols, added: {list_symbols(self.new_symbols, 12)}")
        for what, new in (("speakers", self.new_speakers), ("languages", self.new_languages)):
            if new:
                some = [f"{name} in {n}" for name, n in list(new.items())[:12]]
                more = f" and {len(new) - len(some)} more" if len(new) > len(some) else ""
                lines.append(f"new {what}, added: {', '.join(some)}{more}")
        if self.unknown:
            lines.append(f"unknown symbols: {list_symbols(self.unknown, 12)}")
            lines.append(f"  fix: {UNKNOWN_FIX}")
        return "\n".join(lines)

    def write(self, run_dir: Path, advice: str | None = None) -> Path:
        """Write the table and every refused utterance with its reason. Returns the file's path.

        advice: a line to put behind the table.
        """
        path = run_dir / FILE_NAME
        lines = [self.text(), *([advice] if advice else [])]
        if self.unknown:
            lines += ["", f"every unknown symbol: {list_symbols(self.unknown)}"]
        if self.refusals:
            lines += ["", "every refused utterance:", *map(str, self.refusals)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def _changes(self) -> list[str]:
        lines = []
        if self.resampled:
            rates = ", ".join(f"{n} from {rate} Hz" for rate, n in sorted(self.resampled.items()))
            lines.append(f"resampled to {self.sample_rate} Hz: {rates}")
        if self.n_folded:
            lines.append(f"folded to mono: {self.n_folded}")
        if self.n_scaled:
            lines.append(f"peak above 1, scaled down: {self.n_scaled}")
        return lines


def commonest_reasons(refusals: Iterable[Refusal]) -> list[tuple[str, int, Refusal]]:
    """Each reason with the number of its refusals and the first of them, the commonest first."""
    counts, firsts = Counter(), {}
    for refusal in refusals:
        counts[refusal.reason] += 1
        firsts.setdefault(refusal.reason, refusal)
    return [(reason, n, firsts[reason]) for reason, n in counts.most_common()]


def list_symbols(counts: dict[str, int], limit: int | None = None) -> str:
    """Symbols with the number of utterances they stand in, the commonest first."""
    common: Sequence[tuple[str, int]] = Counter(counts).most_common(limit)
    named = ", ".join(f"{describe_symbol(symbol)} in {n}" for symbol, n in common)
    n_more = len(counts) - len(common)
    return f"{named} and {n_more} symbols more" if n_more else named
