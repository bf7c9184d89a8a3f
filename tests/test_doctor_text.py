"""Each planted fault of texts and lists is found in its place, and good data has none."""

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hifigan.json_config import config_from_dict, override, read_json
from tests.planted_text import PLANTS, bulgarian, english
from vits.config import VitsConfig
from vits.doctor.findings import ERROR, NOTE, WARNING
from vits.doctor.list_checks import list_findings
from vits.doctor.rate_checks import rate_findings
from vits.doctor.speaker_checks import speaker_findings
from vits.doctor.text_checks import text_findings
from vits.sources.entry import (
    BAD_JSON,
    EMPTY_LIST,
    LINE_BREAKS,
    NO_RECORDING_LISTED,
    NO_TEXT_FILE,
    NOT_UTF8,
    TWICE,
    WRONG_COLUMNS,
    Entry,
    Problem,
    Source,
)

ROOT = Path(__file__).parent.parent
GOOD = {"en": english, "bg": bulgarian}


def config_of(*settings: str) -> VitsConfig:
    values = override(read_json(ROOT / "configs/tiny.json"), list(settings))
    return config_from_dict(VitsConfig, values, "tiny")


def source_of(entries: list[Entry], *problems: Problem, notes: tuple[str, ...] = ()) -> Source:
    return Source(Path("data"), "path_text", entries, problems, notes)


def by_kind(findings: list) -> dict:
    return {finding.kind: finding for finding in findings}


@pytest.mark.parametrize("language", GOOD)
def test_good_texts_have_no_findings(language):
    entries = GOOD[language]()
    assert list_findings(source_of(entries), {entry.split for entry in entries} - {None}) == []
    found, histograms, tables = text_findings(entries, None)
    assert [(f.kind, f.cases) for f in found] == []
    assert sum(histograms[0].counts) == len(entries) and len(tables) == 2


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_text_is_found_under_its_kind_in_its_place(name):
    language, plant = PLANTS[name]
    kind = name.split(" ")[0]
    entries, where = plant(GOOD[language]())
    found = by_kind(text_findings(entries, None)[0])
    if kind == "numbers_left":
        config = config_of(
            "text.front_end=characters", "text.symbols=from_data", "text.expand=false"
        )
        planted = [replace(e, text="He has 3 of them.") if e.id in where else e for e in entries]
        found = by_kind(text_findings(planted, config)[0])
    assert kind in found, list(found)
    assert {case.id for case in found[kind].cases} == where and found[kind].n_cases == len(where)
    assert found[kind].why.endswith(".") and found[kind].fix and found[kind].cases[0].detail
    others = {k for k, f in found.items() if f.severity == ERROR} - {kind}
    assert not others - {"other_script"}


def test_the_right_word_and_the_repaired_text_stand_beside_the_wrong_ones():
    for name, told in (
        ("mixed_scripts", "expected 'Само'"),
        ("mixed_scripts in Latin words", "expected 'cat'"),
        ("mojibake of latin", "was it 'He ate in a café every day.'?"),
    ):
        language, plant = PLANTS[name]
        found = by_kind(text_findings(plant(GOOD[language]())[0], None)[0])
        assert told in found[name.split(" ")[0]].cases[0].detail


@pytest.mark.parametrize(
    "problem, kind",
    [
        (NOT_UTF8, "not_utf8"),
        (WRONG_COLUMNS, "wrong_columns"),
        (BAD_JSON, "bad_json"),
        (TWICE, "id_twice"),
        (NO_TEXT_FILE, "no_text"),
        (NO_RECORDING_LISTED, "recording_not_listed"),
        (LINE_BREAKS, "line_breaks"),
        (EMPTY_LIST, "empty_list"),
    ],
)
def test_a_problem_of_a_list_is_a_finding_with_its_line(problem, kind):
    (found,) = list_findings(source_of(english(), Problem(problem, "metadata.csv:7", "so")), ())
    assert found.kind == kind and found.cases[0].place == "metadata.csv:7" and found.n_cases == 1


def test_a_byte_order_mark_is_a_note():
    notes = ("metadata.csv begins with a byte-order mark, which is left out",)
    (found,) = list_findings(source_of(english(), notes=notes), ())
    assert (found.kind, found.severity) == ("byte_order_mark", NOTE)


def test_a_sentence_on_two_sides_is_found():
    entries = [replace(e, split="train") for e in english()]
    entries[5] = replace(entries[5], split="valid")
    entries[9] = replace(entries[9], split="valid", text=entries[2].text.upper() + "!")
    (found,) = list_findings(source_of(entries), {entry.split for entry in entries} - {None})
    assert found.kind == "sentence_on_two_sides" and [c.id for c in found.cases] == [entries[9].id]


def test_the_same_sentence_again_and_again_is_found():
    entries = [
        replace(e, text="Please say it again.") if i < 25 else e for i, e in enumerate(english())
    ]
    found = by_kind(text_findings(entries, None)[0])
    assert "25 times" in found["repeated_sentence"].cases[0].detail and "readings" in found


def rated(speakers: tuple[str | None, ...] = (None,)) -> tuple[list[Entry], dict[str, float]]:
    """A hundred utterances of usual rates, and the seconds of speech in each."""
    draw = np.random.default_rng(0)
    entries = [
        Entry(
            f"u{i}",
            Path(f"u{i}.wav"),
            None,
            "word " * int(draw.integers(4, 20)),
            speakers[i % len(speakers)],
            None,
            f"l:{i}",
        )
        for i in range(100)
    ]
    seconds = {str(e.path): len(e.text) * 0.8 / 14 * float(draw.normal(1, 0.08)) for e in entries}
    return entries, seconds


def test_a_speaking_rate_far_from_the_usual_one_is_found_and_no_other():
    entries, seconds = rated(("anna", "boris"))
    assert rate_findings(entries, seconds, None)[0] == []
    seconds["u7.wav"] *= 4
    entries[20] = replace(entries[20], text=entries[20].text * 5)
    (found,), (drawn,) = rate_findings(entries, seconds, None)
    assert {c.id for c in found.cases} == {"u7", "u20"} and sum(drawn.counts) == 100


def test_a_fast_speaker_is_compared_with_herself():
    entries, seconds = rated(("slow", "fast"))
    for entry in entries:
        if entry.speaker == "fast":
            seconds[str(entry.path)] /= 3
    assert rate_findings(entries, seconds, None)[0] == []


def test_faults_of_speakers_are_found():
    entries, seconds = rated(("anna", "boris"))
    long = {path: 60.0 for path in seconds}
    assert speaker_findings(entries, long) == []
    assert set(by_kind(speaker_findings(entries, seconds))) == {"little_data"}
    entries[3] = replace(entries[3], speaker=None)
    entries[5] = replace(entries[5], speaker="Boris ")
    found = by_kind(speaker_findings(entries, long))
    assert set(found) >= {"no_speaker", "speaker_names_alike"}
    assert found["no_speaker"].cases[0].id == "u3"
    assert "'Boris '" in found["speaker_names_alike"].cases[0].detail
    most = {path: 600.0 if i % 2 else 6.0 for i, path in enumerate(seconds)}
    assert "one_speaker_dominates" in by_kind(speaker_findings(rated(("a", "b"))[0], most))


def test_faults_of_languages_are_found():
    pytest.importorskip("espeakng_loader")
    entries = [replace(e, language="bg") for e in bulgarian()]
    assert speaker_findings(entries, {}) == []
    entries[1] = replace(entries[1], language="en-us")
    entries[2] = replace(entries[2], language="bulgarian")
    found = by_kind(speaker_findings(entries, {}))
    assert "'bulgarian' on 1 lines" in found["unknown_language"].cases[0].detail
    assert [c.id for c in found["language_of_text"].cases][0] == "b1"


def test_symbols_that_a_config_lacks_and_rare_ones_are_named():
    entries = english() * 2
    known = ["_", *"abcdefghijklmnopqrstuvwxyz ,.;:!?-—'\""]
    config = config_of(f"text.symbols={json.dumps(known)}")
    assert "unknown_symbols" not in by_kind(text_findings(entries, config)[0])
    entries[4] = replace(entries[4], text="A naïve one.")
    found = by_kind(text_findings(entries, config)[0])
    assert found["unknown_symbols"].severity == ERROR
    assert "U+00EF" in found["unknown_symbols"].cases[0].detail
    assert found["unknown_symbols"].cases[0].id == entries[4].id
    entries[6] = replace(entries[6], text="Broken [[ mark.")
    assert "odd_mark" in by_kind(text_findings(entries, config)[0])


def test_a_script_that_the_configs_language_does_not_read_is_an_error():
    pytest.importorskip("espeakng_loader")
    config = config_of("text.front_end=phonemes", "text.symbols=from_data", "text.language=en-us")
    found = by_kind(text_findings(bulgarian(), config)[0])
    assert found["other_script"].severity == ERROR and found["other_script"].n_cases == 12
    config = config_of("text.front_end=phonemes", "text.symbols=from_data", "text.language=bg")
    found = by_kind(text_findings(bulgarian(), config)[0])
    assert not [f for f in found.values() if f.severity in (ERROR, WARNING)]


def test_a_hundred_thousand_lines_are_looked_through_in_seconds():
    entries = english() * 2000
    start = time.process_time()
    text_findings(entries, None)
    list_findings(source_of(entries), {entry.split for entry in entries} - {None})
    assert time.process_time() - start < 20  # under 3 s on a quiet machine
