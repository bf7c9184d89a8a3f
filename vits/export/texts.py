"""What other programs do otherwise with the texts that a voice reads."""

from vits.config import TextConfig


def texts_to_prepare(text: TextConfig) -> list[str]:
    """What has to be done to texts before another program reads them, a sentence each."""
    found = []
    if text.expand:
        found.append(
            "numbers, dates and abbreviations stay as they are there: give it what "
            "`python -m vits.text` shows as written out"
        )
    if text.lexicon:
        found.append(
            "words of the lexicon are read as any others there: give it their other spelling"
        )
    found.append(
        "pauses in angle brackets and phonemes in double brackets are read as text there: leave "
        "them out"
    )
    if text.front_end == "as_written":
        found.append("this voice reads symbols, not letters: give it texts in these symbols")
    return found
