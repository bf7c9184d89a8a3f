"""Show how texts are read: written out, as phonemes or letters, and as ids of a symbol table.

python -m vits.text --language bg "Това струва 5 лв."
python -m vits.text -c configs/base.json --lexicon names.txt "Yahoo opens at 9:30."
python -m vits.text --symbols piper --json --text_file sentences.txt
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hifigan.errors import Parser, UserError, user_errors_exit
from hifigan.json_config import read_config
from vits.config import TextConfig, VitsConfig
from vits.text import SymbolTable, build_front_end, complete_text, describe_symbol
from vits.text.espeak import espeak_languages
from vits.text.front_end import TextReader

FRONT_ENDS = ("phonemes", "characters", "as_written")
TABLES = ("original", "piper")


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
        help="JSON config of a voice, whose settings and symbols are taken; config.json of a run",
    )
    parser.add_argument("--language", metavar="NAME", help="espeak's name, as en-us, bg")
    parser.add_argument("--front_end", choices=FRONT_ENDS, help="default: phonemes")
    parser.add_argument("--lexicon", metavar="FILE", help="word|symbols a line")
    parser.add_argument("--symbols", choices=TABLES, help="show ids of this published table")
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
    if args.config:
        config = read_config(VitsConfig, args.config).text
    else:
        config = TextConfig("phonemes", "en-us", "from_data", add_blank=True, expand=True)
    given = {
        key: getattr(args, key)
        for key in ("language", "front_end", "lexicon", "symbols")
        if getattr(args, key) is not None
    }
    return dataclasses.replace(config, **given)


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
    text: str, config: TextConfig, front_end: Any, table: SymbolTable | None
) -> dict[str, Any]:
    """What becomes of a text, step by step."""
    shown: dict[str, Any] = {"text": text, "language": config.language}
    if isinstance(front_end, TextReader):
        plain = dataclasses.replace(config, front_end="phonemes", lexicon=None)  # takes any mark
        pieces = TextReader(plain).pieces(text, config.language)
        shown["written_out"] = "".join(p if not s else f"[[{p}]]" for p, s in pieces)
        shown["from_lexicon"] = [
            symbols
            for piece, is_symbols in pieces
            if not is_symbols
            for symbols, found in front_end.lexicon.split(piece)
            if found
        ]
    symbols = front_end(text)
    shown[config.front_end] = "".join(symbols)
    if table:
        unknown = table.unknown(symbols)
        shown["ids"] = table.encode(table.known(symbols))
        shown["unknown"] = [describe_symbol(symbol) for symbol in unknown]
    return shown


def as_lines(shown: dict[str, Any]) -> str:
    """For people: a line for each step that did something."""
    lines = [f"text         {shown['text']}"]
    if shown.get("written_out", shown["text"]) != shown["text"]:
        lines.append(f"written out  {shown['written_out']}")
    if shown.get("from_lexicon"):
        lines.append(f"lexicon      {', '.join(shown['from_lexicon'])}")
    for front_end in FRONT_ENDS:
        if front_end in shown:
            lines.append(f"{front_end:<11}  {shown[front_end]}")
    if "ids" in shown:
        lines.append(f"ids          {' '.join(map(str, shown['ids']))}")
    if shown.get("unknown"):
        lines.append(f"unknown      {', '.join(shown['unknown'])}; left out of the ids")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
