"""Which module writes out a language's numbers and abbreviations."""

from vits.text.spoken import bulgarian, english, general


def spoken(text: str, language: str) -> str:
    """The text in words as they are said. language: an espeak voice such as "en-us" or "bg".

    Of a language that neither has rules here nor is known to num2words, the text stays.
    """
    family = language.split("-")[0]
    if family == "bg":
        return bulgarian.spoken(text)
    if family == "en":
        return english.spoken(text, language)
    return general.spoken(text, language)


def known_languages() -> list[str]:
    """Espeak's names, without regions, of the languages whose numbers are written out."""
    return sorted({"bg", "en", *general.CODES})
