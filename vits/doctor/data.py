"""A data set under examination: its lists, its texts, its recordings, and what they come to.

The checks stand in files of their own; here they are joined, with the facts that a person asks
for first: how many utterances, how many hours, of whom.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vits.alignment.cubin import cache_folder
from vits.config import VitsConfig
from vits.corpus.advice import advice, amount
from vits.doctor.data_set import DataSet, examine_sounds, recordings_of
from vits.doctor.findings import ERROR, Case, Examination, Finding
from vits.doctor.list_checks import list_findings
from vits.doctor.rate_checks import rate_findings
from vits.doctor.sound_checks import FILE_RULES, MAX_CASES, sound_findings
from vits.doctor.sound_file import MISSING
from vits.doctor.sound_table import Sounds, table_of
from vits.doctor.speaker_checks import speaker_findings
from vits.doctor.text_checks import text_findings
from vits.sources.entry import Entry
from vits.sources.reader import read_source

N_NAMED = 4  # sample rates, speakers or languages that a fact lists


@dataclass(frozen=True)
class DataOptions:
    """How a data set is looked at."""

    layout: str | None = None  # of vits/sources; None: recognised
    list_only: bool = False  # leave the recordings undecoded
    n_jobs: int | None = None  # processes; None: one for each core
    is_kept: bool = True  # what was measured, so that the next time is quick


def examine_data(
    path: Path, config: VitsConfig | None = None, options: DataOptions = DataOptions()
) -> Examination:
    """What is wrong with a data set, a folder or a list. config: how it would be used."""
    return data_examination(look_at_data(path, config, options))


def look_at_data(path: Path, config: VitsConfig | None, options: DataOptions) -> DataSet:
    """Read the lists and measure the recordings, which can take a while."""
    source = read_source(path, options.layout)
    sounds: Sounds | dict = {}
    if not options.list_only:
        kept = kept_folder(path) if options.is_kept else None
        sounds = examine_sounds(recordings_of(source), options.n_jobs, kept)
    rate = config.audio.sample_rate if config else None
    return DataSet(source, rate, config, sounds)


def kept_folder(path: Path) -> Path:
    """Where the measures of a data set's recordings are kept between examinations."""
    name = hashlib.blake2b(str(path.resolve()).encode("utf-8", "replace"), digest_size=8)
    return cache_folder() / "doctor" / name.hexdigest()


def data_examination(data: DataSet) -> Examination:
    """Every finding about a data set. Without sounds, of its lists and texts alone."""
    entries, config = data.source.entries, data.config
    survey = survey_of(entries)
    findings = list_findings(data.source, survey.splits)
    in_texts, histograms, tables = text_findings(entries, config)
    if data.sounds:
        in_sounds, of_sounds = sound_findings(data)
        seconds = data.speech_seconds()
        in_rates, of_rates = rate_findings(entries, seconds, config)
        findings += [*in_sounds, *in_texts, *in_rates, *speaker_findings(entries, seconds)]
        histograms = [*of_sounds, *of_rates, *histograms]
    else:
        findings += [*missing_findings(survey), *in_texts]
    return Examination(
        str(data.source.folder), "data", _facts(data, survey), findings, histograms, (), tables
    )


@dataclass(frozen=True)
class Survey:
    """What entries name, counted in one pass: a long list takes seconds to read."""

    n_entries: int
    splits: Counter[str]
    speakers: Counter[str]
    languages: Counter[str]
    missing: Sequence[Case]  # MAX_CASES at most
    n_missing: int


def survey_of(entries: Sequence[Entry]) -> Survey:
    """Splits, speakers and languages of the entries, and those whose recording is not there."""
    splits, speakers, languages = Counter(), Counter(), Counter()
    missing, n_missing = [], 0
    for entry in entries:
        for counts, name in (
            (splits, entry.split),
            (speakers, entry.speaker),
            (languages, entry.language),
        ):
            if name is not None:
                counts[name] += 1
        if entry.path is None:
            n_missing += 1
            if len(missing) < MAX_CASES:
                hint = f"; there is {entry.near}" if entry.near else ""
                told = f"no such recording{hint}"
                missing.append(Case(entry.place, entry.id, told, 1.0, None, entry.text))
    return Survey(len(entries), splits, speakers, languages, missing, n_missing)


def missing_findings(survey: Survey) -> list[Finding]:
    """Recordings that are not there: all that can be told of them without decoding any."""
    if survey.n_missing == 0:
        return []
    rule = FILE_RULES[MISSING]
    says = rule.says[survey.n_missing != 1]
    title = f"{survey.n_missing:,} of {survey.n_entries:,} recordings {says}"
    return [Finding(MISSING, ERROR, title, rule.why, rule.fix, survey.missing, survey.n_missing)]


def n_training(data: DataSet) -> int:
    """Utterances that would be trained on, as far as the lists tell."""
    return sum(entry.split in (None, "train") for entry in data.source.entries)


def _facts(data: DataSet, survey: Survey) -> list[tuple[str, str]]:
    """What the data set is, in the order in which a person would ask."""
    found = [("layout", data.source.layout), ("utterances", f"{survey.n_entries:,}")]
    if survey.splits:
        told = ", ".join(f"{name} {n:,}" for name, n in survey.splits.most_common())
        found.append(("lists", told))
    if data.sounds:
        found += _sound_facts(data)
    if survey.speakers:
        found.append(("speakers", _most(survey.speakers)))
    if survey.languages:
        found.append(("languages", _most(survey.languages)))
    found += [("read", note) for note in data.source.notes]
    return found


def _sound_facts(data: DataSet) -> list[tuple[str, str]]:
    table = table_of(data.sounds)
    good = table.facts[(table.facts["fault"] == b"") & (table.facts["sample_rate"] > 0)]
    seconds = float((good["n_samples"] / good["sample_rate"]).sum()) if len(good) else 0.0
    rates, counts = np.unique(good["sample_rate"], return_counts=True)
    formats = Counter(f"{a.decode()} {b.decode()}" for a, b in good[["container", "subtype"]])
    named = Counter({f"{rate} Hz": int(n) for rate, n in zip(rates.tolist(), counts.tolist())})
    return [
        ("recordings", f"{len(table):,}, {amount(seconds)}"),
        ("speech", f"{amount(sum(data.speech_seconds().values()))} without pauses"),
        ("sample rates", _most(named)),
        ("formats", _most(formats)),
        ("advice", advice(seconds, False).removeprefix("advice: ")),
    ]


def _most(counts: Counter) -> str:
    """The commonest names with their counts, such as "2: anna (310), boris (18)"."""
    if len(counts) == 1:
        return next(iter(counts))
    named = ", ".join(f"{name} ({n:,})" for name, n in counts.most_common(N_NAMED))
    left = len(counts) - N_NAMED
    return f"{len(counts):,}: {named}" + (f" and {left:,} more" if left > 0 else "")
