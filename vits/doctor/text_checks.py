"""What is wrong with the texts of a data set, with how they fit the recordings, and the config."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from hifigan.errors import UserError
from vits.config import VitsConfig
from vits.corpus.advice import amount
from vits.corpus.sentences import sentence_key
from vits.doctor.findings import ERROR, NOTE, WARNING, Case, Finding, Histogram, Table
from vits.doctor.sound_histograms import histogram
from vits.doctor.text_rules import (
    DIGIT,
    N_CASES,
    ODD,
    SCRIPTS,
    finding,
    mixed_words,
    odd_texts,
    script_of,
    some_of,
)
from vits.sources.entry import Entry
from vits.text import MarkError, SymbolTable, build_front_end, complete_text, describe_symbol
from vits.text.espeak import espeak_languages
from vits.text.spoken import spoken

WITH_RULES = ("bg", "en")  # languages of which no digit is left
END_MARKS = frozenset(".!?…:;。！？।؟")
N_LOOKED_AT = 20_000  # texts, for pairs of letters
N_PHONEMIZED = 5000  # texts; of more, so many from all over the list
RARE = 5  # utterances; a symbol in fewer is hardly learnt
MANY_READINGS = 20  # of one sentence, and more than a twentieth of the set
LEAST_MINUTES = 5.0  # of a speaker among others
RATE_LIMIT = 5.0  # median absolute deviations of the logarithm; 1 in 10^6 of a normal one
LEAST_RATE_SPREAD = (
    0.12  # of the logarithm: even a reader like a clock differs so from text to text
)
FEWEST = 20  # utterances of a speaker, for outliers among them
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
            cases[kind].append(_case(entry, detail, badness))

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
            by_script[script].append(_case(entry, f"mostly {script.lower()}: {text[:60]!r}"))
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
            without_end.append(_case(entry, f"ends with {text[-12:]!r}"))
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
    found += _number_findings(entries, config)
    if config is not None:
        found += _symbol_findings(entries, config)
    table = Table(
        "characters of the texts",
        ("character", "texts"),
        [(describe_symbol(c), f"{k:,}") for c, k in characters.most_common(80)],
    )
    drawn = [histogram("length of text", "characters", lengths)] if n else []
    return found, drawn, [table, _coverage(entries, marks, len(readings))]


def rate_findings(
    entries: Sequence[Entry], seconds: Mapping[str, float], config: VitsConfig | None
) -> tuple[list[Finding], list[Histogram]]:
    """Of how much text is said in how much speech. seconds: of speech, by path of the recording.

    An outlier among its speaker's own is a wrong text, a cut recording, or a long pause.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    rates = np.full(len(entries), np.nan)
    for i, entry in enumerate(entries):
        spent = seconds.get(str(entry.path), 0.0)
        n_letters = sum(map(str.isalnum, _in_words(entry)))
        if spent > 0 and n_letters > 0:
            rates[i] = n_letters / spent
            groups[entry.speaker or "", entry.language or ""].append(i)
    cases = []
    for rows in groups.values():
        if len(rows) < FEWEST:
            continue
        logs = np.log(rates[rows])
        median = float(np.median(logs))
        spread = max(1.4826 * float(np.median(np.abs(logs - median))), LEAST_RATE_SPREAD)
        for i, log in zip(rows, logs):
            entry, spent = entries[i], seconds[str(entries[i].path)]
            # In a short clip the ends weigh much: a tenth of a second either way is no fault.
            allowed = RATE_LIMIT * spread + 0.15 / spent
            if abs(log - median) > allowed:
                usual = float(np.exp(median))
                detail = f"{rates[i]:.1f} letters a second of speech, usual {usual:.1f}"
                cases.append(_case(entry, detail, float(abs(log - median) / allowed)))
    found = []
    if cases:
        what = "utterances have a speaking rate far from the speaker's usual one"
        why = "Their text is likely not what is said, or the recording is cut or has a long pause."
        fix = "listen to them, the first ones first; mend the text, or leave the lines out"
        title = some_of(len(cases), what, len(entries))
        found.append(finding("speaking_rate", WARNING, title, why, fix, cases))
    drawn = [histogram("speaking rate", "letters a second", rates)] if len(cases) or groups else []
    return found, drawn


def speaker_findings(entries: Sequence[Entry], seconds: Mapping[str, float]) -> list[Finding]:
    """Of the speakers and languages that the lists name."""
    spoken_by: Counter[str] = Counter()
    unnamed, named = [], 0
    for entry in entries:
        if entry.speaker is None:
            unnamed.append(entry)
        else:
            named += 1
            spoken_by[entry.speaker] += seconds.get(str(entry.path), 0.0)
    found = []
    if named and unnamed:
        cases = [_case(entry, "no speaker") for entry in unnamed[:N_CASES]]
        why = "Training stops at them, or gives them to one speaker."
        title = some_of(len(unnamed), "lines name no speaker", len(entries))
        fix = "name one on every line"
        found.append(Finding("no_speaker", ERROR, title, why, fix, cases, len(unnamed)))
    alike: dict[str, list[str]] = defaultdict(list)
    for name in spoken_by:
        alike[" ".join(name.casefold().split())].append(name)
    twins = [names for names in alike.values() if len(names) > 1]
    if twins:
        cases = [Case("", "", f"{' and '.join(map(repr, names))}") for names in twins]
        why = "They are learnt as different people, each from less data."
        fix = "write each name in one way"
        found.append(
            finding(
                "speaker_names_alike",
                WARNING,
                some_of(len(twins), "speakers have names that differ in case or spaces alone"),
                why,
                fix,
                cases,
            )
        )
    few = {k: s for k, s in spoken_by.items() if 0 < s < 60 * LEAST_MINUTES}
    if few and len(spoken_by) > 1:
        cases = [Case("", "", f"{name}: {amount(s)} of speech", 1 / s) for name, s in few.items()]
        what = f"speakers have less than {LEAST_MINUTES:g} minutes of speech"
        why = "Their voice and habits cannot be told apart from others'."
        fix = "record more, leave them out, or use --set data.balance_speakers=true"
        found.append(
            finding(
                "little_data", WARNING, some_of(len(few), what, len(spoken_by)), why, fix, cases
            )
        )
    total = sum(spoken_by.values())
    if len(spoken_by) > 1 and total:
        name, most = spoken_by.most_common(1)[0]
        if most > 0.8 * total:
            what = f"{name} has {most / total:.0%} of all speech"
            why = "The others are heard too rarely to be learnt."
            fix = "--set data.balance_speakers=true"
            found.append(finding("one_speaker_dominates", NOTE, what, why, fix, []))
    return found + _language_findings(entries)


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
                cases[key] = _case(
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


def _number_findings(entries: Sequence[Entry], config: VitsConfig | None) -> list[Finding]:
    """Digits that no step before the voice writes out."""
    if config is None or config.text.front_end == "as_written":
        return []
    expands, fallback = config.text.expand, config.text.language
    cases, n = [], 0
    for entry in entries:
        if not DIGIT.search(entry.text):
            continue
        language = entry.language or fallback
        if expands and language.split("-")[0] in WITH_RULES:
            continue
        left = spoken(entry.text, language) if expands else entry.text
        if DIGIT.search(left):
            n += 1
            if len(cases) < N_CASES:
                cases.append(_case(entry, f"{DIGIT.findall(left)[0]!r} is left in {left[:80]!r}"))
    if not n:
        return []
    is_read = config.text.front_end == "phonemes"
    why = "A digit has no sound of its own: the same one is read in many ways."
    fix = "write numbers in words" + ("" if expands else ", or --set text.expand=true")
    title = some_of(n, "texts have numbers in digits that are not written out", len(entries))
    return [Finding("numbers_left", NOTE if is_read else WARNING, title, why, fix, cases, n)]


def _symbol_findings(entries: Sequence[Entry], config: VitsConfig) -> list[Finding]:
    """Symbols that the table lacks, or that are in too few texts. Reads as training will."""
    text = complete_text(config.text)
    try:
        front_end = build_front_end(text)
    except UserError as error:
        title = "the texts cannot be read as the config says"
        return [finding("front_end", ERROR, title, str(error), "see the message", [])]
    table = None if isinstance(text.symbols, str) else SymbolTable(text)
    chosen = entries
    if len(entries) > N_PHONEMIZED:
        chosen = [entries[i * len(entries) // N_PHONEMIZED] for i in range(N_PHONEMIZED)]
    n_texts: Counter[str] = Counter()
    first: dict[str, Entry] = {}
    marks, spelt = [], []
    for entry in chosen:
        try:
            symbols = front_end(entry.text, entry.language if config.data.languages else None)
        except MarkError as error:
            marks.append(_case(entry, str(error)))
            continue
        except UserError as error:
            spelt.append(_case(entry, str(error)))
            continue
        for symbol in set(symbols):
            n_texts[symbol] += 1
            first.setdefault(symbol, entry)
    found = []
    if marks:
        title = some_of(len(marks), "texts have marks that cannot be read")
        why, fix = (
            "training leaves them out",
            "write phonemes as [[həlˈoʊ]], pauses as <pause=300ms>",
        )
        found.append(finding("odd_mark", ERROR, title, why, fix, marks))
    if spelt:
        title = some_of(len(spelt), "texts are in a language that cannot be read")
        found.append(
            finding("unread_language", ERROR, title, "Training stops.", "see the cases", spelt)
        )
    whole = f" (of {len(chosen):,} texts looked at)" if len(chosen) < len(entries) else ""

    def cases(symbols: list[str]) -> list[Case]:
        return [
            _case(first[s], f"{describe_symbol(s)} in {n_texts[s]:,} texts, here first", n_texts[s])
            for s in symbols
        ]

    unknown = [] if table is None else table.unknown(list(n_texts))
    if unknown:
        title = some_of(len(unknown), f"symbols are not in text.symbols{whole}")
        why = "Utterances with them are refused, or the symbols left out."
        fix = "--set text.symbols=from_data, or change the texts"
        found.append(finding("unknown_symbols", ERROR, title, why, fix, cases(unknown)))
    rare = [s for s, n in n_texts.items() if n < RARE and s not in unknown]
    if rare and len(chosen) >= 10 * RARE:
        title = some_of(len(rare), f"symbols are in fewer than {RARE} texts{whole}")
        why = "They are hardly learnt: words with them may sound wrong."
        fix = "record sentences with them, or write them in another way (text.lexicon)"
        found.append(finding("rare_symbols", NOTE, title, why, fix, cases(rare)))
    return found


def _language_findings(entries: Sequence[Entry]) -> list[Finding]:
    languages = Counter(entry.language for entry in entries if entry.language)
    found = []
    if languages:
        try:
            known = espeak_languages()
        except UserError:
            return []
        wrong = [name for name in languages if name not in known]
        if wrong:
            cases = [Case("", "", f"{name!r} on {languages[name]:,} lines") for name in wrong]
            why = "Texts in them cannot be read as phonemes."
            fix = "use espeak's names: python -m vits.text --languages"
            title = some_of(len(wrong), "languages are unknown to espeak")
            found.append(finding("unknown_language", WARNING, title, why, fix, cases))
        cases = [
            _case(e, f"marked {e.language}, but {script.lower()}: {e.text[:60]!r}")
            for e in entries
            if e.language
            and (script := script_of(e.text))
            and script != SCRIPTS.get(e.language.split("-")[0], "LATIN")
        ]
        if cases:
            why = "They are read by the wrong language's rules."
            fix = "correct the language of these lines"
            title = some_of(
                len(cases), "texts are in another script than their language's", len(entries)
            )
            found.append(finding("language_of_text", ERROR, title, why, fix, cases))
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


def _in_words(entry: Entry) -> str:
    """The text as it is read, where its numbers would make it look short."""
    text = entry.text
    if DIGIT.search(text):
        return spoken(text, entry.language or ("ru" if script_of(text) == "CYRILLIC" else "en-us"))
    return text


def _looks_coded(text: str) -> bool:
    return any(c in text for c in "ÃÂÐÑРС\ufffd") or any("\u2000" <= c <= "\u206f" for c in text)


def _case(entry: Entry, detail: str, badness: float = 0.0) -> Case:
    path = None if entry.path is None else str(entry.path)
    return Case(entry.place, entry.id, detail, badness, path, entry.text)
