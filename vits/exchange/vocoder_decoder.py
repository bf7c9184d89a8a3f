"""The decoder of a voice, taken from a HiFi-GAN vocoder."""

import logging
import re
from pathlib import Path

from hifigan.errors import UserError
from hifigan.exchange.defaults import MAGNITUDE_FLOOR
from hifigan.exchange.defaults import completed as vocoder_values
from hifigan.exchange.recogniser import OpenedVocoder, open_vocoder
from hifigan.json_config import config_from_dict, config_to_dict, differences
from hifigan.vocoder_config import VocoderConfig
from hifigan.weight_norm import DIRECTION, NORM, normed_weight
from vits.config import VitsConfig
from vits.exchange.found import FoundVoice, Weights

logger = logging.getLogger(__name__)

QUIET = 1e-3  # of full scale: what a bias of the last convolution may be and not be missed


def open_decoder(path: Path, config: VitsConfig | None) -> tuple[Path, FoundVoice]:
    """The decoder of a vocoder, and the file that it is in.

    Its first convolution hears mels, not latents, and stays behind. config: of the voice.
    """
    if config is None:
        raise UserError(
            f"{path}: a HiFi-GAN vocoder, whose weights can begin a voice's decoder; pass the "
            f"config of that voice with -c, such as configs/base.json"
        )
    described = (path.parent / "config.json").is_file() or any(path.parent.glob("config_v*.json"))
    vocoder = open_vocoder(path, None if described else _as_vocoder(path, config))
    theirs, ours = (config_to_dict(c) for c in (vocoder.config.generator, config.model.decoder))
    for name, (there, here) in differences(theirs, ours).items():
        raise UserError(
            f"{path}: its {name} is {there}, but model.decoder.{name} is {here} in the config; "
            f"give the config of a voice whose decoder is this vocoder's"
        )
    rates = vocoder.config.audio.sample_rate, config.audio.sample_rate
    if rates[0] != rates[1]:
        logger.warning("%s: made for %d Hz, and the config's audio has %d Hz", path, *rates)
    members = _period_members(vocoder, config)
    return vocoder.path, FoundVoice(
        "HiFi-GAN",
        config,
        _decoder_weights(path, vocoder.generator),
        members,
        absent=("discriminator.members.0.*",) if members else (),  # a scale's are others there
        step=vocoder.step,
    )


def _decoder_weights(path: Path, generator: Weights) -> Weights:
    """VITS's decoder has neither weight norm nor a bias in its last convolution."""
    weights = {
        f"decoder.{name}": weight
        for name, weight in generator.items()
        if not name.startswith(("input.", "output."))
    }
    norm, direction = generator["output" + NORM], generator["output" + DIRECTION]
    weights["decoder.output.weight"] = normed_weight(norm, direction)
    bias = generator["output.bias"].abs().max().item()
    if bias > QUIET:
        logger.warning("%s: the last convolution's bias of %.2g is left out", path, bias)
    return weights


def _period_members(vocoder: OpenedVocoder, config: VitsConfig) -> Weights | None:
    """The vocoder's discriminators of periods, where the config's are like them."""
    theirs, ours = vocoder.config.discriminator, config.discriminator
    like = (theirs.periods, theirs.period_channels) == (ours.periods, ours.period_channels)
    if vocoder.discriminator is None or not like:
        return None
    members = r"^multi_period\.members\.(\d+)\."
    return {  # the discriminator of a scale comes before those of periods
        re.sub(members, lambda m: f"members.{int(m[1]) + 1}.", name): weight
        for name, weight in vocoder.discriminator.items()
        if re.match(members, name)
    }


def _as_vocoder(path: Path, config: VitsConfig) -> VocoderConfig:
    """A vocoder like the config's decoder, for one that has no config of its own."""
    sections = config_to_dict(config)
    values = vocoder_values(
        audio=sections["audio"],
        generator=sections["model"]["decoder"],
        mel={"magnitude_floor": MAGNITUDE_FLOOR, "loss_f_max": None},
        train={"segment_samples": config.train.segment_samples},
    )
    return config_from_dict(VocoderConfig, values, f"{path}: the given config")
