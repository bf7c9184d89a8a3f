"""The config.json of a HiFi-GAN of Coqui TTS: network and mel come over, its training does not.

Its losses are weighted and averaged in ways of their own, so a run goes on here with the settings
of configs/hifigan_v1.json.
"""

from typing import Any

from hifigan.errors import UserError
from hifigan.exchange.defaults import TRAIN, completed

GENERATOR = {  # theirs, ours
    "upsample_factors": "upsample_rates",
    "upsample_kernel_sizes": "upsample_kernel_sizes",
    "upsample_initial_channel": "upsample_initial_channels",
    "resblock_type": "resblock",
    "resblock_kernel_sizes": "resblock_kernel_sizes",
    "resblock_dilation_sizes": "resblock_dilations",
}
AUDIO = {
    "sample_rate": "sample_rate",
    "fft_size": "n_fft",
    "num_mels": "n_mels",
    "mel_fmin": "f_min",
    "mel_fmax": "f_max",
}
USUAL = {  # what AudioProcessor takes where the config is silent
    "fft_size": 1024,
    "mel_fmin": 0.0,
    "mel_fmax": None,
    "log_func": "np.log10",
    "spec_gain": 20,
    "preemphasis": 0.0,
    "signal_norm": None,
    "stats_path": None,
    "symmetric_norm": None,
    "max_norm": None,
    "min_level_db": None,
    "ref_level_db": None,
    "stft_pad_mode": "reflect",
    "do_amp_to_db_mel": True,
}


def is_coqui_config(values: dict[str, Any]) -> bool:
    return "generator_model" in values or "generator_model_params" in values


def coqui_values(values: dict[str, Any], source: str) -> dict[str, Any]:
    """The sections of a config of ours; `source` names the file in errors."""
    model = values.get("generator_model", "hifigan_generator")
    if model != "hifigan_generator":
        raise UserError(
            f"{source}: generator_model is {model!r}, another vocoder of Coqui's; expected "
            f'"hifigan_generator"'
        )
    audio = USUAL | _section(values, "audio", source)
    params = _section(values, "generator_model_params", source)
    for key in params:
        if key not in GENERATOR:
            raise UserError(
                f'{source}: generator_model_params: unknown key "{key}"; the generator here knows: '
                f"{', '.join(GENERATOR)}"
            )
    hop_length, win_length = _frame(audio, source)
    return completed(
        audio={ours: _value(audio, theirs, f"{source}: audio") for theirs, ours in AUDIO.items()}
        | {"hop_length": hop_length, "win_length": win_length},
        generator={
            ours: _value(params, theirs, f"{source}: generator_model_params")
            for theirs, ours in GENERATOR.items()
        },
        mel={"magnitude_floor": 0.0, "loss_f_max": None},
        train={
            "segment_samples": max(1, round(TRAIN["segment_samples"] / hop_length)) * hop_length
        },
    )


def coqui_mel(values: dict[str, Any], source: str) -> str:
    """How the mels of a Coqui config differ from what a recipe of ours can say, in one sentence.

    They always do: librosa centres its frames, and the floor under the logarithm is another.
    """
    audio = USUAL | _section(values, "audio", source)
    told = [
        f"frames are centred on multiples of the hop ({audio['stft_pad_mode']} padding by half a "
        f"window, one frame more a clip)"
    ]
    if audio["preemphasis"]:
        told.append(f"the wav is pre-emphasised by {audio['preemphasis']}")
    if not audio["do_amp_to_db_mel"]:
        told.append("magnitudes are not turned into logarithms")
    else:
        base = {"np.log": "natural", "np.log10": "decimal"}.get(audio["log_func"])
        if base is None:
            raise UserError(
                f"{source}: audio.log_func is {audio['log_func']!r}, expected "
                f'"np.log" or "np.log10"'
            )
        told.append(
            f"values are {audio['spec_gain']:g} times the {base} logarithm of at least 1e-8"
        )
    if audio["signal_norm"]:
        told.append(
            f"each mel is normalised by the means and deviations of {audio['stats_path']}"
            if audio["stats_path"]
            else f"values are scaled from {audio['min_level_db']} dB upwards, less "
            f"{audio['ref_level_db']} dB, to a range of {audio['max_norm']}"
            + (" on both sides of 0" if audio["symmetric_norm"] else "")
        )
    return f"the mels of Coqui's config are not ours: {'; '.join(told)}"


def _frame(audio: dict[str, Any], source: str) -> tuple[int, int]:
    """Hop and window in samples, which may be given in milliseconds instead."""
    if audio.get("hop_length") is not None:
        return audio["hop_length"], _value(audio, "win_length", f"{source}: audio")
    length_ms, shift_ms, rate = (
        _value(audio, key, f"{source}: audio")
        for key in ("frame_length_ms", "frame_shift_ms", "sample_rate")
    )
    numbers = all(isinstance(value, (int, float)) and value > 0 for value in (shift_ms, length_ms))
    if not numbers or length_ms % shift_ms:
        raise UserError(
            f"{source}: audio.frame_length_ms {length_ms} is no multiple of frame_shift_ms "
            f"{shift_ms}; set hop_length and win_length in samples"
        )
    win_length = int(length_ms / 1000 * rate)
    return int(win_length / (length_ms / shift_ms)), win_length


def _section(values: dict[str, Any], name: str, source: str) -> dict[str, Any]:
    if not isinstance(values.get(name), dict):
        raise UserError(f'{source}: no section "{name}" of a Coqui HiFi-GAN; use its whole config')
    return values[name]


def _value(section: dict[str, Any], key: str, where: str) -> Any:
    if key not in section:
        raise UserError(f'{where}: missing key "{key}"; use the whole config of that vocoder')
    return section[key]
