"""The load report counts every tensor once, and says what a user must know."""

import re
from pathlib import Path

import pytest

from hifigan.layers import part_of
from tests.test_transfer import NEW_SYMBOLS, configure, modules, moved, old_voice
from vits.transfer.report import N_LISTED, LoadReport

__all__ = ["configure"]  # a fixture of the other file
FATES = ("loaded", "resized", "reinitialised", "fresh")


@pytest.fixture
def report(configure) -> LoadReport:
    """Of a voice with other symbols and speakers, one part renewed, another missing."""
    contents = old_voice(configure(speakers=("anna", "boris")))
    contents["generator"]["extra.weight"] = contents["generator"]["decoder.output.weight"]
    contents["absent"] = ("posterior_encoder",)
    contents["generator"] = {
        k: v for k, v in contents["generator"].items() if not k.startswith("posterior_encoder.")
    }
    config = configure(symbols=NEW_SYMBOLS, speakers=("anna", "carl"))
    return moved(contents, config, "flow")[2]


def test_the_counts_add_up_to_the_models_parameters(configure, report):
    config = configure(symbols=NEW_SYMBOLS, speakers=("anna", "carl"))
    model, discriminator = modules(config, seed=0)
    parameters = {
        **dict(model.named_parameters()),
        **{f"discriminator.{name}": p for name, p in discriminator.named_parameters()},
    }
    counts = [report.count(fate) for fate in FATES]
    assert sum(n for n, _ in counts) == len(parameters)
    assert sum(n for _, n in counts) == sum(p.numel() for p in parameters.values())
    parts = {part_of(name) for name in parameters}
    for fate in FATES:
        assert report.count(fate)[1] == sum(report.count(fate, part)[1] for part in parts)


def test_each_fate_is_counted_where_it_belongs(report):
    assert report.count("loaded", "flow") == report.count("resized", "flow") == (0, 0)
    assert report.count("reinitialised", "flow") == report.count("reinitialised") != (0, 0)
    assert report.count("fresh", "posterior_encoder") == report.count("fresh") != (0, 0)
    assert report.count("resized", "text_encoder") == (1, len(NEW_SYMBOLS) * 16)
    assert report.count("resized", "speaker_embedding") == (1, 2 * 4)
    assert report.count("skipped") == (1, report.count("skipped", "extra")[1])


def test_the_table_has_a_line_per_part_and_their_sum(report):
    lines = report.text().splitlines()
    head = lines[1].split()
    assert head == ["part", *FATES, "skipped", "frozen"]
    table = {line.split()[0]: re.split(r"\s{2,}", line)[1:] for line in lines[2:11]}
    assert list(table)[-1] == "all" and len(table) == 9
    tensors, parameters = report.count("loaded", "decoder")
    assert table["decoder"][0] == f"{tensors} / {parameters:,}"
    assert table["all"][0] == "{} / {:,}".format(*report.count("loaded"))
    assert table["flow"][0] == "-"


def test_the_lists_name_symbols_and_speakers(report):
    text = report.text()
    assert "new symbols (5): é from e (base letter), B from b (other case)" in text
    assert "dropped symbols (2): b, e" in text
    assert "new speakers (1): carl from mean of 2 speakers" in text
    assert "dropped speakers (1): boris" in text
    assert "discriminators: fresh" not in text


def test_the_first_line_names_file_format_step_and_share(report):
    first = report.text().splitlines()[0]
    assert first.startswith("voices/old.pt: ours, step 7;") and "100.0%" in first


def test_frozen_tensors_are_counted_beside_their_fate(report):
    frozen = report.with_frozen(
        {"decoder.output.weight", "decoder.input.bias", "extra.weight"}  # the last: skipped
    )
    assert frozen.count("frozen") == frozen.count("frozen", "decoder") == (2, 16 + 1 * 4 * 7)
    assert frozen.count("loaded") == report.count("loaded")
    assert report.count("frozen") == (0, 0)


def test_a_tensor_of_another_shape_is_named_with_both(configure):
    contents = old_voice(configure())
    weight = "decoder.input.weight"
    contents["generator"][weight] = contents["generator"][weight][:, :6]
    report = moved(contents, configure())[2]
    assert 0.9 < report.share < 1
    assert f"of another shape (1): {weight} is [16, 6, 7], here [16, 8, 7]" in report.text()


def test_long_lists_are_cut_and_counted(report):
    many = {chr(0x4E00 + i): "a" for i in range(N_LISTED + 3)}
    text = LoadReport(
        Path("x"), "ours", 0, False, 1.0, (), many, ("\u0301", " "), {}, (), ""
    ).text()
    assert f"new symbols ({N_LISTED + 3}): " in text and "and 3 more" in text
    assert r"dropped symbols (2): '\u0301', ' '" in text
