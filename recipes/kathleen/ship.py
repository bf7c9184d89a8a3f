"""Make a voice to ship of a run: its two files, ten sentences to hear, and a model card.

    python recipes/kathleen/ship.py runs/kathleen --scores runs/kathleen/evaluation/scores.json \\
        --hardware "one H100" --out_path voices/kathleen

A voice that cannot be understood is refused. The ten sentences are those that evaluate.py left
beside the scores.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from curve import minutes_of_steps
from scores import read_scores, score_table

import vits
from hifigan.atomic_file import megabytes
from hifigan.errors import Parser, UserError, user_errors_exit
from vits.exchange.voice_folder import TRAINING, VOICE

MOST_WER = 0.2  # of what is shipped: one word in five is as much as a listener guesses
N_SAMPLES = 10
SOURCE = (
    "https://github.com/rhasspy/dataset-voice-kathleen (CC0 1.0): one woman reading the CMU Arctic "
    "prompts"
)
CARD = """---
license: cc0-1.0
language: en
---

# {name}

A US English woman's voice, trained by this software from nothing (recipes/{name}).

    python infer.py --voice {name} --text "Hello there."
    python finetune.py --restore_from voices/{name} --data data/my_voice -m my_voice

| | |
|---|---|
| licence | CC0 1.0, as the recordings have it |
| data | 1,474 utterances, 75 minutes, of {source} |
| steps | {step} |
| minutes of training | {minutes:.0f} |
| hardware | {hardware} |
| `{voice_file}` | {voice_size}: what speaks, in half precision |
| `{training_file}` | {training_size}: posterior encoder and discriminators, for fine-tuning |

{sentences} sentences that it was not trained on, natural and synthesised side by side:

{table}

`samples/` has {n_samples} of them, as it says them:

{samples}
"""


def main() -> None:
    args = read_arguments()
    with user_errors_exit():
        scores = read_scores(args.scores)
        require_understood(args.scores, scores)
        texts = read_texts(args.scores.with_name("texts.csv"))
        samples = chosen_samples(args.scores.with_name("synthesised"), list(texts))
        if (step := vits.load(args.run, device="cpu").step) != scores["step"]:
            raise UserError(
                f"{args.scores}: of step {scores['step']}, but {args.run} is of step {step}; "
                f"evaluate what is to be shipped"
            )
        minutes = args.minutes
        if minutes is None:
            minutes = minutes_of_steps(args.run / "scalars.jsonl", [scores["step"]])[scores["step"]]
        made = [sys.executable, "-m", "vits.export", args.run, "--format", "voice", "--half"]
        if subprocess.run([*map(str, made), "--out_path", str(args.out_path)]).returncode:
            raise SystemExit(2)  # it has said why
        (args.out_path / "samples").mkdir(exist_ok=True)
        for path in samples:
            shutil.copyfile(path, args.out_path / "samples" / path.name)
        sizes = [megabytes((args.out_path / name).stat().st_size) for name in (VOICE, TRAINING)]
        card = CARD.format(
            name=args.out_path.name,
            source=SOURCE,
            step=step,
            minutes=minutes,
            hardware=args.hardware,
            voice_file=VOICE,
            voice_size=sizes[0],
            training_file=TRAINING,
            training_size=sizes[1],
            sentences=scores["sentences"],
            table=score_table(scores),
            n_samples=len(samples),
            samples="\n".join(f"- `{path.name}`: {texts[path.stem]}" for path in samples),
        )
        (args.out_path / "README.md").write_text(card, encoding="utf-8")


def read_arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path, metavar="PATH", help="run, or one of its checkpoints")
    parser.add_argument(
        "--scores", type=Path, required=True, metavar="FILE", help="scores.json of evaluate.py"
    )
    parser.add_argument("--hardware", required=True, metavar="TEXT", help="what it was trained on")
    parser.add_argument(
        "--minutes",
        type=float,
        metavar="X",
        help="how long it was trained there (default: what the log of the run says)",
    )
    parser.add_argument(
        "--out_path", type=Path, required=True, metavar="DIR", help="folder to write, voices/NAME"
    )
    return parser.parse_args()


def require_understood(path: Path, scores: dict[str, Any]) -> None:
    wer = scores["synthesised"].get("wer")
    if wer is None:
        raise UserError(f"{path}: has no word errors; run evaluate.py with --whisper")
    if not wer <= MOST_WER:
        raise UserError(
            f"{path}: word errors {wer:.0%}, expected {MOST_WER:.0%} at most: a voice that cannot "
            f"be understood is not shipped; train it longer"
        )


def read_texts(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise UserError(f"{path}: no such file; evaluate.py writes it beside scores.json")
    lines = path.read_text(encoding="utf-8").splitlines()
    return {id_: text for id_, _, text in (line.partition("|") for line in lines)}


def chosen_samples(folder: Path, ids: list[str]) -> list[Path]:
    """N_SAMPLES of the spoken sentences, evenly spread."""
    n = min(N_SAMPLES, len(ids))
    paths = [folder / f"{ids[i * len(ids) // n]}.wav" for i in range(n)]
    for path in paths:
        if not path.is_file():
            raise UserError(f"{path}: no such file; evaluate.py writes it beside scores.json")
    return paths


if __name__ == "__main__":
    main()
