"""English years, decades and eras in words: "in 1999", "the '80s", "1914–1918", "44 BC".

A number of four digits is a year where what stands around it says so; otherwise it counts things.
"""

import re

from vits.text.spoken.english_context import spelt
from vits.text.spoken.english_numbers import decade, name_words, plural, two_digits, year

_YEAR = r"(?:1\d{3}|20\d{2})"
_FREE = r"(?<![\w$£€.,\-–/#+])"
_COUNTED = re.compile(  # what follows a number that counts
    r"\s(?!(?:was|is|has|as|his|its|this|does|across|perhaps|sometimes|always|towards|less|"
    r"brings|sees|marks|Olympics)\b)(?:(?:more|other|new|young|old) )?[a-z]+s\b|"
    r"\s(?:people|men|women|children|feet|sheep|fish|km|kg|lb|mm|cm|m|of|million|thousand|"
    r"percent|more|or (?:more|so|fewer|less))\b"
)
_NO_MORE = r"(?![\w%°]|[.,:/–-]\d|\s?[%°])"
_DECADE = re.compile(r"(?<![\d$£€.,])(1\d|20)(\d)0(['’])?s\b")
_BEFORE_DECADE = re.compile(r"(?:\b(?:[Tt]he|[Aa]n?|[Ii]n|[Ee]arly|[Ll]ate|[Mm]id)[ -])$")
_SHORT_DECADE = re.compile(r"(?<![\w.,])['’‘]?([1-9])0['’]?s\b")
_NOUGHTIES = re.compile(r"(?<=[Tt]he )['’]?00['’]?s\b")
_ERA = re.compile(r"(?<![\d.,])(\d{1,4})\s?(BCE|BC|AD|CE|B C E|B C|A-D|C E)(?![A-Za-z])")
_AD = re.compile(r"\b(?:AD|A\.D\.|A-D) (\d{1,4})\b")
_SPAN = re.compile(rf"{_FREE}({_YEAR})\s?([–—/-])\s?({_YEAR}|\d\d)\b(?![\d/]|[.,:]\d|-\d)")
_OPEN_SPAN = re.compile(rf"{_FREE}({_YEAR})(?=\s?[–—-]\s?(?:present|today|now)\b)")
_MORE = rf"(?:(?:, | and | or | to | through |, and |, or ){_YEAR}(?!\d))*"
_CUED = re.compile(
    r"\b((?:in|in about|around|back to|prior to|through|since|until|till|by|before|after|from|"
    r"during|circa|between|year|years|"
    r"year (?:is|was)|Euro|Expo|Cup|Olympics|Championships?|spring|summer|"
    r"autumn|fall|winter|early|late|mid|of|born|died|est\.|established|founded|copyright|Q[1-4]|"
    r"F ?Y|January|February|March|April|May|June|July|August|September|October|November|December)"
    rf"[ -]|(?:post|pre)-)({_YEAR}{_MORE}){_NO_MORE}",
    re.IGNORECASE,
)
_QUANTITY_BEFORE = re.compile(
    r"\b(?:total|crowd|army|maximum|minimum|average|population|number|sum|height|distance|length|"
    r"speed|group|score|fleet|force|list|set|audience|capacity|price|cost|range|depth|salary|rate|"
    r"out|altitude|elevation|staff|team|field|rise|drop|limit|in excess|increas\w+|decreas\w+|rose|"
    r"fell|grew|grow|cut|up|down|reduced|multipl\w+|divided|followed|consist\w*|worth|some|"
    r"tens|hundreds|thousands|none|all|most|many) (?:of|by|from)[ ]$",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"\b([Tt]he|[Aa]n?|[Tt]his|[Ii]ts|[Tt]heir|[Hh]is|[Hh]er|[Oo]ur) ({_YEAR})(?= (?:[A-Z][a-z]|"
    r"(?:[a-z]+ )?(?:elections?|crisis|season|war|films?|movie|novel|album|census|edition|report|"
    r"budget|championships?|world|constitution|revolution|earthquake|flood|fire|study|paper|song|"
    r"treaty|law|act|tour|race|vintage|model|recession|crash|convention|summit|agreement|"
    r"hurricane|pandemic|strike|campaign|referendum|attacks?|bombing|coup|uprising|invasion)\b))"
)
_ALONE = re.compile(  # begins a sentence, is a possessor, or stands in brackets or behind a sign
    rf"(?:(?<=^)|(?<=[.!?] )){_YEAR}(?=,? (?:was|is|saw|will|brought|marked)\b)|"
    rf"{_FREE}{_YEAR}(?=['’]s\b)|(?<=\(){_YEAR}(?=\))|(?<=, ){_YEAR}(?=\))|"
    rf"(?:(?<=others, )|(?<=©)|(?<=© )){_YEAR}\b"
)
_SHORT = re.compile(
    r"\b((?:of|in|since|from|to|until|till|by|before|after|summer|winter|spring|fall|autumn|class|"
    r"and|or|early|late) )['’‘](\d\d)(?![\w'’])"
)


def years_spoken(text: str, british: bool) -> str:
    """Decades, eras, spans of years, and years that the words around them tell."""

    def said(match: re.Match[str]) -> str:
        return year(int(match[0]), british)

    def tens(match: re.Match[str]) -> str:
        """The 1920's, but "2020's winner"."""
        before = match.string[max(match.start() - 6, 0) : match.start()]
        if match[3] and not _BEFORE_DECADE.search(before):
            return match[0]
        return decade(int(f"{match[1]}{match[2]}0"))

    def cued(match: re.Match[str]) -> str:
        if _QUANTITY_BEFORE.search(match.string[max(match.start() - 30, 0) : match.end(1)]):
            return match[0]
        if _COUNTED.match(match.string, match.end()):  # in 1500 ships, but in 1945 ships sailed
            if match[1].lower() not in ("in ", "since ") or not _is_no_round_number(match[2]):
                return match[0]
        return match[1] + re.sub(r"\d+", said, match[2])

    def span(match: re.Match[str]) -> str:
        first, second = int(match[1]), match[3]
        last = int(second) if len(second) == 4 else first - first % 100 + int(second)
        if last <= first or (match[2] == "/" and last != first + 1):
            return match[0]
        end = year(last, british) if len(second) == 4 else two_digits(int(second))
        return f"{year(first, british)} to {end}"

    def era(match: re.Match[str]) -> str:
        return f"{name_words(match[1], british)} {spelt(re.sub('[ -]', '', match[2]))}"

    text = _DECADE.sub(tens, text)
    text = _NOUGHTIES.sub("noughties" if british else "two thousands", text)
    text = _SHORT_DECADE.sub(lambda m: plural(name_words(f"{m[1]}0")), text)
    text = _ERA.sub(era, text)
    text = _AD.sub(lambda m: f"A-D {name_words(m[1], british)}", text)
    text = _SPAN.sub(span, text)
    text = _OPEN_SPAN.sub(said, text)
    text = _CUED.sub(cued, text)
    text = _NAMED.sub(lambda m: f"{m[1]} {year(int(m[2]), british)}", text)
    text = _ALONE.sub(said, text)
    return _SHORT.sub(lambda m: f"{m[1]}{two_digits(int(m[2]))}", text)


def _is_no_round_number(written: str) -> bool:
    """Whether a number is unlikely to count things, and like a year of modern times."""
    return int(written[-4:]) > 1700 and int(written[-4:]) % 50 != 0
