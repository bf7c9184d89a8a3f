"""The listening page shows every curve, score and sample, stays small, and says what it lacks."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from hifigan.listening import update_page, write_page
from hifigan.listening.curves import N_POINTS, averaged
from hifigan.listening.page import thinned
from tests.listening_run import (  # noqa: F401 (fixtures)
    DURATIONS,
    FRAMES,
    LOSSES,
    SAMPLE_RATE,
    SENTENCES,
    files_of,
    page_data,
    page_media,
    run,
    sample,
    tone,
    untouched_run,
    write_run,
    write_step,
)

MADE = (
    *("reconstruction.wav", "reconstruction_mel.png", "synthesis.wav", "synthesis_mel.png"),
    "alignment.png",
)


def test_page_has_every_curve_with_training_and_validation_together(run):
    data = page_data(write_page(run).read_text(encoding="utf-8"))
    curves = {curve["name"]: curve for curve in data["curves"] if curve["group"] != "scores"}
    others = {"learning_rate", "generator_gradient_norm", "samples_per_second"}
    assert set(curves) == {*LOSSES, *others}
    for i, name in enumerate(LOSSES):
        assert curves[name]["group"] == "losses"
        series = curves[name]["series"]
        assert [point[0] for point in series["train"]["points"]] == [10, 20, 30, 40, 50]
        assert [point[0] for point in series["valid"]["points"]] == [20, 40]
        assert series["valid"]["points"][1][1:] == pytest.approx([i + 0.25] * 3)
    for name in ("learning_rate", "generator_gradient_norm"):
        assert curves[name]["group"] == "optimizer"
    assert curves["samples_per_second"]["group"] == "speed"


def test_page_has_a_chart_of_each_score_with_the_range_of_the_sentences(run):
    second = sample(60, "b<3")
    second.mels["reconstruction"] += 0.4
    write_step(run, 60, [sample(60, "a17"), second])
    charts = page_data(write_page(run).read_text(encoding="utf-8"))["curves"]
    scores = {chart["name"]: chart["series"] for chart in charts if chart["group"] == "scores"}
    assert scores["synthesis_length_ratio"]["sentences"]["points"][0] == [20, 1.3, 1.3, 1.3]
    distance = scores["reconstruction_mel_distance"]["sentences"]["points"]
    assert [point[0] for point in distance] == [20, 40, 60]
    assert distance[0][1:] == pytest.approx([0.2] * 3)
    assert distance[2][1:] == pytest.approx([0.8, 0.6, 1.0])


def test_page_has_every_sample_with_its_scores_and_the_losses_of_its_step(run):
    data = page_data(write_page(run).read_text(encoding="utf-8"))
    assert data["run"] == "tiny" and data["newest_step"] == 50
    assert {s["id"]: s["text"] for s in data["sentences"]} == SENTENCES
    assert [checkpoint["step"] for checkpoint in data["steps"]] == [40, 20]
    for checkpoint in data["steps"]:
        step = checkpoint["step"]
        assert checkpoint["losses"] == {name: i + 10 / step for i, name in enumerate(LOSSES)}
        assert [found["sentence"] for found in checkpoint["samples"]] == [0, 1]
        for found in checkpoint["samples"]:
            assert found["n_samples"] == {name: 256 * frames for name, frames in FRAMES.items()}
            assert found["scores"]["reconstruction_mel_distance"] == pytest.approx(step / 100)
            assert found["scores"]["longest_symbol_frames"] == 60
            assert found["longest_symbol"] == "space"
            assert found["sounds"] == ["reconstruction", "synthesis"]
            assert found["pictures"] == ["alignment"]


def test_samples_from_before_they_said_what_there_is_look_the_same(run):
    page = page_data(write_page(run).read_text(encoding="utf-8"))
    for path in run.glob("samples/step_*/samples.json"):
        records = json.loads(path.read_text(encoding="utf-8"))
        for record in records:
            del record["sounds"], record["pictures"]
        path.write_text(json.dumps(records), encoding="utf-8")
    again = page_data(write_page(run).read_text(encoding="utf-8"))
    assert again | {"made": ""} == page | {"made": ""}


def test_page_of_the_run_folder_links_to_all_files_and_holds_none(run):
    page = write_page(run).read_text(encoding="utf-8")
    data = page_data(page)
    assert data["root"] == "samples/" and page_media(page) == {}
    there = {p.relative_to(run).as_posix() for p in run.glob("samples/**/*") if p.is_file()}
    assert {f"samples/{path}" for path in files_of(data, *MADE)} == {
        path for path in there if not path.endswith(".json")
    }


def test_page_elsewhere_links_to_the_run_folder(run, tmp_path):
    (tmp_path / "pages").mkdir()
    odd = run.rename(run.with_name("tiny #1"))
    page = write_page(odd, tmp_path / "pages" / "other.html").read_text(encoding="utf-8")
    assert page_data(page)["root"] == "../runs/tiny%20%231/samples/"


def test_self_contained_page_holds_all_files_unchanged_and_each_once(run):
    page = write_page(run, self_contained=True).read_text(encoding="utf-8")
    data, media = page_data(page), page_media(page)
    assert set(media) == files_of(data, *MADE) and page.count('type="text/plain"') == len(media)
    for path, contents in media.items():
        assert contents == (run / "samples" / path).read_bytes()
    wav, sample_rate = soundfile.read(io.BytesIO(media["step_00000040/000/synthesis.wav"]))
    assert sample_rate == SAMPLE_RATE
    assert np.allclose(wav, tone(40, SENTENCES["a17"], "synthesis").numpy(), atol=1 / 32768)
    with Image.open(io.BytesIO(media["step_00000040/000/alignment.png"])) as image:
        assert image.width == sum(DURATIONS)


@pytest.mark.parametrize("self_contained", (False, True))
def test_page_asks_for_nothing_outside_the_run(run, self_contained):
    page = write_page(run, self_contained=self_contained).read_text(encoding="utf-8")
    embedded = r'<script type="(text/plain|application/json)".*?</script>'
    markup = re.sub(embedded, "", page, flags=re.S)
    assert not re.search(r"https?://|@import|url\(|XMLHttpRequest|import\s*\(", markup)
    assert set(re.findall(r'(?:src|href)="([^"]*)"', markup)) == {"data:,", "#curves"}
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', markup)[1]
    sources = {source for rule in policy.split("; ") for source in rule.split()[1:]}
    assert sources == {"'none'", "'unsafe-inline'", "'self'", "file:", "blob:", "data:"}
    assert "{{" not in markup


def test_script_elements_cannot_be_ended_by_a_sentence(run):
    page = write_page(run, self_contained=True).read_text(encoding="utf-8")
    assert page.count("<script") == page.count("</script>") == 3 + len(page_media(page))


def test_page_goes_where_it_is_told(run, tmp_path):
    assert write_page(run) == run / "listen.html"
    assert write_page(run, self_contained=True) == run / "listen_self_contained.html"
    assert write_page(run, tmp_path / "other.html") == tmp_path / "other.html"
    assert (tmp_path / "other.html").stat().st_size > 10_000


def test_many_checkpoints_are_thinned_to_first_last_and_evenly_chosen():
    assert thinned([1, 2, 3], 8) == [1, 2, 3]
    assert thinned(list(range(0, 100, 10)), 4) == [0, 30, 60, 90]
    chosen = thinned(list(range(1000)), 8)
    assert len(chosen) == 8 and chosen[0] == 0 and chosen[-1] == 999


def test_only_a_self_contained_page_leaves_out_steps_and_says_so(run):
    for step in range(60, 200, 20):
        write_step(run, step)
    data = page_data(write_page(run, self_contained=True).read_text(encoding="utf-8"))
    assert len(data["steps"]) == 8 and data["n_steps_in_run"] == 9
    assert data["steps"][0]["step"] == 180 and data["steps"][-1]["step"] == 20
    data = page_data(write_page(run).read_text(encoding="utf-8"))
    assert len(data["steps"]) == data["n_steps_in_run"] == 9


def test_long_curves_keep_their_mean_and_range():
    values = [(step, float(step % 10)) for step in range(1, 10 * N_POINTS + 1)]
    points = [(step, value, value - 1, value + 1) for step, value in values]
    short = averaged(points, N_POINTS)
    assert len(short) == N_POINTS
    assert short[0] == [10, 4.5, -1.0, 10.0] and short[-1][0] == 10 * N_POINTS


def test_a_run_without_curves_has_a_page_that_says_so(run):
    (run / "scalars.jsonl").unlink()
    data = page_data(write_page(run).read_text(encoding="utf-8"))
    assert data["notes"] == ["scalars.jsonl: not there yet, so there are no curves"]
    assert data["newest_step"] == 40 and {c["group"] for c in data["curves"]} == {"scores"}


def test_updating_replaces_the_page_at_once_and_leaves_nothing_beside_it(run):
    update_page(run)
    before = (run / "listen.html").stat().st_ino
    write_step(run, 60)
    update_page(run)
    data = page_data((run / "listen.html").read_text(encoding="utf-8"))
    assert data["steps"][0]["step"] == 60
    assert (run / "listen.html").stat().st_ino != before  # renamed onto it, never half of it
    assert not list(run.glob("*.part"))


def command_line(*arguments: Path | str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "hifigan.listening", *map(str, arguments)]
    root = Path(__file__).parent.parent
    return subprocess.run(command, capture_output=True, text=True, cwd=root)


def test_command_line_prints_the_page_it_wrote(run, tmp_path):
    result = command_line(run, "--out", tmp_path / "page.html")
    assert (result.returncode, result.stdout) == (0, f"{tmp_path / 'page.html'}\n"), result.stderr
    small = (tmp_path / "page.html").stat().st_size
    result = command_line(run, "--self_contained")
    assert result.stdout == f"{run / 'listen_self_contained.html'}\n", result.stderr
    assert (run / "listen_self_contained.html").stat().st_size > 2 * small


def test_command_line_ends_a_mistake_in_one_line_and_exit_code_2(tmp_path):
    result = command_line(tmp_path / "nowhere")
    assert result.returncode == 2 and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1 and "nowhere: no such run folder" in result.stderr
