"""From text to symbol ids: a front end makes symbols of a text, a symbol table numbers them."""

from vits.text.front_end import FrontEnd, build_front_end, describe_front_end, spelt_words
from vits.text.lexicon import read_lexicon
from vits.text.marks import MarkError, split_pauses
from vits.text.published import complete_text
from vits.text.symbols import SymbolTable, describe_symbol, near_symbol

__all__ = [
    "FrontEnd",
    "MarkError",
    "SymbolTable",
    "build_front_end",
    "complete_text",
    "describe_front_end",
    "describe_symbol",
    "near_symbol",
    "read_lexicon",
    "spelt_words",
    "split_pauses",
]
