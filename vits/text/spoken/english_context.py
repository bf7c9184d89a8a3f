"""What stands around an expression in English: articles, ends of sentences; and spelt letters."""

import re

_ARTICLE = re.compile(r"(?:^|(?<=\W))[Aa]n? $")
_NOUN = re.compile(
    r"\s(?!(?:of|or|and|to|from|for|in|on|at|per|an?|is|was|as|by|with|more|less|each|the|that|"
    r"which|who|if|but|than|ago|off|away|every|plus|minus|later|apart)\b)[a-z]"
)
_STOP = re.compile(r"""["”'’)]*\s*$|["”'’)]*\s+["“(]?[A-Z]""")
_START = re.compile(
    r"""["”'’)]*\s*$|["”'’)]*\s+["“]?(?:The|Then|It|He|She|They|We|I|You|But|And|In|On|At|This|That|"""
    r"""There|A|An|His|Her|Their|Our|My|No|Yes|If|When|What|Who|Why|How|For|So|To|As|By|Not)\b"""
)


def describes_noun(match: re.Match[str]) -> bool:
    """Whether an amount stands as an adjective, in the singular: "a $5 note", "a 5 km walk"."""
    before = match.string[max(match.start() - 4, 0) : match.start()]
    return bool(_ARTICLE.search(before) and _NOUN.match(match.string, match.end()))


def ends_sentence(match: re.Match[str]) -> bool:
    """Whether the text ends or a capital follows, so that a dot of the match ends a sentence."""
    return bool(_STOP.match(match.string, match.end()))


def starts_sentence(match: re.Match[str]) -> bool:
    """The same where names may follow, too: whether the text ends or a word that begins sentences
    follows.
    """
    return bool(_START.match(match.string, match.end()))


def parted(match: re.Match[str], said: str) -> str:
    """What is said, with a space where the match touches a letter or a digit."""
    text, start, end = match.string, match.start(), match.end()
    before = " " if text[max(start - 1, 0) : start].isalnum() else ""
    return before + said + (" " if text[end : end + 1].isalnum() else "")


def spelt(letters: str) -> str:
    """Letters one by one. A lone A would be read as the article, hence the hyphens."""
    return ("-" if "a" in letters.lower() else " ").join(letters)
