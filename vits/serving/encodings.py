"""Samples as the formats that clients ask for: as they come, or when all are there."""

import io
from collections.abc import Iterable, Iterator

import numpy as np
import soundfile
from torch import Tensor

from hifigan.audio import BLOCK_SAMPLES, resample
from vits.speaking.sound_output import coded, pcm_16, wav_header

ENCODINGS = {  # name: type of the contents, and libsndfile's container and coding
    "mp3": ("audio/mpeg", "MP3", "MPEG_LAYER_III"),
    "opus": ("audio/ogg", "OGG", "OPUS"),
    "flac": ("audio/flac", "FLAC", "PCM_16"),
    "wav": ("audio/wav", None, None),
    "pcm": ("audio/pcm", None, None),
}
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)  # Hz; all that it has


def encoded(pieces: Iterable[Tensor], sample_rate: int, encoding: str) -> Iterator[bytes]:
    """Pieces [T_piece] in a format: wav and pcm as they come, the others at the end.

    Nothing, not even a header, comes before the first piece is made. Formats that come at the end
    yield b"" for each piece until then, so that whoever asks can leave off.
    """
    _, container, coding = ENCODINGS[encoding]
    if container is None:
        parts = coded(pieces)
        if encoding == "wav":
            yield wav_header(sample_rate)
        yield from parts
        return
    samples = []
    for piece in pieces:
        samples.append(np.frombuffer(pcm_16(piece), "<i2"))
        yield b""
    wav = np.concatenate(samples)
    if coding == "OPUS" and sample_rate not in OPUS_RATES:
        rate = next((rate for rate in OPUS_RATES if rate >= sample_rate), OPUS_RATES[-1])
        wav = resample(wav.astype(np.float32) / 32768, sample_rate, rate)
        wav, sample_rate = np.clip(wav, -1, 1), rate
    whole = io.BytesIO()
    with soundfile.SoundFile(whole, "w", sample_rate, 1, coding, format=container) as file:
        for start in range(0, len(wav), BLOCK_SAMPLES):
            file.write(wav[start : start + BLOCK_SAMPLES])
    yield whole.getvalue()
