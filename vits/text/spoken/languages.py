"""Which module writes out a language's numbers and abbreviations."""

from vits.text.spoken import bulgarian


def spoken(text: str, language: str) -> str:
    """The text in words as they are said. language: an espeak voice such as "en-us" or "bg"."""
    if language.split("-")[0] == "bg":
        return bulgarian.spoken(text)
    return text
