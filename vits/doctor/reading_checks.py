"""How the texts of a data set would be read by a config: what is not, and what is hardly learnt."""

from collections import Counter
from collections.abc import Sequence

from hifigan.errors import UserError
from vits.config import VitsConfig
from vits.doctor.findings import ERROR, NOTE, WARNING, Case, Finding
from vits.doctor.text_rules import DIGIT, N_CASES, case_of, finding, some_of
from vits.sources.entry import Entry
from vits.text import MarkError, SymbolTable, build_front_end, complete_text, describe_symbol
from vits.text.spoken import spoken

WITH_RULES = ("bg", "en")  # languages of which no digit is left
N_PHONEMIZED = 5000  # texts; of more, so many from all over the list
RARE = 5  # utterances; a symbol in fewer is hardly learnt


def number_findings(entries: Sequence[Entry], config: VitsConfig | None) -> list[Finding]:
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
                cases.append(case_of(entry, f"{DIGIT.findall(left)[0]!r} is left in {left[:80]!r}"))
    if not n:
        return []
    is_read = config.text.front_end == "phonemes"
    why = "A digit has no sound of its own: the same one is read in many ways."
    fix = "write numbers in words" + ("" if expands else ", or --set text.expand=true")
    title = some_of(n, "texts have numbers in digits that are not written out", len(entries))
    return [Finding("numbers_left", NOTE if is_read else WARNING, title, why, fix, cases, n)]


def symbol_findings(entries: Sequence[Entry], config: VitsConfig) -> list[Finding]:
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
            marks.append(case_of(entry, str(error)))
            continue
        except UserError as error:
            spelt.append(case_of(entry, str(error)))
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
            case_of(
                first[s], f"{describe_symbol(s)} in {n_texts[s]:,} texts, here first", n_texts[s]
            )
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
