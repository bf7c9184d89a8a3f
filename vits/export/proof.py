"""An export read back: it must be the same voice, and speak as it with the same noise."""

from pathlib import Path

import torch
from torch import Tensor

from hifigan.errors import UserError
from hifigan.json_config import config_to_dict, differences
from vits.config import VitsConfig
from vits.exchange.recogniser import open_voice
from vits.model import VitsModel, make_model

TOLERANCE = 1e-4  # of full scale: folding weight norm and making it again rounds
N_SYMBOLS = (3, 17)  # of each text
SECTIONS = ("audio", "text", "model")  # in which a voice's config must come back
FREE = (
    "audio.n_mels",
    "audio.f_min",
    "audio.f_max",
    ".dropout",
    "text.language",
    "text.expand",
    "text.lexicon",
    "text.unknown_symbols",
)


def require_same_voice(
    written: Path, path: Path, config: VitsConfig, generator: dict[str, Tensor], what: str
) -> None:
    """A UserError unless `written`, to be kept as `path`, comes back as the voice given.

    generator: its whole state_dict; what: the format, in words. Values of the config that speaking
    does not need may differ: other people's formats have no place for them.
    """
    try:
        opened = open_voice(written, config)
    except UserError as fault:
        said = str(fault).replace(str(written), what)
        raise UserError(f"{path}: not written: read back, {said}") from None
    saved, found = (
        {name: config_to_dict(c)[name] for name in SECTIONS} for c in (config, opened.config)
    )
    for name, (before, after) in differences(saved, found).items():
        if not name.endswith(FREE) and not _unused(name, config):
            raise UserError(
                f"{path}: not written: {what} cannot hold this voice: {name} is {before}, but "
                f"there {after}; choose another format"
            )
    draw = torch.Generator().manual_seed(0)
    lengths = torch.tensor(N_SYMBOLS)
    tokens = torch.randint(config.n_symbols, (len(lengths), max(N_SYMBOLS)), generator=draw)
    speakers = torch.arange(len(lengths)) % max(1, config.n_speakers)

    def spoken(config: VitsConfig, weights: dict[str, Tensor]) -> Tensor:
        noise = torch.Generator().manual_seed(1)  # the same for both

        def drawn(*shape: int, device: torch.device) -> Tensor:
            return torch.randn(*shape, generator=noise)

        model = _loaded(config, weights)
        return model.synthesize(tokens, lengths, speakers, draw=drawn).wav_hat

    wav, wav_hat = spoken(config, generator), spoken(opened.config, opened.generator)
    if not wav.isfinite().all():
        raise UserError(
            f"{path}: not written: the voice makes values that are not numbers; export an earlier "
            f"checkpoint"
        )
    if wav.shape != wav_hat.shape or not (wav - wav_hat).abs().max() <= TOLERANCE:
        found = "another length" if wav.shape != wav_hat.shape else "other samples"
        raise UserError(
            f"{path}: not written: read back, it says a text in {found}; choose another format"
        )


def _unused(name: str, config: VitsConfig) -> bool:
    """Whether nothing of this voice is made by the value."""
    deterministic = config.model.duration_predictor.kind == "deterministic"
    one = config.data.speakers is None
    return (
        (one and name == "model.speaker_channels")
        or (deterministic and name == "model.duration_predictor.n_flows")
        or (config.text.front_end == "as_written" and name == "text.front_end")
    )


def _loaded(config: VitsConfig, generator: dict[str, Tensor]) -> VitsModel:
    with torch.random.fork_rng(devices=[]):
        model = make_model(config).eval()
    model.load_state_dict(generator)
    return model
