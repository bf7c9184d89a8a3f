"""The listening page holds every curve and sample, needs no network, and says what it lacks."""

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from hifigan.errors import UserError
from hifigan.pictures import alignment_picture, mel_picture, write_png
from vits.listening import write_page
from vits.listening.page import N_POINTS, averaged, thinned
from vits.listening.run_folder import SOURCES, read_run

SAMPLE_RATE, HOP_LENGTH = 8000, 100
FRAMES = {"target": 40, "reconstruction": 40, "synthesis": 52}
LOSSES = ("mel", "kl", "duration", "feature_matching", "adversarial", "discriminator")
SENTENCES = {"a17": "Това е тестово изречение.", "b<3": 'A "quoted" </script> & {{data}} sentence.'}


def scalars(step: int, part: str) -> dict:
    record = {"step": step, "epoch": step // 10, "time": 1.7e9 + step}
    record |= {f"{part}/{name}": i + 10 / step for i, name in enumerate(LOSSES)}
    if part == "train":
        record |= {
            "train/learning_rate": 2e-4,
            "train/generator_gradient_norm": 3.0,
            "train/samples_per_second": 12.5,
        }
    return record


def tone(step: int, source: str) -> np.ndarray:
    """A tone whose pitch depends on the step, but for the target."""
    hertz = {"target": 300, "reconstruction": 300 + step, "synthesis": 400 + step}[source]
    time = np.arange(FRAMES[source] * HOP_LENGTH) / SAMPLE_RATE
    return np.round(8000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def write_samples(run: Path, step: int) -> None:
    folder = run / "samples" / f"step_{step:08d}"
    records = []
    for i, (identifier, text) in enumerate(SENTENCES.items()):
        files = folder / f"{i:03d}"
        files.mkdir(parents=True)
        for source in SOURCES if identifier == "a17" else ["synthesis"]:
            soundfile.write(files / f"{source}.flac", tone(step, source), SAMPLE_RATE)
            mel = torch.linspace(-12, 3, 20 * FRAMES[source]).reshape(20, FRAMES[source])
            write_png(files / f"{source}_mel.png", mel_picture(mel))
        write_png(files / "alignment.png", alignment_picture(torch.tensor([step % 7 + 1, 30])))
        records.append(
            {
                "id": identifier,
                "text": text,
                "speaker": None,
                "folder": f"{i:03d}",
                "frames": 40,
                "symbols": 2,
                "alignment": {
                    "share_of_symbols_with_at_most_one_frame": 0.5,
                    "longest_symbol_frames": 30,
                    "longest_symbol": "a",
                },
            }
        )
    (folder / "samples.json").write_text(json.dumps(records), encoding="utf-8")


@pytest.fixture
def run(tmp_path) -> Path:
    folder = tmp_path / "runs" / "tiny"
    folder.mkdir(parents=True)
    config = {
        "audio": {"sample_rate": SAMPLE_RATE, "hop_length": HOP_LENGTH},
        "train": {"batch_size": 16, "lr": 2e-4},
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    records = [scalars(step, "train") for step in range(10, 60, 10)]
    records += [scalars(step, "valid") for step in (20, 40)]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "scalars.jsonl").write_text(lines, encoding="utf-8")
    for step in (20, 40):
        write_samples(folder, step)
    return folder


def page_data(page: str) -> dict:
    [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(text)


def page_media(page: str) -> dict[str, bytes]:
    holder = r'<script type="text/plain" id="([\w-]+)" data-type="[\w/]+">([^<]*)</script>'
    found = re.findall(holder, page)
    return {identifier: base64.b64decode(text, validate=True) for identifier, text in found}


def test_page_has_every_curve_with_training_and_validation_together(run):
    data = page_data(write_page(run).read_text(encoding="utf-8"))
    curves = {curve["name"]: curve for curve in data["curves"]}
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


def test_page_has_every_sample_and_its_audio_and_pictures_unchanged(run):
    page = write_page(run).read_text(encoding="utf-8")
    data, media = page_data(page), page_media(page)
    assert data["run"] == "tiny" and data["newest_step"] == 50
    assert [checkpoint["step"] for checkpoint in data["steps"]] == [40, 20]
    for checkpoint in data["steps"]:
        step, samples = checkpoint["step"], checkpoint["samples"]
        assert {sample["id"]: sample["text"] for sample in samples} == SENTENCES
        assert samples[0]["numbers"]["longest_symbol_frames"] == 30
        for source in SOURCES:
            audio = samples[0]["audio"][source]
            wav, sample_rate = soundfile.read(io.BytesIO(media[audio["media"]]), dtype="int16")
            assert sample_rate == SAMPLE_RATE and np.array_equal(wav, tone(step, source))
            assert audio["seconds"] == len(wav) / SAMPLE_RATE
            mel = samples[0]["mels"][source]
            png = run / f"samples/step_{step:08d}/000/{source}_mel.png"
            assert media[mel["media"]] == png.read_bytes() and mel["frames"] == FRAMES[source]
        with Image.open(io.BytesIO(media[samples[0]["alignment"]["media"]])) as image:
            assert image.width == step % 7 + 31
        assert list(samples[1]["audio"]) == list(samples[1]["mels"]) == ["synthesis"]


def test_a_file_that_is_the_same_in_all_checkpoints_is_embedded_once(run):
    page = write_page(run).read_text(encoding="utf-8")
    targets = {c["samples"][0]["audio"]["target"]["media"] for c in page_data(page)["steps"]}
    assert len(targets) == 1 and page.count(f'id="{targets.pop()}"') == 1


def test_page_asks_for_nothing_outside_itself(run):
    page = write_page(run).read_text(encoding="utf-8")
    embedded = r'<script type="(text/plain|application/json)".*?</script>'
    markup = re.sub(embedded, "", page, flags=re.S)
    assert not re.search(r"https?://|@import|url\(|fetch\(|XMLHttpRequest|import\s*\(", markup)
    assert set(re.findall(r'(?:src|href)="([^"]*)"', markup)) == {"data:,", "#samples"}
    assert "default-src 'none'" in markup
    assert "{{" not in markup


def test_script_elements_cannot_be_ended_by_a_sentence(run):
    page = write_page(run).read_text(encoding="utf-8")
    assert page.count("<script") == page.count("</script>") == 3 + len(page_media(page))


def test_page_goes_where_it_is_told(run, tmp_path):
    assert write_page(run) == run / "listen.html"
    assert write_page(run, tmp_path / "other.html") == tmp_path / "other.html"
    assert (tmp_path / "other.html").stat().st_size > 10_000


def test_many_checkpoints_are_thinned_to_first_last_and_evenly_chosen():
    assert thinned([1, 2, 3], 8) == [1, 2, 3]
    assert thinned(list(range(0, 100, 10)), 4) == [0, 30, 60, 90]
    chosen = thinned(list(range(1000)), 8)
    assert len(chosen) == 8 and chosen[0] == 0 and chosen[-1] == 999


def test_thinned_checkpoints_are_announced(run):
    for step in range(60, 260, 20):
        write_samples(run, step)
    data = page_data(write_page(run).read_text(encoding="utf-8"))
    assert len(data["steps"]) == 8 and data["n_steps_in_run"] == 12
    assert data["steps"][0]["step"] == 240 and data["steps"][-1]["step"] == 20


def test_long_curves_keep_their_mean_and_range():
    points = [(step, float(step % 10)) for step in range(1, 10 * N_POINTS + 1)]
    short = averaged(points, N_POINTS)
    assert len(short) == N_POINTS
    assert short[0] == [10, 4.5, 0.0, 9.0] and short[-1][0] == 10 * N_POINTS


def test_values_that_are_not_finite_are_counted(run):
    with (run / "scalars.jsonl").open("a") as file:
        file.write('{"step": 60, "train/mel": NaN}\n')
    mel = page_data(write_page(run).read_text(encoding="utf-8"))["curves"][0]
    assert mel["series"]["train"]["not_finite"] == 1 and len(mel["series"]["train"]["points"]) == 5


def test_a_resumed_run_replaces_what_came_after_the_checkpoint(run):
    with (run / "scalars.jsonl").open("a") as file:
        file.write('{"step": 30, "train/mel": 7.0}\n')
    points = read_run(run).curves["train/mel"]
    assert [step for step, _ in points] == [10, 20, 30] and points[-1][1] == 7.0


def test_a_torn_last_line_is_skipped_and_named(run, caplog):
    with (run / "scalars.jsonl").open("a") as file:
        file.write('{"step": 60, "train/m')
    data = page_data(write_page(run).read_text(encoding="utf-8"))
    assert data["newest_step"] == 50
    assert data["notes"] == ["scalars.jsonl: skipped, not a whole record: line 8"]
    assert data["notes"][0] in caplog.text


TORN_OR_OTHER = (None, '[{"id": "a17"', '[{"id": "a17"}]', "{}", "[]", '["a17"]')


@pytest.mark.parametrize("contents", TORN_OR_OTHER)
def test_samples_still_being_written_are_skipped_and_named(run, contents):
    folder = run / "samples" / "step_00000060"
    folder.mkdir()
    if contents is not None:
        (folder / "samples.json").write_text(contents)
    data = page_data(write_page(run).read_text(encoding="utf-8"))
    assert [checkpoint["step"] for checkpoint in data["steps"]] == [40, 20]
    [note] = data["notes"]
    assert "step_00000060" in note and "skipped" in note


def remove_samples(run: Path) -> None:
    for path in (run / "samples").glob("*/samples.json"):
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "scalars.jsonl").unlink(), r"scalars\.jsonl: no such file"),
        (lambda run: (run / "scalars.jsonl").write_text(""), r"scalars\.jsonl: no scalars"),
        (lambda run: (run / "scalars.jsonl").write_text('{"st'), r"scalars\.jsonl: no scalars"),
        (lambda run: (run / "config.json").unlink(), r"config\.json: no such file"),
        (lambda run: (run / "config.json").write_text("{"), r"config\.json: not JSON"),
        (lambda run: (run / "config.json").write_text("[]"), r"config\.json: not sections"),
        (lambda run: (run / "config.json").write_text("{}"), r"audio\.sample_rate: found None"),
        (remove_samples, r"samples: no samples to listen to"),
        (
            lambda run: (run / "samples/step_00000020/000/target.flac").write_text("x"),
            r"target\.flac",
        ),
        (
            lambda run: (run / "samples/step_00000020/000/target_mel.png").write_text("x"),
            r"mel\.png",
        ),
    ],
)
def test_a_run_that_gives_no_page_is_one_clear_line(run, spoil, message):
    spoil(run)
    with pytest.raises(UserError, match=message) as caught:
        write_page(run)
    assert "\n" not in str(caught.value)
    assert not (run / "listen.html").exists()


def test_paths_that_cannot_be_used_are_named(run, tmp_path):
    with pytest.raises(UserError, match="nowhere: no such run folder"):
        write_page(tmp_path / "nowhere")
    with pytest.raises(UserError, match="config.json: not a folder"):
        write_page(run / "config.json")
    with pytest.raises(UserError, match="page.html: cannot be written"):
        write_page(run, tmp_path / "nowhere" / "page.html")


def command_line(*arguments: Path | str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "vits.listening", *map(str, arguments)]
    root = Path(__file__).parent.parent
    return subprocess.run(command, capture_output=True, text=True, cwd=root)


def test_command_line_prints_the_page_it_wrote(run, tmp_path):
    result = command_line(run, "--out", tmp_path / "page.html")
    assert (result.returncode, result.stdout) == (0, f"{tmp_path / 'page.html'}\n"), result.stderr
    assert (tmp_path / "page.html").is_file()


def test_command_line_ends_a_mistake_in_one_line_and_exit_code_2(tmp_path):
    result = command_line(tmp_path / "nowhere")
    assert result.returncode == 2 and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1 and "nowhere: no such run folder" in result.stderr
