"""What is wrong with the speakers and languages that the lists of a data set name."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from hifigan.errors import UserError
from vits.corpus.advice import amount
from vits.doctor.findings import ERROR, NOTE, WARNING, Case, Finding
from vits.doctor.text_rules import N_CASES, SCRIPTS, case_of, finding, script_of, some_of
from vits.sources.entry import Entry
from vits.text.espeak import espeak_languages

LEAST_MINUTES = 5.0  # of a speaker among others


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
        cases = [case_of(entry, "no speaker") for entry in unnamed[:N_CASES]]
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
    return found + language_findings(entries)


def language_findings(entries: Sequence[Entry]) -> list[Finding]:
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
            case_of(e, f"marked {e.language}, but {script.lower()}: {e.text[:60]!r}")
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
