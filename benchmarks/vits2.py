"""What VITS2's options cost and do: configs/small.json without and with each, side by side.

The voices learn the recordings in data/ljspeech-mini and, as a second speaker, the same played
faster. They take their steps in turn, on the same batches, so that whatever else the machine does
meets them alike. Told are the median seconds of a step (of the processor: on one thread, what it
takes on an idle machine), the losses' means over the last quarter of the steps, and afterwards, on
a batch: how widely log durations spread, predicted over real, and the share of the frames that the
alignment noise of the first step moves to another symbol.

    python benchmarks/vits2.py --n_steps 120 --batch_size 2 --out vits2_cpu.json
"""

import argparse
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional as F

from hifigan.distributed import Ranks
from hifigan.json_config import read_config
from vits.config import VitsConfig
from vits.corpus.check import check_data
from vits.data import Batch, Example, UtteranceDataset, collate
from vits.text_on_frames import hold
from vits.training import VitsTraining

ROOT = Path(__file__).parent.parent
FASTER = 1.2  # the second speaker
SHARED = (
    f"data.folder={ROOT / 'data/ljspeech-mini'}",
    'data.speakers=["slow", "fast"]',
    "train.log_every=1000",
)
TRANSFORMER = (
    'model.flow.transformer={"filter_channels": 384, "n_heads": 2, "n_layers": 1, '
    '"kernel_size": 3, "dropout": 0.1, "attention_window": 4}'
)
JUDGE = ('discriminator.durations={"hidden_channels": 96, "kernel_size": 3}',)
OPTIONS = {
    "alignment_noise": ('train.alignment_noise={"scale": 0.01, "decrease": 2e-6}',),
    "flow.transformer": (TRANSFORMER,),
    "speaker_layer": ("model.text_encoder.speaker_layer=3",),
    "durations": (*JUDGE, "loss.duration_adversarial=1"),
}
VARIANTS = {"none": (), **OPTIONS, "all": tuple(s for made in OPTIONS.values() for s in made)}
TOLD = ("mel", "kl", "duration", "duration_discriminator")
FIRST_SCALE = 0.01  # of the alignment noise


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n_steps", type=int, default=200, metavar="N", help="of each voice")
    parser.add_argument("--batch_size", type=int, default=8, metavar="N", help="utterances a step")
    parser.add_argument("--n_threads", type=int, default=1, metavar="N", help="of torch")
    parser.add_argument("--out", type=Path, metavar="FILE", help="for the figures, as JSON")
    args = parser.parse_args()
    torch.set_num_threads(args.n_threads)
    examples, voices = prepared()
    seconds = {name: [] for name in voices}
    losses = {name: [] for name in voices}
    draws = torch.Generator().manual_seed(0)
    for i in range(args.n_steps):
        chosen = torch.randperm(len(examples), generator=draws)[: args.batch_size].tolist()
        batch = collate([examples[j] for j in chosen])
        for name, voice in voices.items():
            torch.manual_seed(i)
            start = time.process_time()
            found = voice.train_step(batch)
            seconds[name].append(time.process_time() - start)
            losses[name].append({key: float(found[key]) for key in TOLD if key in found})
            voice.state.advance()
    last = max(1, args.n_steps // 4)
    figures = {}
    for name, voice in voices.items():
        values = {
            key: round(statistics.mean(step[key] for step in losses[name][-last:]), 4)
            for key in losses[name][-1]
        }
        figures[name] = {
            "seconds": round(statistics.median(seconds[name][1:] or seconds[name]), 4),
            **values,
            **looked_at(voice, batch),
        }
        print(f"{name:18}", json.dumps(figures[name]))
    if args.out is not None:
        told = {
            "n_steps": args.n_steps,
            "batch_size": args.batch_size,
            "n_threads": args.n_threads,
            "voices": figures,
        }
        args.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def prepared() -> tuple[list[Example], dict[str, VitsTraining]]:
    """Both speakers' recordings, and a voice for each variant, at step 0."""
    voices = {}
    for name, settings in VARIANTS.items():
        config = read_config(VitsConfig, ROOT / "configs/small.json", [*SHARED, *settings])
        if name == "none":  # the list names no speakers
            alone = replace(config, data=replace(config.data, speakers=None))
            data = check_data(alone)
            dataset = UtteranceDataset(data.train, config.audio.sample_rate)
        torch.manual_seed(0)
        voices[name] = VitsTraining(config, Ranks(0, 1, torch.device("cpu")), [], [])
        voices[name].state.n_batches = 10**9
    slow = [dataset[i] for i in range(len(dataset))]
    fast = [
        replace(example, wav=faster(example.wav), speaker_id=1, id=f"{example.id} fast")
        for example in slow
    ]
    return slow + fast, voices


def faster(wav: torch.Tensor) -> torch.Tensor:
    """A waveform [T_wav] played faster, and higher with it."""
    return F.interpolate(wav[None, None], scale_factor=1 / FASTER, mode="linear")[0, 0]


@torch.no_grad()
def looked_at(voice: VitsTraining, batch: Batch) -> dict[str, float]:
    model = voice.state.generator.eval()
    spec = voice.spectrogram.magnitudes(batch.wav, batch.wav_lengths)
    lengths = batch.spec_lengths(voice.config.audio.hop_length)
    draws = torch.Generator().manual_seed(1)
    noise = model.draw_noise(batch.tokens, spec, draws, torch.tensor(FIRST_SCALE))
    model.with_rhythm = True
    disturbed, plain = (
        model(batch.tokens, batch.token_lengths, spec, lengths, batch.speakers, each)
        for each in (noise, replace(noise, alignment=None))
    )
    frames = torch.arange(spec.shape[2]) < lengths.unsqueeze(1)
    symbols = (hold(output.durations, spec.shape[2]) for output in (disturbed, plain))
    moved = torch.ne(*symbols)[frames].float().mean()
    inside = plain.rhythm.x_mask.bool()
    real, predicted = plain.rhythm.log_durations[inside], plain.rhythm.log_durations_hat[inside]
    return {
        "spread_of_durations": round(float(predicted.std() / real.std()), 3),
        "frames_moved_by_noise": round(float(moved), 4),
    }


if __name__ == "__main__":
    main()
