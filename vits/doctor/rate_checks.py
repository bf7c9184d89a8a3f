"""How the texts of a data set fit their recordings: how much text is said in how much speech."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from vits.config import VitsConfig
from vits.doctor.findings import WARNING, Finding, Histogram
from vits.doctor.sound_histograms import histogram
from vits.doctor.text_rules import DIGIT, case_of, finding, script_of, some_of
from vits.sources.entry import Entry
from vits.text.spoken import spoken

RATE_LIMIT = 5.0  # median absolute deviations of the logarithm; 1 in 10^6 of a normal one
LEAST_RATE_SPREAD = (
    0.12  # of the logarithm: even a reader like a clock differs so from text to text
)
FEWEST = 20  # utterances of a speaker, for outliers among them


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
                cases.append(case_of(entry, detail, float(abs(log - median) / allowed)))
    found = []
    if cases:
        what = "utterances have a speaking rate far from the speaker's usual one"
        why = "Their text is likely not what is said, or the recording is cut or has a long pause."
        fix = "listen to them, the first ones first; mend the text, or leave the lines out"
        title = some_of(len(cases), what, len(entries))
        found.append(finding("speaking_rate", WARNING, title, why, fix, cases))
    drawn = [histogram("speaking rate", "letters a second", rates)] if len(cases) or groups else []
    return found, drawn


def _in_words(entry: Entry) -> str:
    """The text as it is read, where its numbers would make it look short."""
    text = entry.text
    if DIGIT.search(text):
        return spoken(text, entry.language or ("ru" if script_of(text) == "CYRILLIC" else "en-us"))
    return text
