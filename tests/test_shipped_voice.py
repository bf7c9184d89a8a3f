"""The voice in the box: it speaks at once, is small, says where it comes from, and can be learnt
from.
"""

import re
from pathlib import Path

import pytest
import soundfile
import torch

import vits
from tests.conftest import REPOSITORY
from tests.small_run import run_script
from vits.exchange.recogniser import open_voice
from vits.exchange.voice_folder import TRAINING, VOICE

FOLDER = REPOSITORY / "voices/kathleen"
CARD = FOLDER / "README.md"
MEGABYTE = 1e6

pytestmark = pytest.mark.skipif(not (FOLDER / VOICE).exists(), reason="no voice is shipped yet")


def test_it_speaks_at_once(tmp_path: Path) -> None:
    text = "Author of the danger trail, Philip Steels, etcetera."
    run_script(tmp_path, "infer.py", "--voice", "kathleen", "--text", text)
    samples, rate = soundfile.read(tmp_path / "speech.wav")
    assert rate == 22050 and 2 < len(samples) / rate < 6
    assert 0.02 < abs(samples).max() <= 1


def test_it_is_small() -> None:
    assert (FOLDER / VOICE).stat().st_size <= 40 * MEGABYTE
    assert sum(p.stat().st_size for p in (FOLDER / VOICE, FOLDER / TRAINING)) <= 120 * MEGABYTE


def test_it_is_stored_in_half_precision_and_speaks_in_single() -> None:
    model = vits.load(FOLDER / VOICE, device="cpu").model
    assert {weight.dtype for weight in model.state_dict().values()} == {torch.float32}
    n_weights = sum(weight.numel() for weight in model.state_dict().values())
    assert (FOLDER / VOICE).stat().st_size < 2.1 * n_weights


def test_fine_tuning_finds_all_that_it_wants() -> None:
    opened = open_voice(FOLDER)
    assert opened.absent == () and opened.discriminator is not None


def row(card: str, name: str) -> list[str]:
    [found] = re.findall(rf"^\| {re.escape(name)} \|(.*)\|$", card, re.MULTILINE)
    return [cell.strip() for cell in found.split("|")]


def test_its_card_has_figures_and_they_are_those_of_a_voice_to_listen_to() -> None:
    card = CARD.read_text("utf-8")
    assert "license: cc0-1.0" in card and row(card, "licence")[0].startswith("CC0 1.0")
    assert "rhasspy/dataset-voice-kathleen" in row(card, "data")[0]
    assert int(row(card, "steps")[0]) == open_voice(FOLDER).step
    assert float(row(card, "minutes of training")[0]) > 0 and row(card, "hardware")[0]
    for name in ("word errors (Whisper)", "character errors (Whisper)"):
        natural, synthesised = (float(cell.removesuffix("%")) for cell in row(card, name))
        assert 0 <= natural < 10 and 0 <= synthesised < 20
    for name in ("words a second of speech", "phonemes a second of speech"):
        natural, synthesised = map(float, row(card, name))
        assert natural / 1.25 < synthesised < natural * 1.25


def test_ten_sentences_can_be_heard() -> None:
    wavs = sorted((FOLDER / "samples").glob("*.wav"))
    assert len(wavs) == 10
    card = CARD.read_text("utf-8")
    for wav in wavs:
        assert f"- `{wav.name}`: " in card and soundfile.info(wav).duration > 0.5


@pytest.mark.slow
def test_a_step_of_fine_tuning_goes_on_from_it(tmp_path: Path) -> None:
    arguments = ("--restore_from", FOLDER, "--data", REPOSITORY / "data/ljspeech-mini")
    settings = (
        "train.batch_size=1",
        "train.look_at_start=false",
        "data.packed_cache=false",
        "data.n_valid=1",
    )
    flags = [argument for setting in settings for argument in ("--set", setting)]
    run_script(
        tmp_path, "finetune.py", *arguments, "-m", "a", "--max_steps", 1, *flags, timeout=600
    )
    assert "100.0% of the parameters" in (tmp_path / "runs/a/load_report.txt").read_text("utf-8")
