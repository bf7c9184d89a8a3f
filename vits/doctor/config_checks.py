"""What is odd in a config, beyond what reading it refuses: values that cannot do what they are for.

A finding names the key, the value, what it leads to, and the setting to use instead.
"""

import math
from collections.abc import Iterator
from pathlib import Path

from hifigan.config import AudioConfig
from vits.config import VitsConfig
from vits.doctor.config_text import text_config_findings
from vits.doctor.config_training import training_findings
from vits.doctor.findings import ERROR, NOTE, WARNING, Finding

USUAL_FRAMES = (0.004, 0.026)  # seconds from one to the next
USUAL_MELS = (40, 128)
LOW_TOP = 7000.0  # Hz: a mel loss that hears no more leaves s and f to chance
LONG_SEGMENT, LONG_RECORDING = 2.0, 25.0  # seconds
# Sample rate, n_fft, hop, window, mels, lowest and highest frequency.
KNOWN_MELS = {
    (22050, 1024, 256, 1024, 80, 0.0, 8000.0): "HiFi-GAN's and Tacotron 2's",
    (22050, 1024, 256, 1024, 80, 0.0, 11025.0): "the original VITS's",
    (24000, 2048, 300, 1200, 80, 0.0, 12000.0): "StyleTTS's",
    (24000, 1024, 256, 1024, 100, 0.0, 12000.0): "BigVGAN's and Vocos's",
    (16000, 1024, 256, 1024, 80, 0.0, 8000.0): "MMS's",
    (44100, 2048, 512, 2048, 128, 0.0, 22050.0): "BigVGAN's at 44.1 kHz",
}


def config_findings(
    config: VitsConfig, path: Path, n_utterances: int | None = None
) -> list[Finding]:
    """What is odd in a config. path: its file; n_utterances: of the training list, if known."""
    return [
        *_data_findings(config, path),
        *text_config_findings(config),
        *_audio_findings(config.audio),
        *_length_findings(config),
        *training_findings(config, n_utterances),
    ]


def mel_recipe_name(audio: AudioConfig) -> str | None:
    """Whose mels these are, such as "HiFi-GAN's and Tacotron 2's"; None: nobody's we know."""
    recipe = (audio.sample_rate, audio.n_fft, audio.hop_length, audio.win_length, audio.n_mels)
    return KNOWN_MELS.get((*recipe, audio.f_min, audio.f_top))


def _data_findings(config: VitsConfig, path: Path) -> Iterator[Finding]:
    folder = Path(config.data.folder)
    if not folder.is_dir():
        beside = path.parent / folder
        hint = f"; there is {beside}, so start it from {path.parent}" if beside.is_dir() else ""
        yield Finding(
            "data_folder_missing",
            ERROR,
            f"data.folder {config.data.folder}: there is no such folder here",
            "Training has nothing to read.",
            f"set data.folder to your data set, or use --data FOLDER{hint}",
        )
        return
    for key in ("train_list", "valid_list", "mix_in"):
        name = getattr(config.data, key)
        if name is not None and not (folder / name).is_file() and not Path(name).is_file():
            yield Finding(
                "list_missing",
                ERROR,
                f"data.{key} {name}: there is no such file in {folder}",
                "Training stops at its start.",
                f"correct data.{key}, or set it to null to have the list found",
            )


def _audio_findings(audio: AudioConfig) -> Iterator[Finding]:
    if mel_recipe_name(audio) is not None:
        return
    seconds = audio.hop_length / audio.sample_rate
    if not USUAL_FRAMES[0] <= seconds <= USUAL_FRAMES[1]:
        yield Finding(
            "unusual_hop",
            WARNING,
            f"audio.hop_length {audio.hop_length} is {1000 * seconds:.1f} ms at "
            f"{audio.sample_rate} Hz; 5 to 25 ms are usual",
            "Long frames blur short sounds, short ones make training slow and alignment hard.",
            f"use a hop near {round(audio.sample_rate * 0.0116)}, as a product of upsample_rates",
        )
    if audio.f_top < min(LOW_TOP, 0.45 * audio.sample_rate):
        yield Finding(
            "low_f_max",
            WARNING,
            f"audio.f_max is {audio.f_top:g} Hz: the mel loss hears nothing above",
            "Sounds like s and f lie above it and are left to the discriminators.",
            "--set audio.f_max=null hears all that the sample rate holds",
        )
    if not USUAL_MELS[0] <= audio.n_mels <= USUAL_MELS[1]:
        yield Finding(
            "unusual_mels",
            NOTE,
            f"audio.n_mels is {audio.n_mels}; 80 are usual",
            "Few mels blur the voice, and many leave some of them empty.",
            "--set audio.n_mels=80",
        )


def _length_findings(config: VitsConfig) -> Iterator[Finding]:
    segment = config.train.segment_samples / config.audio.sample_rate
    if segment >= config.data.max_seconds:
        yield Finding(
            "segment_too_long",
            ERROR,
            f"train.segment_samples is {segment:.2f} s, but data.max_seconds is "
            f"{config.data.max_seconds:g}",
            "Every recording is left out: those that are long enough are too long.",
            f"--set train.segment_samples={32 * config.audio.hop_length}",
        )
    elif segment > LONG_SEGMENT:
        yield Finding(
            "long_segment",
            WARNING,
            f"train.segment_samples is {segment:.2f} s; VITS has 0.37 s",
            "Decoder and discriminators need that much more memory and time.",
            f"--set train.segment_samples={32 * config.audio.hop_length}",
        )
    if config.data.max_seconds > LONG_RECORDING:
        yield Finding(
            "long_recordings",
            WARNING,
            f"data.max_seconds is {config.data.max_seconds:g}",
            "The memory of a step grows with the longest recording, of alignment with its square.",
            "--set data.max_seconds=15, and cut longer recordings at pauses",
        )
    frames = config.data.max_seconds * config.audio.sample_rate / config.audio.hop_length
    limit = config.train.max_batch_frames
    if limit is not None and limit < frames:
        yield Finding(
            "small_max_batch_frames",
            WARNING,
            f"train.max_batch_frames is {limit}, but one recording may have {frames:.0f}",
            "The longest recordings do not fit into a batch.",
            f"--set train.max_batch_frames={math.ceil(frames)}, or more; or lower data.max_seconds",
        )
