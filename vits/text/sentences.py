"""Running text in sentences, and long sentences in pieces: for speaking texts of any length.

Nothing is lost: the words of the pieces, joined by spaces, are those of the text.
"""

import re

ABBREVIATIONS = {  # by espeak's name without its region; what never ends a sentence, in lower case
    "en": frozenset(
        """mr mrs ms dr prof st mt ft rev hon gen col capt maj lt sgt gov sen rep pres messrs vs e.g
        i.e cf no nos fig vol ch pp approx jan feb mar apr jun jul aug sept oct nov dec""".split()
    ),
    "bg": frozenset(
        """г-н г-жа г-ца д-р проф доц инж акад арх ген полк кап св гр с ул бул бл вх ет ап кв обл
        общ жк т.е т.нар напр вж срв стр чл ал т № хил млн млрд ок прибл""".split()
    ),
    "ru": frozenset(
        """г гр ул пр просп пл д кв корп стр им проф акад ген т.е т.к т.н напр см ср рис табл тыс
        млн млрд руб коп св""".split()
    ),
}
_BOUNDARY = re.compile(r"[.!?…]+[\"'”’»“)\]]*(?=\s)|[。！？]+[」』”）]*|(?:[؟।])+(?=\s|$)")
_BEFORE_DOT = re.compile(r"([^\s(\"'„“«\[]+)\.$")
_INITIAL = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]$")
_OPENING = "\"'„“«‘([—–- "
_CLAUSE = (";:—–", ",")  # where a long sentence is cut, the best first


def split_sentences(text: str, language: str) -> list[str]:
    """The sentences of a text, without empty ones. language: one of espeak's names.

    A line break ends a sentence only where a line is empty: lines of running text are joined.
    """
    made = []
    for paragraph in re.split(r"\n\s*\n", text):
        made += _sentences(" ".join(paragraph.split()), language.split("-")[0])
    return made


def split_long(sentence: str, max_characters: int) -> list[str]:
    """Pieces of at most max_characters, cut behind clause marks, else between words.

    A word that is longer by itself is cut inside.
    """
    pieces = []
    rest = " ".join(sentence.split())
    while len(rest) > max_characters:
        end = _cut(rest, max_characters)
        pieces.append(rest[:end].strip())
        rest = rest[end:].strip()
    return [*pieces, rest] if rest else pieces


def pieces(text: str, language: str, max_characters: int) -> list[str]:
    """The sentences of a text, the long ones in pieces."""
    return [
        piece
        for sentence in split_sentences(text, language)
        for piece in split_long(sentence, max_characters)
    ]


def _sentences(text: str, language: str) -> list[str]:
    abbreviations = ABBREVIATIONS.get(language, frozenset())
    made, start = [], 0
    for found in _BOUNDARY.finditer(text):
        end = found.end()
        if _ends(text[start:end], text[end : end + 80], found[0], abbreviations):
            made.append(text[start:end].strip())
            start = end
    made.append(text[start:].strip())
    return [sentence for sentence in made if sentence]


def _ends(before: str, after: str, mark: str, abbreviations: frozenset[str]) -> bool:
    """Whether a sentence ends behind `mark`, the end of `before`."""
    following = after.lstrip(_OPENING)
    if mark[0] in "。！？؟।":
        return True
    if following[:1].islower():  # "etc. and", "“No!” he said", «Нет!» — сказал
        return False
    if mark != ".":
        return True
    word = _BEFORE_DOT.search(before)
    if word is None:
        return True
    last = word[1].lower()
    if last in abbreviations:
        return False
    # Initials: "J. Smith", "А. С. Пушкин"; but "Plan B. Then" ends, as do "U.S. The" and "p.m. He".
    is_initial = len(last) == 1 and _INITIAL.fullmatch(word[1]) and word[1].isupper()
    return not (is_initial and _looks_like_name(before, following))


def _looks_like_name(before: str, following: str) -> bool:
    """Whether an initial stands before a name: the word before it is none that takes a letter."""
    words = before.split()
    if len(words) > 1 and words[-2].lower() in (
        "plan",
        "vitamin",
        "class",
        "grade",
        "план",
        "клас",
    ):
        return False
    return bool(re.match(r"[^\W\d_]+\b|[^\W\d_]\.", following))


def _cut(text: str, limit: int) -> int:
    """Where to end the first piece: behind the last mark or space that leaves it short enough."""
    least = limit // 3  # no crumbs
    for marks in _CLAUSE:
        best = max((text.rfind(f"{mark} ", least, limit + 1) for mark in marks), default=-1)
        if best >= 0:
            return best + 1
    space = text.rfind(" ", 1, limit + 1)
    return space if space > 0 else limit
