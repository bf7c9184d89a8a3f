"""Draw word errors against training steps and against minutes.

    python recipes/kathleen/curve.py --run runs/kathleen --data data/kathleen --whisper base.en \\
        --out_path recipes/kathleen/curve.svg
    python recipes/kathleen/curve.py --points curve.json --out_path recipes/kathleen/curve.svg

The first lets every checkpoint of the run that is left (train.keep_every) say the held-out
sentences, and writes the points beside the picture. The second draws points that are there:
[[steps, minutes, word errors], ...], the errors as a share of the words.
"""

import argparse
import json
import logging
import sys
import tempfile
from pathlib import Path

from hearing import Whisper, error_rates
from sentences import held_out, speak_all

import vits
from hifigan.checkpoint import CheckpointFolder, step_of
from hifigan.errors import Parser, UserError, user_errors_exit
from vits.doctor.charts import HEIGHT, WIDTH, curves_svg
from vits.doctor.findings import Curve

logger = logging.getLogger(__name__)

Point = tuple[int, float, float]  # steps, minutes, word errors
PAUSE = 300.0  # seconds; between two lines of a log, so many are a run that stood still
STYLE = """
  text { font: 11px sans-serif; fill: #555 }
  .grid { stroke: #ddd }
  .curve { fill: none; stroke: #983391; stroke-width: 2 }
"""


def main() -> None:
    args = read_arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        require_picture(args.out_path)
        if args.points:
            points = read_points(args.points)
        elif args.data is None or args.whisper is None:
            raise UserError("--run needs --data and --whisper; name both, or give --points")
        else:
            points = measured(args.run, args.data, Whisper(args.whisper))
            written = json.dumps(points) + "\n"
            args.out_path.with_suffix(".json").write_text(written, encoding="utf-8")
        args.out_path.write_text(picture(points), encoding="utf-8")


def read_arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path, metavar="DIR", help="run whose checkpoints speak")
    source.add_argument("--points", type=Path, metavar="FILE", help="JSON file of points to draw")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data set of the sentences")
    parser.add_argument("--whisper", metavar="NAME", help="model of faster-whisper, or its folder")
    parser.add_argument(
        "--out_path", type=Path, required=True, metavar="FILE", help=".svg file to write"
    )
    return parser.parse_args()


def require_picture(path: Path) -> None:
    """A UserError if no picture can be written there, before hours of hearing."""
    if path.suffix != ".svg":
        raise UserError(f"--out_path {path}: expected a name that ends in .svg; choose another")
    if not path.parent.is_dir():
        raise UserError(f"--out_path {path}: no folder {path.parent}; make it first")


def measured(run: Path, data: Path, whisper: Whisper) -> list[Point]:
    """A point of every checkpoint in a run."""
    paths = CheckpointFolder(run / "checkpoints", keep_last=2).steps()
    if not paths:
        raise UserError(f"{run}: no checkpoints/step_*.pt inside; name a run's folder")
    sentences = held_out(data)
    minutes = minutes_of_steps(run / "scalars.jsonl", [step_of(path) for path in paths])
    points = []
    for path in paths:
        voice = vits.load(path, device="cpu")
        with tempfile.TemporaryDirectory() as folder:
            spoken = speak_all(voice, sentences, Path(folder))
            heard = {id_: whisper(wav) for id_, wav in spoken.items()}
        wer = error_rates({s.id: s.text for s in sentences}, heard)["wer"]
        points.append((step_of(path), minutes[step_of(path)], wer))
        logger.info("step %d, %.1f minutes: word errors %.1f %%", *points[-1][:2], 100 * wer)
    return points


def minutes_of_steps(scalars: Path, steps: list[int]) -> dict[int, float]:
    """When a run came to its steps, in minutes of training from the first line of its log on."""
    if not scalars.is_file():
        raise UserError(f"{scalars}: no such file; name the folder of the run, which has its log")
    rows = []
    for number, line in enumerate(scalars.read_text(encoding="utf-8").splitlines(), 1):
        try:
            rows.append(json.loads(line))
        except ValueError:  # a killed process left it
            raise UserError(
                f"{scalars}: line {number}: no whole record; let the run go on, or delete the line"
            ) from None
    if not rows:
        raise UserError(f"{scalars}: has no lines; let the run come to train.log_every steps")
    reached, seconds = [(rows[0]["step"], 0.0)], 0.0
    for before, row in zip(rows, rows[1:]):
        gap = row["time"] - before["time"]
        seconds += gap if gap < PAUSE else 0.0
        reached.append((row["step"], seconds))
    return {step: max((s for at, s in reached if at <= step), default=0.0) / 60 for step in steps}


def read_points(path: Path) -> list[Point]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return sorted((int(step), float(minutes), float(wer)) for step, minutes, wer in found)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; check the path") from None
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: {error}; expected [[steps, minutes, word errors], ...]") from None


def picture(points: list[Point]) -> str:
    """Two charts side by side, as one SVG file."""
    percents = [100 * wer for _, _, wer in points]
    charts = [
        (curves_svg("word errors", [Curve("word errors, %", places, percents)]), unit)
        for places, unit in (([p[0] for p in points], "steps"), ([p[1] for p in points], "minutes"))
    ]
    top = 18  # for the charts' titles
    parts = [f"<style>{STYLE}</style>"]
    for i, (chart, unit) in enumerate(charts):
        place = f'<svg x="{i * WIDTH}" y="{top}" width="{WIDTH}" height="{HEIGHT}" '
        parts.append(f'<text x="{i * WIDTH + 8}" y="13">word errors, %, by {unit}</text>')
        parts.append(place + chart.removeprefix("<svg "))
    size = f"{2 * WIDTH} {HEIGHT + top}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}">{"".join(parts)}</svg>\n'


if __name__ == "__main__":
    main()
