"""infer.py as a user runs it: one command from a run or a checkpoint to a sound file."""

import numpy as np
import pytest
import soundfile

import infer
from tests.small_run import (  # noqa: F401 (fixtures)
    SENTENCE,
    call,
    error_line,
    run_script,
    trained,
    write_config,
    write_data,
)

RATE = 8000


@pytest.fixture
def speak(trained, tmp_path, call):
    """Speak with the trained voice in this process: int16 samples, and what was told."""

    def run(*arguments, text=SENTENCE, model="runs/voice", out="out.wav", source="--text"):
        path = tmp_path / out
        code, _ = call(
            trained, infer.main, source, text, "--model_path", model, "--out_path", path, *arguments
        )
        assert code == 0
        samples, rate = soundfile.read(path, dtype="int16")
        assert rate == RATE
        return samples

    return run


@pytest.fixture
def refused(trained, tmp_path, call):
    """Speak what must be refused: the one line, with nothing written."""

    def run(*arguments, text=SENTENCE, source="--text", model="runs/voice", out="out.wav"):
        code, err = call(
            trained,
            infer.main,
            source,
            text,
            "--model_path",
            model,
            "--out_path",
            tmp_path / out,
            *arguments,
        )
        assert code == 2
        assert not (tmp_path / out).is_file()
        return error_line(err)

    return run


def test_the_command_of_the_guide_works_word_for_word(trained):
    """With the config beside it, though the checkpoint has one. The voice has all of its
    letters.
    """
    spoken = run_script(
        trained,
        "infer.py",
        "--text",
        "Това е тестово изречение.",
        "--model_path",
        "runs/voice/checkpoints/step_00000002.pt",
        "--config_path",
        "small.json",
        "--out_path",
        "test.wav",
    )
    samples, rate = soundfile.read(trained / "test.wav", dtype="int16")
    assert soundfile.info(trained / "test.wav").subtype == "PCM_16" and rate == RATE
    assert (
        len(samples) >= 51 * 64
    )  # a frame of 64 samples for each of 25 letters and 26 blanks, at least
    assert 0 < np.abs(samples.astype(int)).max()
    assert (np.abs(samples.astype(int)) >= 32767).mean() < 0.001  # not clipped
    assert f"test.wav: {len(samples) / RATE:.2f} s at 8000 Hz, seed 0" in spoken.stderr
    assert "left out" not in spoken.stderr


def test_the_same_seed_gives_the_same_samples_and_another_one_others(speak):
    first = speak("--seed", 3)
    assert np.array_equal(first, speak("--seed", 3))
    other = speak("--seed", 4)
    assert len(first) != len(other) or not np.array_equal(first, other)


def test_without_noise_the_seed_changes_nothing(speak):
    still = ("--noise_scale", 0, "--noise_scale_w", 0)
    assert np.array_equal(speak(*still, "--seed", 1), speak(*still, "--seed", 2))


def test_length_scale_2_doubles_the_durations(speak):
    lengths = {scale: len(speak("--noise_scale_w", 0, "--length_scale", scale)) for scale in (4, 8)}
    assert lengths[8] / lengths[4] == pytest.approx(
        2, rel=0.1
    )  # durations are whole frames, rounded up


def test_a_text_file_is_spoken_line_by_line_with_pauses(speak, tmp_path):
    lines = ["това е", "добър ден", "един час"]
    (tmp_path / "story.txt").write_text(
        "\n\n".join(lines) + "\r\n", encoding="utf-8-sig"
    )  # with a BOM
    story = speak(text=tmp_path / "story.txt", source="--text_file", out="story.wav")
    alone = [speak(text=line) for line in lines]
    pause = np.zeros(round(0.3 * RATE), "int16")
    expected = np.concatenate([alone[0], pause, alone[1], pause, alone[2]])
    assert np.array_equal(story, expected)


def test_a_run_its_checkpoints_folder_and_its_newest_file_are_the_same_voice(speak):
    places = ("runs/voice", "runs/voice/checkpoints", "runs/voice/checkpoints/step_00000002.pt")
    newest, folder, file = (speak(model=place) for place in places)
    assert np.array_equal(newest, folder) and np.array_equal(newest, file)
    older = speak(model="runs/voice/checkpoints/step_00000001.pt")
    assert len(older) != len(newest) or not np.array_equal(older, newest)


def test_flac_is_written_as_wav_is_and_missing_folders_are_made(speak, tmp_path):
    wav = speak()
    flac = speak(out="new/folder/out.flac")
    assert len(flac) == len(wav)
    assert np.abs(flac.astype(int) - wav).max() <= 1  # libsndfile rounds one and cuts the other off
    assert soundfile.info(tmp_path / "new/folder/out.flac").format == "FLAC"
    assert len(speak(out="out.ogg")) == len(wav)


def test_unknown_symbols_are_named_and_left_out(speak, caplog):
    with caplog.at_level("WARNING"):
        strange = speak(text="Това е ФЪ₿ тест")
    assert "'ф' (U+0444 CYRILLIC SMALL LETTER EF)" in caplog.text and "'₿' (U+20BF" in caplog.text
    assert "CYRILLIC SMALL LETTER HARD SIGN" not in caplog.text  # it is known
    assert np.array_equal(strange, speak(text="Това е ъ тест"))


@pytest.mark.parametrize("text", ["", "   ", "?!", "12 ₿", "hello", "."])
def test_a_text_with_nothing_to_say_is_refused(refused, text):
    line = refused(text=text)
    assert "nothing in it that the voice can say" in line and "а" in line


def test_a_text_file_that_cannot_be_spoken_is_refused(refused, tmp_path):
    path = tmp_path / "story.txt"
    assert "story.txt: no such file" in refused(text=path, source="--text_file")
    path.write_text(" \n\n")
    assert "story.txt: no text in it" in refused(text=path, source="--text_file")
    path.write_bytes("това".encode("cp1251"))
    assert "not UTF-8 at byte 0" in refused(text=path, source="--text_file")


def test_arguments_out_of_range_are_refused(refused):
    assert "--length_scale 0.0: expected more than 0" in refused("--length_scale", 0)
    assert "--length_scale nan" in refused("--length_scale", "nan")
    assert "--noise_scale -1.0: expected 0 or more" in refused("--noise_scale", -1)
    assert "--noise_scale inf" in refused("--noise_scale", "inf")
    assert "--noise_scale_w 50.0: expected 0 to 3" in refused("--noise_scale_w", 50)
    assert "--seed -1: expected 0" in refused("--seed", -1)
    assert "2^63" in refused("--seed", 10**30)
    assert "one speaker; leave --speaker out" in refused("--speaker", "Мария")


def test_a_place_that_cannot_be_written_is_refused(refused, tmp_path):
    assert "cannot write '.txt'; name it with one of: .wav, .flac" in refused(out="out.txt")
    assert "a file without suffix" in refused(out="out")
    (tmp_path / "folder.wav").mkdir()
    assert "folder.wav: is a folder" in refused(out="folder.wav")
    (tmp_path / "file").write_text("")
    assert "file/out.wav: not saved" in refused(out="file/out.wav")


def test_a_config_of_another_model_is_refused(refused, trained):
    write_config(trained / "other.json", "model.posterior_encoder.n_layers=3")
    line = refused("--config_path", "other.json")
    assert "other.json: model.posterior_encoder.n_layers is 3" in line and "trained with 2" in line
    assert "leave --config_path out" in line
    assert "nowhere.json: no such file" in refused("--config_path", "nowhere.json")


def test_a_voice_with_several_speakers_speaks_by_name(tmp_path, call):
    write_data(tmp_path / "data", speakers=("Мария", "Иван"))
    write_config(tmp_path / "small.json", "data.speakers=from_data")
    run_script(tmp_path, "train.py", "-c", "small.json", "--max_steps", 1)

    def speak(*arguments):
        code, err = call(
            tmp_path,
            infer.main,
            "--text",
            SENTENCE,
            "--model_path",
            "runs/small",
            "--out_path",
            "out.wav",
            "--noise_scale_w",
            0,
            *arguments,
        )
        return code, error_line(err) if code else soundfile.read(
            tmp_path / "out.wav", dtype="int16"
        )[0]

    maria, ivan = (speak("--speaker", name)[1] for name in ("Мария", "Иван"))
    assert len(maria) != len(ivan) or not np.array_equal(maria, ivan)
    assert speak("--speaker", "Петър") == (
        2,
        "error: --speaker Петър: unknown; this voice has: Иван, Мария",
    )
    assert speak() == (2, "error: no --speaker given; this voice has: Иван, Мария")
