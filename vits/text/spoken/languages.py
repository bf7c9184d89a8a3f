"""Which module writes out a language's numbers and abbreviations."""


def spoken(text: str, language: str) -> str:
    """The text in words as they are said. language: an espeak voice such as "en-us" or "bg"."""
    return text
