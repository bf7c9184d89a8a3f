"""Show how texts are read: written out, as phonemes or letters, and as ids of a symbol table.

python -m vits.text --language bg "Това струва 5 лв."
python -m vits.text -c configs/base.json --lexicon names.txt "Yahoo opens at 9:30."
python -m vits.text -c runs/ljspeech "Can this voice say façade?"
python -m vits.text --symbols piper --json --text_file sentences.txt
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hifigan.checkpoint import open_checkpoint
from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.json_config import config_from_dict, read_config
from vits.config import PUBLISHED_TABLES, TextConfig, VitsConfig
from vits.text import (
    FrontEnd,
    SymbolTable,
    build_front_end,
    complete_text,
    describe_symbol,
    near_symbol,
)
from vits.text.espeak import espeak_languages
from vits.text.front_end import TextReader

FRONT_ENDS = ("phonemes", "characters", "as_written")
OF_A_TABLE = ("symbols", "add_blank", "blank", "start", "end", "decomposed")


def main() -> None:
    parser = Parser(
        prog="python -m vits.text",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="a text; none: standard input")
    parser.add_argument("--text_file", type=Path, metavar="FILE", help="a text a line, UTF-8")
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="a voice whose settings and symbols are taken: a config, checkpoint or run folder",
    )
    parser.add_argument("--language", metavar="NAME", help="espeak's name, as en-us, bg")
    parser.add_argument("--front_end", choices=FRONT_ENDS, help="default: phonemes")
    parser.add_argument("--lexicon", metavar="FILE", help="word|symbols a line")
    parser.add_argument(
        "--symbols",
        metavar="TABLE",
        help="show ids, of: original, piper, or a config, checkpoint or run folder",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a text")
    parser.add_argument("--languages", action="store_true", help="list espeak's languages, and end")
    args = parser.parse_args()
    with user_errors_exit():
        if args.languages:
            for code, name in sorted(espeak_languages().items()):
                print(f"{code:<14}{name}")
            return
        config = complete_text(asked(args))
        front_end = build_front_end(config)
        table = None if isinstance(config.symbols, str) else SymbolTable(config)
        for text in texts(args):
            shown = read(text, config, front_end, table)
            print(json.dumps(shown, ensure_ascii=False) if args.json else as_lines(shown))


def asked(args: argparse.Namespace) -> TextConfig:
    """The settings of the config, and what the arguments change of them."""
    config = TextConfig("phonemes", "en-us", "from_data", add_blank=True, expand=True)
    if args.config:
        config = voice_config(args.config)
    given = {
        key: getattr(args, key)
        for key in ("language", "front_end", "lexicon")
        if getattr(args, key) is not None
    }
    if args.symbols in PUBLISHED_TABLES:
        given["symbols"] = args.symbols
    elif args.symbols:
        other = voice_config(Path(args.symbols))
        given |= {key: getattr(other, key) for key in OF_A_TABLE}
    return dataclasses.replace(config, **given)


def voice_config(path: Path) -> TextConfig:
    """How the voice of a config file, a checkpoint or a run folder reads texts."""
    if path.suffix == ".json":
        return read_config(VitsConfig, path).text
    if not path.exists():
        raise UserError(
            f"{path}: no such file or folder; expected one of {', '.join(PUBLISHED_TABLES)}, or a "
            f"config, a checkpoint or a run folder"
        )
    path, contents = open_checkpoint(path, for_synthesis=True)
    return config_from_dict(VitsConfig, contents["config"], str(path)).text


def texts(args: argparse.Namespace) -> Iterator[str]:
    if args.texts and args.text_file:
        raise UserError("both texts and --text_file are given; leave one of them out")
    if args.texts:
        yield from args.texts
        return
    name, content = "standard input", b""
    if args.text_file:
        name = str(args.text_file)
        try:
            content = args.text_file.read_bytes()
        except OSError as error:
            raise UserError(f"{name}: not readable ({error.strerror}); name a text file") from None
    else:
        content = sys.stdin.buffer.read()
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError:
            raise UserError(f"{name}: line {number}: not UTF-8; save the file as UTF-8") from None
        if text:
            yield text


def read(
    text: str, config: TextConfig, front_end: FrontEnd, table: SymbolTable | None
) -> dict[str, Any]:
    """What becomes of a text, step by step."""
    shown: dict[str, Any] = {"text": text, "language": config.language}
    if isinstance(front_end, TextReader):
        pieces = front_end.written_out(text, config.language)
        shown["written_out"] = "".join(f"[[{p}]]" if is_read else p for p, is_read in pieces)
        shown["lexicon"] = [
            found for p, is_read in pieces if not is_read for found in front_end.lexicon.found(p)
        ]
    symbols = front_end(text)
    shown[config.front_end] = "".join(symbols)
    if table:
        unknown = table.unknown(symbols)
        known = [symbol for symbol in config.symbols if symbol in table]
        shown["ids"] = table.encode(table.known(symbols))
        shown["unknown"] = [
            {"symbol": symbol, "name": describe_symbol(symbol), "near": near_symbol(symbol, known)}
            for symbol in unknown
        ]
    return shown


def as_lines(shown: dict[str, Any]) -> str:
    """For people: a line for each step that did something."""
    lines = [f"text         {shown['text']}"]
    if shown.get("written_out", shown["text"]) != shown["text"]:
        lines.append(f"written out  {shown['written_out']}")
    for word, symbols in shown.get("lexicon", ()):
        lines.append(f"lexicon      {word}: {symbols}")
    for front_end in FRONT_ENDS:
        if front_end in shown:
            lines.append(f"{front_end:<11}  {shown[front_end]}")
    if "ids" in shown:
        lines.append(f"ids          {' '.join(map(str, shown['ids']))}")
    for unknown in shown.get("unknown", ()):
        near = f"; near: {unknown['near']!r}" if unknown["near"] else ""
        lines.append(f"unknown      {unknown['name']}, left out of the ids{near}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
