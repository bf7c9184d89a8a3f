"""What is in a voice, for a person who asks."""

from hifigan.config import GeneratorConfig
from vits.speaking.torch_engine import TorchEngine
from vits.speaking.voice import Voice

N_NAMED = 12  # speakers that are listed


def describe(voice: Voice) -> list[tuple[str, str]]:
    """Names and values, in the order in which one would ask."""
    config = voice.config
    audio, model, text = config.audio, config.model, config.text
    rows = [
        (
            "trained",
            f"{voice.step:,} steps, {voice.weights} weights, computed by {voice.engine.name}",
        ),
        (
            "sound",
            f"{audio.sample_rate:,} Hz, {audio.sample_rate / audio.hop_length:.1f} frames a second",
        ),
        ("languages", ", ".join(voice.languages)),
        ("speakers", _some(voice.speakers) or "one"),
        ("reads", f"{text.front_end}, {len(text.symbols)} symbols: {''.join(text.symbols)}"),
        ("durations", model.duration_predictor.kind),
        (
            "decoder",
            f"{model.decoder.upsample_initial_channels} channels, upsampling "
            f"{' x '.join(map(str, model.decoder.upsample_rates))}{_head(model.decoder)}",
        ),
    ]
    if isinstance(voice.engine, TorchEngine):
        n_parameters = sum(weight.numel() for weight in voice.model.parameters())
        rows.append(("parameters", f"{n_parameters / 1e6:.1f} million"))
    rows.append(("converts voices", "yes" if can_convert(voice) else "no"))
    return rows


def _head(decoder: GeneratorConfig) -> str:
    head = decoder.inverse_stft
    return "" if head is None else f", inverse STFT of {head.n_bands} bands"


def can_convert(voice: Voice) -> bool:
    """Whether Voice.convert works: with several speakers, and the posterior encoder of training."""
    has_model = isinstance(voice.engine, TorchEngine)
    return has_model and bool(voice.speakers) and voice.model.posterior_encoder is not None


def _some(names: tuple[str, ...]) -> str:
    told = ", ".join(names[:N_NAMED])
    return f"{len(names)}: {told}{', ...' if len(names) > N_NAMED else ''}" if names else ""
