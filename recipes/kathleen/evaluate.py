"""Judge a voice by the held-out sentences: what it makes of them, beside the recordings.

    python recipes/kathleen/evaluate.py runs/kathleen --data data/kathleen --whisper base.en \\
        --out_path runs/kathleen/evaluation

Writes to --out_path: natural/ and synthesised/ with a file for each sentence, texts.csv (id|text),
and scores.json; the table of scores goes to standard output. Word and character errors need
faster-whisper (--whisper); what any other judge finds of the two folders is taken in from its JSON
files (--natural_scores, --synthesised_scores), and goes before Whisper's.
"""

import argparse
import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

from hearing import Whisper, error_rates, normalised
from scores import SIDES, read_summary, score_table
from sentences import Sentence, copy_recordings, held_out, speak_all

import vits
from hifigan.audio import read_samples
from hifigan.corpus.activity import activity
from hifigan.errors import Parser, user_errors_exit
from vits.speaking.voice import Voice


def main() -> None:
    args = read_arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with user_errors_exit():
        given = {
            side: read_summary(path) if (path := getattr(args, f"{side}_scores")) else {}
            for side in SIDES
        }
        whisper = Whisper(args.whisper) if args.whisper else None
        sentences = held_out(args.data)
        voice = vits.load(args.voice, device="cpu")
        args.out_path.mkdir(parents=True, exist_ok=True)
        texts = "".join(f"{sentence.id}|{sentence.text}\n" for sentence in sentences)
        (args.out_path / "texts.csv").write_text(texts, encoding="utf-8")
        paths = {
            "natural": copy_recordings(sentences, voice.sample_rate, args.out_path / "natural"),
            "synthesised": speak_all(voice, sentences, args.out_path / "synthesised"),
        }
        scores = {"step": voice.step, "sentences": len(sentences)}
        for side in SIDES:
            scores[side] = speaking_rates(voice, sentences, paths[side])
            if whisper:
                heard = {id_: whisper(path) for id_, path in paths[side].items()}
                scores[side] |= error_rates({s.id: s.text for s in sentences}, heard)
            scores[side] |= given[side]
        written = json.dumps(scores, indent=1, ensure_ascii=False) + "\n"
        (args.out_path / "scores.json").write_text(written, encoding="utf-8")
        print(score_table(scores))


def read_arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("voice", type=Path, metavar="PATH", help="run, checkpoint or voice")
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="data set that vits.prepare made"
    )
    parser.add_argument(
        "--out_path", type=Path, required=True, metavar="DIR", help="where sound and scores go"
    )
    parser.add_argument(
        "--whisper",
        metavar="NAME",
        help="model of faster-whisper, such as base.en, or its folder (default: no word errors)",
    )
    for side in SIDES:
        parser.add_argument(
            f"--{side}_scores",
            type=Path,
            metavar="FILE",
            help=f'of the {side} files by another judge: {{"summary": {{"wer": 0.03, ...}}}}',
        )
    return parser.parse_args()


def speaking_rates(
    voice: Voice, sentences: list[Sentence], paths: Mapping[str, Path]
) -> dict[str, float]:
    """Words, and letters or phonemes, a second from where speech begins to where it ends."""
    n_words = n_symbols = 0
    seconds = 0.0
    for sentence in sentences:
        samples, rate = read_samples(paths[sentence.id])
        found = activity(samples[:, 0], rate)
        seconds += found.end - found.start
        n_words += len(normalised(sentence.text).split())
        n_symbols += sum(symbol.isalpha() for symbol in voice.front_end(sentence.text))
    if not seconds:  # no speech in any of them
        return {}
    return {"words_per_second": n_words / seconds, "symbols_per_second": n_symbols / seconds}


if __name__ == "__main__":
    main()
