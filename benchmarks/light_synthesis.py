"""Times speaking with the lighter models beside the base model, text to waveform, in one run.

    PYTHONPATH=. python benchmarks/light_synthesis.py --json light_synthesis_cpu.json

Models of configs/base.json, fast.json and small.json with random weights, which speak at some three
frames a symbol, by PyTorch and by onnxruntime. All take turns, run after run; the figures are
medians. As rounding of durations lets the models speak the text at different lengths, what is
compared is seconds of audio made in a second.
"""

import statistics
from pathlib import Path
from typing import Any

import torch
from synthesis import LETTERS, LONG, measure, spread, timed
from torch import nn

from hifigan.json_config import config_from_dict, override, read_json
from hifigan.weight_norm import fold_weight_norm
from vits.config import VitsConfig
from vits.model import make_model
from vits.speaking.onnx_engine import with_onnxruntime
from vits.speaking.torch_engine import TorchEngine
from vits.speaking.voice import Voice
from vits.text import SymbolTable, build_front_end

CONFIGS = Path(__file__).parent.parent / "configs"
NAMES = ("base", "fast", "small")


def main() -> None:
    measure(__doc__, compare)


def compare(n_runs: int) -> dict[str, Any]:
    voices = {}
    for name in NAMES:
        voices[name, "torch"] = random_voice(name)
        voices[name, "onnx"] = with_onnxruntime(voices[name, "torch"])

    def say(voice: Voice) -> int:
        return len(voice.speak(LONG, noise_scale_w=0.0))

    seconds = {which: say(voice) / voice.sample_rate for which, voice in voices.items()}
    found = timed({which: lambda v=voice: say(v) for which, voice in voices.items()}, n_runs)
    rates = {which: seconds[which] / statistics.median(times) for which, times in found.items()}
    figures: dict[str, Any] = {name: {} for name in NAMES}
    for (name, backend), times in found.items():
        figures[name][backend] = spread(times) | {
            "seconds_of_audio": round(seconds[name, backend], 2),
            "times_real_time": round(rates[name, backend], 2),
            "times_base": round(rates[name, backend] / rates["base", backend], 2),
        }
    return figures


def random_voice(name: str) -> Voice:
    """With the same random weights every time."""
    values = read_json(CONFIGS / f"{name}.json")
    settings = ["text.front_end=characters", f"text.symbols={LETTERS}", "data.speakers=null"]
    config = config_from_dict(VitsConfig, override(values, settings), name)
    torch.manual_seed(0)
    model = make_model(config)
    if config.model.duration_predictor.kind == "stochastic":
        model.duration_predictor.flows.shift -= 1.1
    else:
        nn.init.constant_(model.duration_predictor.projection.bias, 1.0)
    fold_weight_norm(model)
    engine = TorchEngine(model.eval(), config.model)
    front_end, symbols = build_front_end(config.text), SymbolTable(config.text)
    return Voice(config, engine, front_end, symbols, 0, "trained")


if __name__ == "__main__":
    main()
