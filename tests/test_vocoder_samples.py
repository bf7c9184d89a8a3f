"""A vocoder's samples: scores and pictures that are right, and a page that shows what there is."""

import dataclasses
import json
import math
import re

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hifigan.config import AudioConfig
from hifigan.listening import write_page
from hifigan.listening.page import template
from hifigan.pictures import COLOUR_ANCHORS
from hifigan.samples import DIFFERENCE_RANGE, mel_frequencies, vocoder_scores
from tests.listening_run import (
    FRAMES,
    HOP_LENGTH,
    LOSS_AUDIO,
    RECORDINGS,
    files_of,
    page_data,
    page_media,
    step_folder,
    vocoder_sample,
    write_vocoder_run,
    write_vocoder_step,
)

MADE = ("reconstruction.wav", "reconstruction_mel.png", "difference.png")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_vocoder_run(tmp_path_factory.mktemp("runs") / "vocoder")


def records(run, step):
    text = (step_folder(run, step) / "samples.json").read_text(encoding="utf-8")
    return json.loads(text, parse_constant=pytest.fail)  # NaN is no JSON


def pixels(path):
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def changed(sample, **mels_or_wavs):
    """The sample with another copy: wav=[T_wav], mel=[n_mels, T_spec]."""
    parts = {f"{name}s": {"reconstruction": value} for name, value in mels_or_wavs.items()}
    whole = {name: getattr(sample, name) | part for name, part in parts.items()}
    return dataclasses.replace(sample, **whole)


def slaney_centres(audio):
    """Centres of the mel filters, [n_mels] Hz: 3 mels per 200 Hz up to 1 kHz, then logarithmic."""

    def hertz(mel):
        return mel * 200 / 3 if mel < 15 else 1000 * math.exp((mel - 15) * math.log(6.4) / 27)

    top = 15 + 27 * math.log(audio.f_top / 1000) / math.log(6.4)
    return [hertz(top * i / (audio.n_mels + 1)) for i in range(1, audio.n_mels + 1)]


def test_mel_frequencies_are_the_centres_of_the_filters_to_an_fft_bin():
    bin_hertz = LOSS_AUDIO.sample_rate / LOSS_AUDIO.n_fft
    found = mel_frequencies(LOSS_AUDIO)
    assert found.tolist() == pytest.approx(slaney_centres(LOSS_AUDIO), abs=bin_hertz)


def test_scores_of_a_copy_by_hand():
    made = vocoder_sample(0, "a17")
    centres = slaney_centres(LOSS_AUDIO)
    apart = [0.1 if hertz < 2000 else 0.2 if hertz < 5000 else 0.4 for hertz in centres]
    signs = torch.tensor([1.0, -1.0]).repeat(FRAMES["target"] // 2)  # both ways count
    mel = made.mels["target"] + torch.tensor(apart)[:, None] * signs
    wav = made.wavs["reconstruction"].clamp(-0.9, 0.9)
    wav[:240] = torch.tensor([1.0, -1.0]).repeat(120)  # of 240 frames of 256
    scores = vocoder_scores(changed(made, mel=mel, wav=wav), LOSS_AUDIO)
    assert scores == pytest.approx(
        {
            "mel_distance": sum(apart) / len(apart),
            "mel_distance_below_2_khz": 0.1,
            "mel_distance_2_to_5_khz": 0.2,
            "mel_distance_above_5_khz": 0.4,
            "share_of_clipped_samples": 1 / 256,
        },
        abs=1e-5,
    )


def test_a_band_above_half_the_sample_rate_has_no_score():
    audio = AudioConfig(8000, 512, 128, 512, 40, 0.0, None)
    mel = torch.zeros(40, FRAMES["target"])
    made = vocoder_sample(0, "a17")
    made = dataclasses.replace(made, mels={"target": mel, "reconstruction": mel + 0.5})
    bands = {name: v for name, v in vocoder_scores(made, audio).items() if "_khz" in name}
    assert bands == {"mel_distance_below_2_khz": 0.5, "mel_distance_2_to_5_khz": 0.5}


def test_a_mel_of_another_length_is_refused(tmp_path):
    made = vocoder_sample(20, "a17")
    made = changed(made, mel=made.mels["reconstruction"][:, 1:])
    with pytest.raises(ValueError, match="must cover the same frames"):
        write_vocoder_step(tmp_path, 20, [made])
    assert not (step_folder(tmp_path, 20) / "samples.json").exists()


def test_difference_is_dark_where_alike_and_brightest_at_the_top_of_its_range(tmp_path):
    made = vocoder_sample(0, "a17")
    mel = made.mels["target"].clone()
    mel[0, 3] += DIFFERENCE_RANGE[1]  # the lowest mel
    mel[79, 5] -= 3 * DIFFERENCE_RANGE[1]  # the highest, quieter
    mel[40, 7] -= DIFFERENCE_RANGE[1] / 2
    write_vocoder_step(tmp_path, 20, [changed(made, mel=mel)])
    picture = pixels(step_folder(tmp_path, 20) / "000/difference.png")
    assert picture.shape == (80, FRAMES["target"], 3)
    there = {(79, 3): COLOUR_ANCHORS[-1], (0, 5): COLOUR_ANCHORS[-1], (39, 7): COLOUR_ANCHORS[4]}
    for place, colour in there.items():
        assert tuple(picture[place]) == colour
        picture[place] = COLOUR_ANCHORS[0]
    assert (picture == COLOUR_ANCHORS[0]).all()


def test_sounds_and_what_is_said_of_them_stand_in_the_run_folder(run):
    for record, name in zip(records(run, 20), RECORDINGS, strict=True):
        assert record.pop("scores") == pytest.approx(
            {
                "mel_distance": 0.2,
                "mel_distance_below_2_khz": 0.2,
                "mel_distance_2_to_5_khz": 0.2,
                "mel_distance_above_5_khz": 0.2,
                "share_of_clipped_samples": 0.0,
            },
            abs=1e-5,
        )
        recording, folder = record.pop("recording"), record["folder"]
        n_samples = FRAMES["target"] * HOP_LENGTH
        assert record == {
            "id": name,
            "folder": f"{RECORDINGS.index(name):03d}",
            "sounds": ["reconstruction"],
            "n_samples": {"target": n_samples, "reconstruction": n_samples},
            "pictures": ["difference"],
            "frames": FRAMES["target"],
        }
        sounds = {
            "target": run / f"samples/recordings/{recording}.wav",
            "reconstruction": step_folder(run, 20) / folder / "reconstruction.wav",
        }
        for source, path in sounds.items():
            wav, _ = soundfile.read(path, dtype="float32")
            expected = vocoder_sample(20, name).wavs[source]
            torch.testing.assert_close(torch.from_numpy(wav), expected, atol=1 / 32768, rtol=0)


def test_tensorboard_has_sounds_and_pictures_of_each_recording(run):
    board = EventAccumulator(str(run / "tensorboard")).Reload().Tags()
    places = [f"{i:03d}" for i in range(len(RECORDINGS))]
    sounds = [f"{place}/{name}" for place in places for name in ("target", "reconstruction")]
    assert sorted(board["audio"]) == sorted(sounds)
    assert sorted(board["images"]) == sorted(
        [f"{name}_mel" for name in sounds] + [f"{place}/difference" for place in places]
    )


def test_a_copy_that_is_not_finite_is_left_out_and_named(tmp_path, caplog):
    made = vocoder_sample(20, "a17")
    wav = made.wavs["reconstruction"].clone()
    wav[100] = torch.inf
    write_vocoder_step(tmp_path, 20, [changed(made, wav=wav)])
    assert "step 20: reconstruction of a17 is NaN or infinite and left out" in caplog.text
    [record] = records(tmp_path, 20)
    assert record["sounds"] == ["reconstruction"] and set(record["n_samples"]) == {"target"}
    assert record["pictures"] == [] and record["scores"] == {}
    assert list((step_folder(tmp_path, 20) / "000").iterdir()) == []


def test_page_of_a_vocoder_has_its_samples_without_text(run):
    data = page_data(write_page(run).read_text(encoding="utf-8"))
    assert [recording["id"] for recording in data["sentences"]] == list(RECORDINGS)
    for recording in data["sentences"]:
        assert recording["text"] is recording["speaker"] is recording["symbols"] is None
    assert [checkpoint["step"] for checkpoint in data["steps"]] == [40, 20]
    for checkpoint in data["steps"]:
        for found in checkpoint["samples"]:
            assert found["sounds"] == ["reconstruction"] and found["pictures"] == ["difference"]
            assert found["scores"]["mel_distance"] == pytest.approx(
                checkpoint["step"] / 100, abs=1e-4
            )
    groups = {curve["name"]: curve["group"] for curve in data["curves"]}
    assert groups["mel_distance_above_5_khz"] == groups["share_of_clipped_samples"] == "scores"


def test_page_of_a_vocoder_finds_all_its_files(run):
    data = page_data(write_page(run).read_text(encoding="utf-8"))
    there = {p.relative_to(run / "samples").as_posix() for p in run.glob("samples/*/**/*.*")}
    assert files_of(data, *MADE) == {path for path in there if not path.endswith(".json")}
    page = write_page(run, self_contained=True).read_text(encoding="utf-8")
    assert set(page_media(page)) == files_of(data, *MADE)
    assert page.count("<script") == page.count("</script>") == 3 + len(page_media(page))


def test_page_says_what_the_colours_of_a_difference_mean():
    anchors = ", ".join("#" + bytes(colour).hex() for colour in COLOUR_ANCHORS)
    assert anchors in re.sub(r"\s+", " ", template("page.css"))
    low, high = DIFFERENCE_RANGE
    assert low == 0 and f'" {high:g} nats"' in template("samples.js")
    decibels = round(high * 20 / math.log(10))
    text = re.sub(r"\s+", " ", template("page.html"))
    assert f"bright is {high:g} nats ({decibels} dB) or more" in text
