"""The language embedding under other languages, or put into the symbols of one.

It is added to every symbol's embedding (vits/text_encoder.py), so that a voice of many languages
becomes one of a single language exactly: what the language adds goes into the symbols' rows.
"""

from collections.abc import Sequence

from torch import Tensor

from hifigan.errors import UserError
from vits.transfer.tables import Row, TableChange

SYMBOLS, LANGUAGES = "text_encoder.embedding.weight", "text_encoder.language_embedding.weight"


def language_rows(old: Sequence[str], new: Sequence[str]) -> TableChange:
    """By name; a new one begins as its nearest relative (en-gb as en-us), else as the mean."""
    place = {language: i for i, language in enumerate(old)}
    rows = tuple(_row(language, place) for language in new)
    dropped = tuple(language for language in old if language not in set(new))
    return TableChange(rows, dropped, {row.name: row.why for row in rows if row.why})


def in_one_language(
    state: dict[str, Tensor], languages: Sequence[str], language: str
) -> dict[str, Tensor]:
    """The generator's state_dict without languages, reading as it does in one of them.

    languages: of the voice; language: one of them, or a relative, else a UserError names them.
    """
    place = {name: i for i, name in enumerate(languages)}
    row = _row(language, place)
    if len(row.sources) > 1:
        raise UserError(
            f"language {language!r} is none of the voice's: {', '.join(languages)}; name one of "
            f"them"
        )
    made = {name: tensor for name, tensor in state.items() if name != LANGUAGES}
    symbols = state[SYMBOLS].float()
    # The symbols' embeddings are multiplied by the root of their width, the language's is not.
    made[SYMBOLS] = symbols + state[LANGUAGES][row.sources[0]].float() / symbols.shape[1] ** 0.5
    return made


def _row(language: str, place: dict[str, int]) -> Row:
    if language in place:
        return Row(language, (place[language],), "")
    relatives = [name for name in place if name.split("-")[0] == language.split("-")[0]]
    if relatives:
        return Row(language, (place[relatives[0]],), relatives[0])
    return Row(language, tuple(place.values()), f"mean of {len(place)} languages")
