"""From text to symbol ids: a front end makes symbols of a text, a symbol table numbers them."""

from vits.text.front_end import FrontEnd, build_front_end, describe_front_end, spelt_words
from vits.text.symbols import SymbolTable, describe_symbol

__all__ = [
    "FrontEnd",
    "SymbolTable",
    "build_front_end",
    "describe_front_end",
    "describe_symbol",
    "spelt_words",
]


def split_pauses(text):
    return [text]


def complete_text(config):
    return config
