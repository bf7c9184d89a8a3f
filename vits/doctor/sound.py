"""What is measured of one recording, in one decode.

Not in the papers. The signal-to-noise ratio is that of active frames to the quietest ones
(hifigan/corpus/activity.py). Of a recording over two minutes the first two are measured. Several
channels are measured as their mean, as the trainers hear them; but where opposite channels cancel,
as the louder one of them.
"""

import hashlib
from dataclasses import dataclass, fields, replace

import numpy as np

from hifigan.corpus.activity import (
    Spectrum,
    Speech,
    band_levels,
    decibels,
    find_speech,
    power_spectrum,
    runs,
)
from vits.doctor.reverb import fall
from vits.doctor.sound_file import Fault, Header, count_levels, read_recording
from vits.doctor.sound_shape import (
    clicks,
    clipping,
    edge_levels,
    plateau,
    wrapped,
    zeros,
)
from vits.doctor.sound_spectrum import cliff, hum, steady_tone

N_ENVELOPE = 32  # points of each of the two bands
ENVELOPE_BANDS = ((100.0, 1000.0), (1000.0, 6000.0))  # Hz
CANCELLED = 20.0  # dB that folding may cost before one channel is measured instead
TONE_LOWEST = 900.0  # Hz: below are hum, and harmonics of a voice that hardly pauses


@dataclass(frozen=True)
class Sound:
    """A recording in numbers; what was not measured is 0, or NaN where 0 would be a measure.

    Levels are in dBFS (a square wave at full scale has 0), times in seconds from the start.
    """

    fault: str = ""  # "", or of sound_file.py: MISSING, UNREADABLE, TRUNCATED, EMPTY, NAN
    detail: str = ""  # of the fault
    container: str = ""  # "WAV"
    subtype: str = ""  # "PCM_16"
    sample_rate: int = 0  # Hz
    n_channels: int = 0
    n_samples: int = 0
    n_levels: int = 0  # of the 65,536 steps of 16 bits, how many occur
    peak: float = float("nan")  # of full scale, over all channels
    dc: float = float("nan")  # mean, of full scale
    fold_loss: float = 0.0  # dB by which the channels' mean is quieter than the channels
    channel_gap: float = 0.0  # dB between the loudest and the quietest channel
    n_clipped: int = 0  # flat tops
    longest_clipped: int = 0  # samples
    clipped_level: float = 0.0  # of full scale
    plateau: float = 0.0  # share of the loud 5-ms blocks that peak at one level, within 3 %
    speech_level: float = float("nan")  # dBFS
    noise_level: float = float("nan")  # dBFS
    speech_start: float = 0.0
    speech_end: float = 0.0
    speech_seconds: float = 0.0  # active; 0: there is none
    start_level: float = float("nan")  # of the first 5 ms, dB relative to speech
    end_level: float = float("nan")  # of the last 5 ms
    longest_pause: float = 0.0  # seconds, between sounds
    longest_pause_at: float = 0.0
    fall: float = float("nan")  # dB within 80 ms where sounds end; little in an echoing room
    zero_seconds: float = 0.0  # digital silence
    longest_zeros: float = 0.0
    longest_zeros_at: float = 0.0
    n_dropouts: int = 0
    dropout_at: float = 0.0
    bandwidth: float = float("nan")  # Hz; half the rate where no filter shows
    cliff: float = 0.0  # dB, height of the edge at `bandwidth`
    hum_level: float = -120.0  # dBFS
    hum_excess: float = 0.0  # dB above its surroundings
    hum_frequency: float = 0.0  # Hz, of the mains
    tone_level: float = -120.0
    tone_excess: float = 0.0
    tone_frequency: float = 0.0
    n_wrapped: int = 0  # integer overflows
    wrapped_at: float = 0.0
    n_clicks: int = 0
    click_at: float = 0.0
    digest: str = ""  # of all samples that were decoded
    envelope: str = ""  # the course of loudness in two bands, coarse; to find copies that differ

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate if self.sample_rate else 0.0

    @property
    def snr(self) -> float:
        """dB."""
        return self.speech_level - self.noise_level

    @property
    def leading(self) -> float:
        """Seconds of silence before speech."""
        return self.speech_start

    @property
    def trailing(self) -> float:
        """Seconds of silence behind speech."""
        return max(0.0, self.seconds - self.speech_end) if self.speech_seconds else 0.0


def measure(path: str) -> Sound:
    """Decode one recording and measure it. What cannot be decoded gives a Sound with a fault."""
    try:
        header, samples = read_recording(path)
    except Fault as fault:
        return replace(_begun(fault.header), fault=fault.kind, detail=str(fault))
    return measure_samples(samples, header)


def measure_samples(samples: np.ndarray, header: Header) -> Sound:
    """samples: float32 [n_samples, n_channels], one sample or more, all finite."""
    wav, channels = _one_channel(samples)
    rate = header.sample_rate
    dc = float(wav.mean(dtype=np.float64))
    wav -= dc
    spectrum = power_spectrum(wav, rate)
    speech = find_speech(spectrum)
    found = clipping(wav)
    silence = zeros(wav + dc if dc else wav, rate)
    whole = replace(
        _begun(header),
        peak=float(np.abs(samples).max()),
        dc=dc,
        n_levels=count_levels(samples),
        n_clipped=found.n_tops,
        longest_clipped=found.longest,
        clipped_level=found.level,
        plateau=plateau(wav, rate),
        zero_seconds=silence.seconds,
        longest_zeros=silence.longest,
        longest_zeros_at=silence.longest_at,
        n_dropouts=silence.dropouts.n,
        dropout_at=silence.dropouts.first,
        digest=hashlib.blake2b(np.ascontiguousarray(samples), digest_size=12).hexdigest(),
        **channels,
        **_speech_facts(wav, rate, spectrum, speech),
        **_spectrum_facts(wav, rate, spectrum, speech),
        **_click_facts(wav, rate),
    )
    if len(samples) == header.n_samples:
        return whole
    return replace(whole, speech_end=whole.seconds, end_level=float("nan"))  # the end was not heard


def _begun(header: Header | None) -> Sound:
    """What the header tells."""
    if header is None:
        return Sound()
    return Sound(**{field.name: getattr(header, field.name) for field in fields(Header)})


def _one_channel(samples: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """A wav to measure that may be changed, and how its channels compare."""
    if samples.shape[1] == 1:
        return samples[:, 0].copy(), {}
    powers = np.mean(samples**2, axis=0, dtype=np.float64)
    folded = samples.mean(axis=1)  # as hifigan/audio.py folds; that would bring torch along
    loss = decibels(powers.mean()) - decibels(np.mean(folded**2, dtype=np.float64))
    facts = {
        "fold_loss": loss,
        "channel_gap": decibels(powers.max()) - decibels(powers.min()),
    }
    wav = samples[:, int(np.argmax(powers))] if loss > CANCELLED else folded
    return wav.copy(), facts


def _speech_facts(
    wav: np.ndarray, sample_rate: int, spectrum: Spectrum, speech: Speech
) -> dict[str, float | str]:
    facts: dict[str, float | str] = {"noise_level": speech.noise}
    if speech.end == 0:
        return facts
    hop = spectrum.hop / sample_rate
    starts, lengths = runs(~speech.active[speech.start : speech.end])
    if len(starts) > 0:
        longest = int(np.argmax(lengths))
        facts["longest_pause"] = float(lengths[longest] * hop)
        facts["longest_pause_at"] = float((speech.start + starts[longest] - 0.5) * hop)
    first, last = edge_levels(wav, sample_rate)
    return facts | {
        "speech_level": speech.level,
        "speech_start": max(0.0, (speech.start - 0.5) * hop),
        "speech_end": min(len(wav) / sample_rate, (speech.end - 0.5) * hop),
        "speech_seconds": float(speech.active.sum() * hop),
        "start_level": decibels(first**2) - speech.level,
        "end_level": decibels(last**2) - speech.level,
        "fall": fall(spectrum),
        "envelope": _envelope(spectrum, speech),
    }


def _spectrum_facts(
    wav: np.ndarray, sample_rate: int, spectrum: Spectrum, speech: Speech
) -> dict[str, float]:
    heard = spectrum.power[speech.active] if speech.end else spectrum.power
    edge, height = cliff(heard.mean(axis=0, dtype=np.float64), spectrum.bin_hz)
    mains = hum(wav, sample_rate)
    tone = steady_tone(spectrum, TONE_LOWEST)
    return {
        "bandwidth": edge,
        "cliff": height,
        "hum_level": mains.level,
        "hum_excess": mains.excess,
        "hum_frequency": mains.frequency,
        "tone_level": tone.level,
        "tone_excess": tone.excess,
        "tone_frequency": tone.frequency,
    }


def _click_facts(wav: np.ndarray, sample_rate: int) -> dict[str, float]:
    over, found = wrapped(wav, sample_rate), clicks(wav, sample_rate)
    return {
        "n_wrapped": over.n,
        "wrapped_at": over.first,
        "n_clicks": found.n,
        "click_at": found.first,
    }


def _envelope(spectrum: Spectrum, speech: Speech) -> str:
    """Two bands' levels from the speech's start to its end, as hexadecimal digits, 2 a point."""
    points = np.linspace(speech.start, speech.end - 1, N_ENVELOPE)
    parts = []
    for low, high in ENVELOPE_BANDS:
        levels = band_levels(spectrum, low, high)
        smooth = np.convolve(levels, np.full(5, 0.2), "same")
        parts.append(np.interp(points, np.arange(len(smooth)), smooth))
    levels = np.concatenate(parts)
    levels = np.maximum(levels, levels.max() - 50)
    spread = max(float(levels.std()), 1e-3)
    steps = np.clip(np.rint((levels - levels.mean()) / spread * 40), -127, 127).astype(np.int8)
    return steps.tobytes().hex()
