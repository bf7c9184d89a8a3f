"""A voice small enough for a test, whose random weights make loud, uneven speech."""

import torch

from hifigan.weight_norm import fold_weight_norm
from tests.tiny_model import perturb
from vits.config import VitsConfig
from vits.model import make_model
from vits.speaking.torch_engine import TorchEngine
from vits.speaking.voice import Voice
from vits.stochastic_duration_predictor import StochasticDurationPredictor
from vits.text import SymbolTable, build_front_end


def small_voice(config: VitsConfig, seed: int = 0) -> Voice:
    """The same weights for every call with a seed, no part idle, three frames or so per symbol."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        model = make_model(config)
        perturb(model, 0.1)
        fold_weight_norm(model)
        predictor = model.duration_predictor
        if isinstance(predictor, StochasticDurationPredictor):
            predictor.flows.shift -= 1.1
        else:
            predictor.projection.bias += 1.1
        model.decoder.output.weight *= 20
    engine = TorchEngine(model.eval(), config.model)
    front_end, symbols = build_front_end(config.text), SymbolTable(config.text)
    return Voice(config, engine, front_end, symbols, 12, "trained")


@torch.inference_mode()
def without_noise(voice: Voice, ids: list[int], speaker: int = 0) -> torch.Tensor:
    """The waveform [T_wav] that PyTorch makes of ids."""
    tokens, lengths = torch.tensor([ids]), torch.tensor([len(ids)])
    synthesis = voice.model.synthesize(tokens, lengths, torch.tensor([speaker]), 0.0, 0.0)
    return synthesis.wav_hat[0, 0]


def known_ids(voice: Voice, text: str) -> list[int]:
    """Ids of a text, without what the voice does not know."""
    return voice.symbols.encode([s for s in voice.front_end(text) if s in voice.symbols])
