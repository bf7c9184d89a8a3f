"""The sides of a data set: which utterances are trained on, and which are held out."""

import json
import random

from tests.prepare_runs import rows, run, write_source
from vits.corpus.sentences import sentence_number
from vits.prepare.splitting import Utterance, split


def test_no_sentence_is_on_two_sides_and_every_speaker_is_heard():
    draw = random.Random(0)
    for _ in range(200):
        n = draw.randrange(1, 120)
        said = draw.choice(([None], [None, "train"], ["train", "valid", "test"]))
        utterances = [
            Utterance(draw.randrange(n), draw.choice("abc"), None, draw.choice(said))
            for _ in range(n)
        ]
        sides, n_torn = split(utterances, 0.2, 3, draw.randrange(9))
        by_sentence: dict[int, set] = {}
        for utterance, side in zip(utterances, sides):
            by_sentence.setdefault(utterance.sentence, set()).add(side)
        assert all(len(found) == 1 for found in by_sentence.values())
        assert "train" in sides or said[-1] == "test"
        if said == [None] and n > 90:
            assert {u.speaker for u, s in zip(utterances, sides) if s == "valid"} == set("abc")
            assert 0.15 * n < sides.count("valid") < 0.3 * n and 3 <= sides.count("test") < 12
        if said[0] is None:
            assert n_torn == 0


def test_sides_that_the_source_says_stay_and_a_sentence_on_two_is_told(tmp_path):
    source, out = write_source(tmp_path / "in", 8), tmp_path / "out"
    listed = (source / "metadata.csv").read_text("utf-8").splitlines(keepends=True)
    (source / "metadata.csv").unlink()
    (source / "train.csv").write_text("".join(listed[:5]) + "u7|SENTENCE number f!\n", "utf-8")
    (source / "valid.csv").write_text("".join(listed[5:7]), "utf-8")
    assert run(source, out, "--test", 0)[0] == 0
    sides = {row["id"]: row["split"] for row in rows(out / "manifest.jsonl")}
    assert sides == dict.fromkeys(["u0", "u1", "u2", "u3", "u4"], "train") | dict.fromkeys(
        ["u5", "u6", "u7"], "valid"
    )
    assert "split       1 sentence stood in two" in (out / "report.txt").read_text("utf-8")
    assert run(source, out, "--test", 0, "--valid", 1, "--resplit", "--redo")[0] == 0
    assert len(rows(out / "valid.jsonl")) == 1


def test_a_column_of_splits_is_known_by_other_names_and_case(tmp_path):
    source, out = write_source(tmp_path / "in", 5), tmp_path / "out"
    sides = ("train", "Validation", "TEST", "dev", "other")
    told = "".join(f"u{i}|Sentence {'abcde'[i]}.|{side}\n" for i, side in enumerate(sides))
    (source / "metadata.csv").write_text(f"path|text|split\n{told}", "utf-8")
    assert run(source, out)[0] == 0
    made = {row["id"]: row["split"] for row in rows(out / "manifest.jsonl")}
    assert made == {"u0": "train", "u1": "valid", "u2": "test", "u3": "valid"}
    refused = json.loads((out / "report.json").read_text("utf-8"))["refused"]["unknown split"]
    assert [row["place"] for row in refused] == ["metadata.csv:6"]
    assert "'other', expected one of: train, valid" in refused[0]["detail"]


def test_readings_of_a_sentence_are_known_by_their_words():
    assert sentence_number("Hello, World!") == sentence_number("hello — world")
    assert sentence_number("Да, да.") == sentence_number("да да") != sentence_number("дада")
