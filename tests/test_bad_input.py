"""A user's mistake: one clear line, exit code 2, nothing trained, nothing on disk changed."""

import resource
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

import finetune
import infer
import train
from tests.conftest import REPOSITORY, SAMPLE_RATE
from tests.small_run import (  # noqa: F401 (fixtures)
    ENVIRONMENT,
    call,
    command,
    contents,
    error_line,
    run_script,
    trained,
    write_config,
    write_data,
)


@pytest.fixture
def refused(tmp_path, call, monkeypatch):
    """Run a script that must fail, train by default; the words its one line must have."""

    def run(*arguments, says, main=train.main, cwd=tmp_path):
        steps = []
        monkeypatch.setattr("vits.training.VitsTraining.train_step", lambda *_: steps.append(1))
        before = contents(cwd)
        code, err = call(cwd, main, *arguments)
        line = error_line(err)
        assert code == 2, err
        missing = [word for word in says if word not in line]
        assert not missing, f"{missing} not in: {line}"
        assert not steps
        after = contents(cwd)
        for files in (
            before,
            after,
        ):  # what is known of data may be added to: it is no part of a run
            for name in [name for name in files if name.startswith("runs/data_check")]:
                del files[name]
        if "runs" not in before and after.get("runs", 0) is None:
            del after["runs"]
        assert after == before
        return line

    return run


@pytest.fixture
def small(tmp_path):
    """small.json and data/ in the folder where the scripts run."""
    write_data(tmp_path / "data")
    return write_config(tmp_path / "small.json")


@pytest.mark.parametrize(
    "settings, says",
    [
        (["nosuch.lr=1"], ["--set nosuch.lr=1", 'section "nosuch"', "train"]),
        (["train.btach_size=4"], ["--set train.btach_size=4", 'did you mean "batch_size"']),
        (["train.batch_size"], ["--set train.batch_size", "section.key=value"]),
        (["train.batch_size=four"], ["train.batch_size", '"four" (a text)', "whole number"]),
        (["train.batch_size=0"], ["batch_size is 0", "more than 0"]),
        (["train.lr=true"], ["train.lr", "true (a truth value)", "a number"]),
        (["train.optimizer=Adm"], ["train.optimizer", '"Adm"', 'did you mean "Adam"', "RAdam"]),
        (["audio.hop_length=32"], ["upsample_rates", "64", "audio.hop_length is 32"]),
        (["train.segment_samples=1000"], ["segment_samples 1000", "multiple", "use 1024"]),
        (["audio.n_fft=64"], ["n_fft 64", "win_length 128", "raise n_fft to 128"]),
        (["audio.f_max=5000"], ["f_max 5000", "half the sample rate"]),
        (["train.keep_last=1"], ["keep_last is 1", "2 or more"]),
    ],
)
def test_a_wrong_setting_is_refused_with_key_and_fix(small, refused, settings, says):
    refused(
        "-c",
        "small.json",
        *(part for setting in settings for part in ("--set", setting)),
        says=says,
    )


def test_a_config_that_is_missing_or_no_config_is_refused(small, tmp_path, refused):
    refused("-c", "smal.json", says=["smal.json: no such file", "small.json"])
    refused("-c", "data", says=["data: is a folder", "JSON"])
    text = small.read_text(encoding="utf-8")
    broken = {
        "comment": (
            text.replace('"batch_size": 2,', '"batch_size": 2,  # or 4'),
            ["no comments", "line ", "# or 4"],
        ),
        "comma": (text.replace('"batch_size": 2,', '"batch_size": 2'), ["line ", "not JSON"]),
        "list": ("[]", ["found [] (a list)", "sections"]),
        "empty": ("", ["not JSON"]),
        "unknown": (
            text.replace('"batch_size"', '"batchsize"'),
            ['train: unknown key "batchsize"', '"batch_size"'],
        ),
        "foreign": (
            text.replace('"seed"', '"fp16_run": false, "seed"'),
            ["fp16_run", "train.mixed_precision"],
        ),
        "missing": (
            text.replace('"seed": 1234,', ""),
            ['train: missing key "seed"', "whole number"],
        ),
    }
    for name, (content, says) in broken.items():
        (tmp_path / f"{name}.json").write_text(content, encoding="utf-8")
        refused("-c", f"{name}.json", says=[f"{name}.json: ", *says])
    (tmp_path / "latin.json").write_bytes('{"това": 1}'.encode("cp1251"))
    refused("-c", "latin.json", says=["latin.json: not UTF-8 at byte 2", "save the file as UTF-8"])


def test_base_json_without_its_data_says_what_to_get_and_where_and_what_runs_instead(
    tmp_path, refused
):
    refused(
        "-c",
        REPOSITORY / "configs/base.json",
        "--set",
        "text.front_end=characters",
        says=[
            "data/ljspeech: no such folder",
            "LJSpeech-1.1.tar.bz2",
            "data/ljspeech/metadata.csv",
            "data/ljspeech/wavs",
            "--data data/ljspeech-mini",
        ],
    )


def test_data_that_cannot_be_trained_on_is_refused(small, tmp_path, refused):
    (tmp_path / "empty").mkdir()
    refused("-c", "small.json", "--data", "nowhere", says=["nowhere: no such folder", "--data DIR"])
    refused(
        "-c",
        "small.json",
        "--data",
        "empty",
        says=["empty: found no list", "train.csv", "metadata.csv"],
    )
    refused(
        "-c",
        "small.json",
        "--set",
        "data.train_list=a.csv",
        says=["data/a.csv: no such file", "train.csv"],
    )
    refused(
        "-c",
        "small.json",
        "--set",
        "data.speakers=from_data",
        says=["data/train.csv: line 1: found 2 columns", "path|speaker|text", "data.speakers=null"],
    )
    refused(
        "-c",
        "small.json",
        "--set",
        'text.symbols=["_", "x"]',
        says=["6 of 6 training texts", "text.symbols", "CYRILLIC"],
    )
    lists = {
        "columns.csv": (
            "wavs/0.wav|един|два|три\n",
            ["line 1", "4 columns", "expected 2 (path|text)"],
        ),
        "speakers.csv": (
            "wavs/0.wav|мария|едно\n",
            ["line 1", "3 columns", "data.speakers=from_data"],
        ),
        "blank.csv": ("\n\n", ["holds no utterance", "wavs/a.wav|the text"]),
        "missing.csv": (
            "wavs/77.wav|едно\nwavs/78.wav|две\n",
            ["of 2 training utterances none", "missing file", "missing.csv:1"],
        ),
        "texts.csv": ("wavs/0.wav|\nwavs/1.wav| \n", ["none can be used", "empty text"]),
    }
    for name, (content, says) in lists.items():
        (tmp_path / "data" / name).write_text(content, encoding="utf-8")
        refused("-c", "small.json", "--set", f"data.train_list={name}", says=says)
    (tmp_path / "data/latin.csv").write_bytes("wavs/0.wav|едно\n".encode("cp1251"))
    refused(
        "-c",
        "small.json",
        "--set",
        "data.train_list=latin.csv",
        says=["latin.csv: line 1: not UTF-8"],
    )


def test_recordings_of_which_none_can_be_used_are_refused(small, tmp_path, refused):
    faults = {
        "silent": np.zeros(SAMPLE_RATE),
        "NaN": np.full(SAMPLE_RATE, np.nan),
        "too short": np.ones(800) / 2,
        "too long": np.ones(16 * SAMPLE_RATE) / 2,
        "unreadable": None,
    }
    for reason, samples in faults.items():
        folder = write_data(tmp_path / reason.replace(" ", "_"), n_valid=0)
        for path in (folder / "wavs").iterdir():
            path.write_bytes(b"no wav at all")
            if samples is not None:
                soundfile.write(path, samples, SAMPLE_RATE, "FLOAT")
        refused(
            "-c",
            "small.json",
            "--data",
            folder.name,
            "--set",
            "data.n_valid=0",
            says=[f"{folder.name}: of 8 training utterances none", reason, "wavs/0"],
        )


def test_a_wrong_argument_is_refused_in_one_line(small, refused):
    refused("-c", "small.json", "--max_steps", 0, says=["--max_steps 0", "more than 0"])
    refused("-c", "small.json", "--max_steps", -3, says=["--max_steps -3", "more than 0"])
    refused("-c", "small.json", "--max_steps", "many", says=["--max_steps", "many"])
    refused("-c", "small.json", "--max_minutes", 0, says=["--max_minutes 0.0", "more than 0"])
    refused("-c", "small.json", "--max_minutes", "nan", says=["--max_minutes nan"])
    refused("-c", "small.json", "--device", "gpu", says=["--device", "gpu", "cpu", "cuda"])
    refused("-c", "small.json", "--batch_size", 4, says=["--batch_size"])
    refused(says=["-c/--config"])
    refused("-m", "b", main=finetune.main, says=["--restore_from"])
    refused("--text", "a", main=infer.main, says=["--model_path", "--voice"])


def test_cuda_without_a_gpu_is_refused(small, refused, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    refused(
        "-c",
        "small.json",
        "--device",
        "cuda",
        says=["--device cuda", "no CUDA device", "--device cpu"],
    )


def test_a_file_where_the_run_should_be_is_refused(small, tmp_path, refused):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/voice").write_text("precious")
    refused("-c", "small.json", "-m", "voice", says=["runs/voice: is a file", "another -m"])
    shutil.rmtree(tmp_path / "runs")
    (tmp_path / "runs").write_text("precious")
    refused("-c", "small.json", "-m", "voice", says=["runs", "move it away"])


def test_a_folder_that_may_not_be_written_is_refused(small, refused, monkeypatch):
    def deny(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.mkdir", deny)  # for tests run by root, who may write anywhere
    refused("-c", "small.json", says=["runs", "Permission denied", "permissions"])


def test_a_failed_start_leaves_a_run_as_it_was(trained, refused):
    start = ("-c", "small.json", "-m", "voice")
    refused(*start, "--data", "nowhere", says=["nowhere"], cwd=trained)
    refused(
        *start,
        "--set",
        "model.latent_channels=12",
        cwd=trained,
        says=[
            "step_00000002.pt",
            "model.latent_channels is 8, but the config says 12",
            "another -m",
        ],
    )
    refused(
        *start,
        "--set",
        'text.symbols=["_", "а"]',
        says=["text.symbols", "were made for the former"],
        cwd=trained,
    )
    refused(
        *start, "--set", "discriminator.periods=[2, 5]", says=["discriminator.periods"], cwd=trained
    )
    refused(*start, "--max_steps", 0, says=["--max_steps"], cwd=trained)
    write_data(
        trained / "foreign", ["a low hum", "two tones", "it rises", "falling now"], n_valid=0
    )
    refused(
        *start,
        "--data",
        "foreign",
        "--set",
        "data.n_valid=0",
        cwd=trained,
        says=["foreign: 4 of 4 training texts", "LATIN", "train anew"],
    )


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_used(trained, tmp_path, refused):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    old, new = sorted((tmp_path / "runs/voice/checkpoints").glob("step_*.pt"))
    damage(new)
    told = run_script(
        tmp_path, "train.py", "-c", "small.json", "-m", "voice", "--max_steps", 2
    ).stderr
    assert f"{new.relative_to(tmp_path)}: damaged" in told
    assert f"resuming from {old.relative_to(tmp_path)}: step 1" in told
    for path in old, new:
        damage(path)
    start = ("-c", "small.json", "-m", "voice")
    refused(
        *start, says=["none of 2 checkpoints can be read", "runs/voice/checkpoints", "start afresh"]
    )
    refused(
        "--text",
        "ден",
        "--model_path",
        new,
        "--out_path",
        "a.wav",
        says=[new.name, "damaged"],
        main=infer.main,
    )
    new.write_bytes(new.read_bytes()[:1000])
    refused("--restore_from", new, "-m", "new", says=[new.name, "damaged"], main=finetune.main)
    new.write_bytes(b"")
    refused("--restore_from", new, "-m", "new", says=[new.name, "damaged"], main=finetune.main)


def damage(path):
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64 * [0x55])
    path.write_bytes(content)


def test_what_is_no_checkpoint_is_refused(trained, tmp_path, refused):
    speak = ("--text", "ден", "--out_path", "a.wav", "--model_path")
    refused(*speak, "nowhere.pt", says=["nowhere.pt: no such checkpoint"], main=infer.main)
    (tmp_path / "empty").mkdir()
    refused(*speak, "empty", says=["empty: has no voice", "step_*.pt"], main=infer.main)
    (tmp_path / "text.pt").write_text("not a model")
    refused(*speak, "text.pt", says=["text.pt: damaged, or no torch file"], main=infer.main)
    refused(
        "--restore_from", "empty", "-m", "new", says=["empty: has no voice"], main=finetune.main
    )


def test_a_full_disk_ends_in_one_line_and_leaves_the_older_checkpoint_whole(trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    before = {
        path: path.read_bytes() for path in (tmp_path / "runs/voice/checkpoints").glob("*.pt")
    }

    def fill() -> None:
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (100_000, 100_000)
        )  # bytes; a checkpoint is larger

    start = command("train.py", "-c", "small.json", "-m", "voice", "--max_steps", 3)
    ended = subprocess.run(
        start,
        cwd=tmp_path,
        env=ENVIRONMENT,
        preexec_fn=fill,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 2, ended.stderr
    assert "what was saved before is whole" in error_line(ended.stderr)
    assert {path: path.read_bytes() for path in before} == before
    told = run_script(
        tmp_path, "train.py", "-c", "small.json", "-m", "voice", "--max_steps", 3
    ).stderr
    assert "step_00000002.pt: step 2" in told


def test_each_script_run_for_real_ends_in_one_line_and_code_2(trained):
    mistakes = {
        "train.py": ["-c", "nowhere.json"],
        "infer.py": ["--text", "ден", "--model_path", "nowhere", "--out_path", "a.wav"],
        "finetune.py": ["--restore_from", "nowhere", "-m", "new"],
    }
    before = contents(trained)
    for script, arguments in mistakes.items():
        ended = run_script(trained, script, *arguments, expect=2)
        assert "nowhere" in error_line(ended.stderr)
        assert ended.stderr.count("\n") == 1 and not ended.stdout
    assert contents(trained) == before
    assert any(name.startswith("runs/data_check/") for name in before)
