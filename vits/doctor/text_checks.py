"""What is wrong with the texts of a data set: letters, scripts, marks and repeated sentences."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from vits.config import VitsConfig
from vits.corpus.sentences import sentence_key
from vits.doctor.findings import ERROR, NOTE, WARNING, Case, Finding, Histogram, Table
from vits.doctor.reading_checks import number_findings, symbol_findings
from vits.doctor.sound_histograms import histogram
from vits.doctor.text_rules import (
    N_CASES,
    ODD,
    SCRIPTS,
    case_of,
    finding,
    mixed_words,
    odd_texts,
    script_of,
    some_of,
)
from vits.sources.entry import Entry
from vits.text import describe_symbol

END_MARKS = frozenset(".!?…:;。！？।؟")
N_LOOKED_AT = 20_000  # texts, for pairs of letters
MANY_READINGS = 20  # of one sentence, and more than a twentieth of the set
LONG_TEXT = 400  # characters


def text_findings(
    entries: Sequence[Entry], config: VitsConfig | None
) -> tuple[list[Finding], list[Histogram], list[Table]]:
    """Of the texts alone. config: how they would be read; None: as what they are."""
    rules = odd_texts()
    cases: dict[str, list[Case]] = defaultdict(list)
    n_found: Counter[str] = Counter()
    scripts: Counter[str] = Counter()
    ends: Counter[bool] = Counter()
    marks: Counter[str] = Counter()
    characters: Counter[str] = Counter()
    readings: Counter[int] = Counter()
    lengths = np.zeros(len(entries))
    by_script: dict[str, list[Case]] = defaultdict(list)
    without_end: list[Case] = []

    def add(kind: str, entry: Entry, detail: str, badness: float = 0.0) -> None:
        n_found[kind] += 1
        if len(cases[kind]) < N_CASES:
            cases[kind].append(case_of(entry, detail, badness))

    for i, entry in enumerate(entries):
        text = entry.text
        lengths[i] = len(text)
        characters.update(set(text.lower()))
        has_words = any(map(str.isalnum, text))
        if not text.strip():
            add("empty_text", entry, "no text")
            continue
        if not has_words:
            add("only_punctuation", entry, f"{text[:40]!r}")
            continue
        if ODD.search(text) or (not text.isascii() and _looks_coded(text)):
            for kind, *_, tells in rules:
                if told := tells(text):
                    add(kind, entry, told)
        script = "LATIN" if text.isascii() else script_of(text)
        scripts[script] += 1
        if len(by_script[script]) < N_CASES:
            by_script[script].append(case_of(entry, f"mostly {script.lower()}: {text[:60]!r}"))
        if not text.isascii() and (told := mixed_words(text)):
            add("mixed_scripts", entry, told)
        if len(text) > LONG_TEXT:
            add("long_text", entry, f"{len(text)} characters", len(text))
        if text.isupper() and sum(map(str.isalpha, text)) > 12:
            add("capitals", entry, f"{text[:60]!r}")
        last = text.rstrip(" \"'”“»)’")[-1:]
        ended = last in END_MARKS
        marks[last] += 1
        ends[ended] += 1
        if not ended and len(without_end) < N_CASES:
            without_end.append(case_of(entry, f"ends with {text[-12:]!r}"))
        readings[hash(sentence_key(text))] += 1

    n = len(entries)
    found = _fixed_findings(cases, n_found, n)
    for kind, severity, what, why, fix, _ in rules:
        if n_found[kind]:
            title = some_of(n_found[kind], what, n)
            found.append(Finding(kind, severity, title, why, fix, cases[kind], n_found[kind]))
    found += _script_findings(scripts, by_script, entries, config)
    if ends[True] > 4 * ends[False] > 0:
        what = "texts have no mark at their end, unlike most"
        why = "The voice learns to end a sentence by its mark, and breaks off without."
        title = some_of(ends[False], what, n)
        fix = "put a full stop where a sentence ends"
        found.append(Finding("no_end_mark", NOTE, title, why, fix, without_end, ends[False]))
    found += _repeat_findings(entries, readings)
    found += number_findings(entries, config)
    if config is not None:
        found += symbol_findings(entries, config)
    table = Table(
        "characters of the texts",
        ("character", "texts"),
        [(describe_symbol(c), f"{k:,}") for c, k in characters.most_common(80)],
    )
    drawn = [histogram("length of text", "characters", lengths)] if n else []
    return found, drawn, [table, _coverage(entries, marks, len(readings))]


def _fixed_findings(
    cases: Mapping[str, list[Case]], n_found: Mapping[str, int], n: int
) -> list[Finding]:
    told = (
        (
            "empty_text",
            ERROR,
            "utterances have no text",
            "There is nothing to learn in them.",
            "write what is said, or remove the lines",
        ),
        (
            "only_punctuation",
            ERROR,
            "texts are marks alone, without a word",
            "There is nothing to speak in them.",
            "write what is said, or remove the lines",
        ),
        (
            "mixed_scripts",
            WARNING,
            "texts have words of Latin and Cyrillic letters mixed",
            "Letters that look alike are different symbols, and the word is read as nonsense.",
            "type the word again with one keyboard; the right one stands beside each",
        ),
        (
            "long_text",
            NOTE,
            f"texts have more than {LONG_TEXT} characters",
            "They take most memory, and attention to them is hard to learn.",
            "cut recording and text at a pause",
        ),
        (
            "capitals",
            NOTE,
            "texts are in capitals alone",
            "Espeak reads some such words letter by letter.",
            "write them as sentences",
        ),
    )
    return [
        Finding(
            kind,
            severity,
            some_of(n_found[kind], what, n),
            why,
            fix,
            sorted(cases[kind], key=lambda c: -c.badness),
            n_found[kind],
        )
        for kind, severity, what, why, fix in told
        if n_found[kind]
    ]


def _script_findings(
    scripts: Counter[str],
    by_script: Mapping[str, list[Case]],
    entries: Sequence[Entry],
    config: VitsConfig | None,
) -> list[Finding]:
    """Texts in another script than the language's, or else than most."""
    if not scripts or any(entry.language for entry in entries[:1]):
        return []
    if config is not None and config.text.front_end == "phonemes":
        expected = SCRIPTS.get(config.text.language.split("-")[0], "LATIN")
        whose = f"text.language {config.text.language}"
    else:
        expected, most = scripts.most_common(1)[0]
        whose = "most texts"
        if most < 0.8 * scripts.total():
            return []
    others = {s: n for s, n in scripts.items() if s not in (expected, "")}
    if not others:
        return []
    n = sum(others.values())
    cases = [case for script in others for case in by_script[script]]
    is_all = 2 * n > scripts.total()
    why = "They are spelt letter by letter, or learnt as symbols that hardly occur."
    fix = (
        "name the language of the texts: --set text.language=bg" if is_all else "check these texts"
    )
    title = some_of(n, f"texts are in another script than {whose}", scripts.total())
    return [
        Finding("other_script", ERROR if is_all else WARNING, title, why, fix, cases[:N_CASES], n)
    ]


def _repeat_findings(entries: Sequence[Entry], readings: Counter[int]) -> list[Finding]:
    many = {k for k, n in readings.items() if n >= MANY_READINGS and 20 * n > len(entries)}
    found = []
    if many:
        cases: dict[int, Case] = {}
        for entry in entries:
            key = hash(sentence_key(entry.text))
            if key in many and key not in cases:
                cases[key] = case_of(
                    entry, f"{readings[key]} times: {entry.text[:60]!r}", readings[key]
                )
        why = "The voice learns them by heart, and others less."
        title = some_of(len(many), "sentences are a twentieth of the set each, or more")
        fix = "keep some readings of each"
        found.append(finding("repeated_sentence", WARNING, title, why, fix, list(cases.values())))
    n_again = sum(n - 1 for n in readings.values())
    if n_again > 0.1 * len(entries):
        what = f"{len(readings):,} different sentences in {len(entries):,} utterances"
        why = "Readings of one sentence teach less than other sentences would."
        fix = "hold out whole sentences for validation (vits.prepare does)"
        found.append(finding("readings", NOTE, what, why, fix, []))
    return found


def _coverage(entries: Sequence[Entry], ends: Counter[str], n_sentences: int) -> Table:
    """What kinds of sentences and pairs of letters there are. ends: texts by their last mark."""
    some = entries[:: max(1, len(entries) // N_LOOKED_AT)]
    pairs = {
        pair
        for entry in some
        for word in sentence_key(entry.text).split()
        for pair in zip(word, word[1:])
    }
    rows = [
        ("different sentences", f"{n_sentences:,}"),
        ("questions", f"{ends['?']:,}"),
        ("exclamations", f"{ends['!']:,}"),
        ("pairs of letters", f"{len(pairs):,}"),
    ]
    return Table("coverage", ("what", "how many"), rows)


def _looks_coded(text: str) -> bool:
    return any(c in text for c in "ÃÂÐÑРС\ufffd") or any("\u2000" <= c <= "\u206f" for c in text)
