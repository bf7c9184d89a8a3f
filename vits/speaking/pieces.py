"""A text cut into pieces to be spoken one after another, and the silences between them.

Sentences are spoken alone, as a voice has learnt them, and long ones in clauses: so memory stays
flat, sound comes soon, and a sentence sounds the same wherever it stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vits.text import split_pauses
from vits.text.sentences import split_long, split_sentences

MAX_CHARACTERS = 300  # of a piece; few sentences that were trained on are longer
CLAUSE_SILENCE = 0.1  # seconds, between the clauses of a long sentence, at most


@dataclass(frozen=True)
class Piece:
    text: str
    silence: float  # seconds behind it


def pieces_of(text: str, language: str, sentence_silence: float) -> list[Piece]:
    """The pieces of a text, in order. language: one of espeak's; sentence_silence: seconds.

    A pause that the text marks stands instead of the silence between sentences. One before all
    words comes as a piece without text. MarkError: a mark that cannot be read.
    """
    made: list[Piece] = []
    for part in split_pauses(text):
        if isinstance(part, float):
            last = made.pop() if made else Piece("", 0.0)
            made.append(Piece(last.text, last.silence + part))
            continue
        sentences = list(_whole_brackets(split_sentences(part, language)))
        for i, sentence in enumerate(sentences):
            clauses = list(_whole_brackets(split_long(sentence, MAX_CHARACTERS)))
            silences = [min(CLAUSE_SILENCE, sentence_silence)] * (len(clauses) - 1)
            is_last = i == len(sentences) - 1
            silences.append(0.0 if is_last else sentence_silence)
            made += map(Piece, clauses, silences)
    return made


def _whole_brackets(pieces: list[str]) -> Iterator[str]:
    """The pieces, those joined again that were cut inside [[ ]]."""
    held = ""
    for piece in pieces:
        held = f"{held} {piece}" if held else piece
        if held.count("[[") <= held.count("]]"):
            yield held
            held = ""
    if held:
        yield held
