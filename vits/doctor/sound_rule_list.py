"""All rules of sound_rules.py, in the order in which a person would mend what they find."""

import numpy as np

from vits.doctor.findings import ERROR, NOTE, WARNING
from vits.doctor.sound_rules import (
    EDGES,
    EMPTY_CHANNEL,
    HUM,
    HUM_EXCESS,
    OFFSET,
    OPPOSITE,
    OVER,
    PAUSE,
    QUIET,
    TONE,
    TONE_EXCESS,
    UNEVEN,
    ZEROS,
    Rule,
    beyond,
    clicking,
    clipped,
    coarse,
    cut_off,
    in_stereo,
    is_coarse_format,
    is_silent,
    narrow,
    noisy,
    other_rate,
    steady,
    told_clipped,
    told_edges,
    told_float,
    told_silent,
)

OFTEN = "take these lines out of the list, or record them again"
TRIM = "python -m vits.prepare --trim cuts silent ends and leaves a margin"
LOUDNESS = "python -m vits.prepare --loudness -23 makes all equally loud"

RULES = (
    Rule(
        "silent",
        ERROR,
        ("has no speech", "have no speech"),
        "The text has no sound to belong to, so alignment learns to skip words.",
        OFTEN,
        lambda m: is_silent(m) * 1.0,
        told_silent,
    ),
    Rule(
        "opposite_phase",
        ERROR,
        ("has channels in opposite phase", "have channels in opposite phase"),
        "Made mono, the two channels cancel each other and the voice is gone.",
        'keep one channel: ffmpeg -i IN.wav -af "pan=mono|c0=c0" OUT.wav',
        lambda m: m["fold_loss"] / OPPOSITE * (m["fold_loss"] >= OPPOSITE),
        lambda s, m: f"made mono, it loses {s.fold_loss:.0f} dB",
    ),
    Rule(
        "one_channel_silent",
        WARNING,
        ("has the voice on one channel only", "have the voice on one channel only"),
        "Made mono, it is half as loud, and the empty channel's noise is mixed in.",
        'keep the channel with the voice: ffmpeg -i IN.wav -af "pan=mono|c0=c0" OUT.wav',
        lambda m: m["channel_gap"] / EMPTY_CHANNEL * (m["channel_gap"] >= EMPTY_CHANNEL),
        lambda s, m: f"one channel is {s.channel_gap:.0f} dB below the other",
    ),
    Rule(
        "stereo",
        WARNING,
        ("has more than one channel", "have more than one channel"),
        "Training takes the mean of the channels; where they differ, the voice changes its colour.",
        "python -m vits.prepare makes them mono once, which also saves time in training",
        in_stereo,
        lambda s, m: f"{s.n_channels} channels; made mono, it loses {max(s.fold_loss, 0):.1f} dB",
    ),
    Rule(
        "other_rate",
        WARNING,
        ("has another sample rate", "have another sample rate"),
        "A lower rate lacks high sounds that others have, so that the voice wavers between dull "
        "and clear; a higher one is resampled at each use, which takes time.",
        "python -m vits.prepare --sample_rate RATE resamples once; choose a RATE that all have",
        other_rate,
        lambda s, m: f"{s.sample_rate} Hz, expected {m.sample_rate} Hz",
    ),
    Rule(
        "low_bandwidth",
        WARNING,
        ("has no high frequencies", "have no high frequencies"),
        "It was made from a low rate or a strongly compressed file: s and f sound dull, and the "
        "voice learns to be dull at random.",
        "use the original recordings, or train at a rate of twice the frequency shown",
        narrow,
        lambda s, m: f"nothing above {s.bandwidth:.0f} Hz, in a file of {s.sample_rate} Hz",
    ),
    Rule(
        "sample_format",
        WARNING,
        ("is in a coarse format", "are in a coarse format"),
        "8 bits, mu-law and the like rustle under the voice, and the model learns the rustling.",
        "use 16-bit originals; converting what is there brings nothing back",
        lambda m: is_coarse_format(m) * 1.0,
        lambda s, m: f"{s.container} {s.subtype}",
    ),
    Rule(
        "coarse_steps",
        WARNING,
        ("was coarse before it became 16-bit", "were coarse before they became 16-bit"),
        "8 bits, mu-law and the like rustle under the voice, and the model learns the rustling.",
        "use the originals from before the conversion",
        coarse,
        lambda s, m: f"{s.n_levels} different values, up to {s.peak:.2f} of full scale",
    ),
    Rule(
        "wrapped",
        WARNING,
        ("has overflowed samples", "have overflowed samples"),
        "A peak that was too loud came out at the other end of the scale: a loud click each time.",
        "convert the originals again with less gain; or " + OFTEN,
        lambda m: m["n_wrapped"] * 1.0,
        lambda s, m: f"{s.n_wrapped} peaks, the first at {s.wrapped_at:.2f} s",
    ),
    Rule(
        "clipped",
        WARNING,
        ("is clipped", "are clipped"),
        "The tops of the wave are cut flat, which sounds harsh, and the model learns it.",
        "record with less gain, or use the originals; turning it down now mends nothing",
        clipped,
        told_clipped,
    ),
    Rule(
        "too_loud_float",
        WARNING,
        ("goes above full scale", "go above full scale"),
        "Training turns the whole recording down to fit, so it becomes softer than the others.",
        LOUDNESS + " and keeps peaks below full scale",
        lambda m: beyond(m["peak"], OVER),
        told_float,
    ),
    Rule(
        "quiet",
        WARNING,
        ("is very quiet", "are very quiet"),
        "The voice is near the noise of 16 bits, and the model has little to go by.",
        LOUDNESS,
        lambda m: beyond(m["speech_level"], QUIET) * ~is_silent(m),
        lambda s, m: f"speech at {s.speech_level:.0f} dBFS, peak {s.peak:.3f} of full scale",
    ),
    Rule(
        "uneven_loudness",
        WARNING,
        ("differs in loudness from the rest", "differ in loudness from the rest"),
        "The text does not tell how loud to speak, so the model guesses, and the voice wavers.",
        LOUDNESS,
        lambda m: beyond(np.abs(m["speech_level"] - m.usual_level), UNEVEN) * ~is_silent(m),
        lambda s, m: f"speech at {s.speech_level:.0f} dBFS",
    ),
    Rule(
        "noisy",
        WARNING,
        ("is noisy", "are noisy"),
        "The model learns the noise as a part of the voice.",
        "clean them with a denoiser, or " + OFTEN,
        noisy,
        lambda s, m: (
            f"speech {s.snr:.0f} dB above the noise ({s.speech_level:.0f} and "
            f"{s.noise_level:.0f} dBFS)"
        ),
    ),
    Rule(
        "hum",
        WARNING,
        ("hums", "hum"),
        "The hum of the mains becomes a part of the voice.",
        "filter the mains frequency and its multiples out, such as with ffmpeg -af "
        "highpass=f=80, and look for a bad cable before you record more",
        lambda m: steady(m, "hum", HUM_EXCESS, HUM),
        lambda s, m: (
            f"{s.hum_frequency:.0f} Hz and multiples, {s.speech_level - s.hum_level:.0f} dB below "
            f"speech"
        ),
    ),
    Rule(
        "tone",
        WARNING,
        ("has a steady tone", "have a steady tone"),
        "A whine of USB power, a screen or a fan becomes a part of the voice.",
        "filter that frequency out, such as with ffmpeg -af bandreject=f=FREQUENCY:w=50",
        lambda m: steady(m, "tone", TONE_EXCESS, TONE),
        lambda s, m: (
            f"{s.tone_frequency:.0f} Hz, {s.speech_level - s.tone_level:.0f} dB below speech"
        ),
    ),
    Rule(
        "dc_offset",
        WARNING,
        ("is off centre", "are off centre"),
        "A constant in the samples (DC offset) clicks at both ends and takes room from the voice.",
        "remove it: ffmpeg -i IN.wav -af highpass=f=20 OUT.wav",
        lambda m: beyond(np.abs(m["dc"]), OFFSET),
        lambda s, m: f"mean {s.dc:+.4f} of full scale",
    ),
    Rule(
        "clicks",
        WARNING,
        ("clicks", "click"),
        "Single samples stand out: bad cuts, lost samples or static.",
        OFTEN,
        clicking,
        lambda s, m: f"{s.n_clicks} clicks, the first at {s.click_at:.2f} s",
    ),
    Rule(
        "dropouts",
        WARNING,
        ("has gaps within words", "have gaps within words"),
        "Samples were lost where a network or a disk was too slow, and the model learns the holes.",
        OFTEN,
        lambda m: m["n_dropouts"] * 1.0,
        lambda s, m: f"{s.n_dropouts} gaps of zeros, the first at {s.dropout_at:.2f} s",
    ),
    Rule(
        "cut_start",
        WARNING,
        ("starts in the middle of a sound", "start in the middle of a sound"),
        "The first word is not whole, so the voice learns to swallow beginnings.",
        "cut it from the long recording again, a little earlier, or take the line out",
        lambda m: cut_off(m, "start_level"),
        lambda s, m: f"the first 5 ms are {_near(s.start_level)} speech",
    ),
    Rule(
        "cut_end",
        WARNING,
        ("ends in the middle of a sound", "end in the middle of a sound"),
        "The last word is not whole, so the voice learns to swallow endings.",
        "cut it from the long recording again, a little later, or take the line out",
        lambda m: cut_off(m, "end_level"),
        lambda s, m: f"the last 5 ms are {_near(s.end_level)} speech",
    ),
    Rule(
        "long_edges",
        WARNING,
        ("has long silence at an end", "have long silence at an end"),
        "First and last sounds are stretched over it, and the voice begins late or trails off.",
        TRIM,
        lambda m: beyond(np.maximum(m["speech_start"], m.trailing), EDGES) * ~is_silent(m),
        told_edges,
    ),
    Rule(
        "inner_silence",
        WARNING,
        ("has a long silence inside", "have a long silence inside"),
        "No symbol of the text asks for it, so a sound beside it is stretched.",
        "cut the recording in two there, shorten the pause, or mark it in the text",
        lambda m: beyond(m["longest_pause"], PAUSE),
        lambda s, m: f"{s.longest_pause:.2f} s of silence at {s.longest_pause_at:.2f} s",
    ),
    Rule(
        "digital_silence",
        NOTE,
        ("has digital silence", "have digital silence"),
        "Exact zeros come from padding or a noise gate; beside a room's noise the switch is heard.",
        "python -m vits.prepare --trim cuts them off the ends; record without a noise gate",
        lambda m: m["longest_zeros"] * (m["longest_zeros"] >= ZEROS) * ~is_silent(m),
        lambda s, m: (
            f"{s.zero_seconds:.2f} s of zeros, the longest {s.longest_zeros:.2f} s at "
            f"{s.longest_zeros_at:.2f} s"
        ),
    ),
    Rule(
        "too_short",
        WARNING,
        ("is too short", "are too short"),
        "Training leaves them out.",
        "join short ones to sentences; or lower data.min_seconds, if the voice needs single words",
        lambda m: np.where(m.seconds < m.min_seconds, m.min_seconds / (m.seconds + 1e-3), 0.0),
        lambda s, m: f"{s.seconds:.2f} s, expected {m.min_seconds:g} s or more",
    ),
    Rule(
        "too_long",
        WARNING,
        ("is too long", "are too long"),
        "Training leaves them out, because memory grows with the longest one.",
        "cut them at pauses into sentences, with the text; or raise data.max_seconds",
        lambda m: m.seconds / m.max_seconds * (m.seconds > m.max_seconds),
        lambda s, m: f"{s.seconds:.2f} s, expected {m.max_seconds:g} s or less",
    ),
)


def _near(level: float) -> str:
    """A level relative to speech, in words."""
    return f"{-level:.0f} dB below" if level < 0 else f"{level:.0f} dB above"
