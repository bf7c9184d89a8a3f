"""Whether a data set can be trained on as a whole, and what to warn of."""

import functools
import logging
from collections.abc import Sequence

from hifigan.errors import UserError
from vits.config import VitsConfig
from vits.corpus.line_check import UNKNOWN_SYMBOLS
from vits.corpus.list_rows import Line
from vits.corpus.report import (
    LOUD_SHARE,
    UNKNOWN_FIX,
    DataReport,
    commonest_reasons,
    list_symbols,
)
from vits.text import FrontEnd, spelt_words

logger = logging.getLogger(__name__)


def require_reading_voice(config: VitsConfig, lines: Sequence[Line], front_end: FrontEnd) -> None:
    """Stop where the front end spells the words of the lines' texts instead of reading them."""
    if config.data.languages is None:
        languages = {None}
    else:
        languages = {line.language for line in lines}
    for language in languages:
        texts = (line.text for line in lines if language is None or line.language == language)
        words, spelt = spelt_words(texts, functools.partial(front_end, language=language))
        if 2 * len(spelt) > len(words):
            key = "text.language " if language is None else ""
            raise UserError(
                f"{config.data.folder}: the voice of {key}"
                f"{language or config.text.language!r} cannot read {spelt[0]!r} and "
                f"{len(spelt) - 1} more of {len(words)} frequent words and spells their letters; "
                f"name the language of the texts, "
                + ("as in --set text.language=bg" if language is None else "in the list")
            )


def require_training_data(report: DataReport) -> None:
    """Stop where nothing is left, or where the symbol table is of another script than the texts."""
    n_read, n_unknown = report.n_read["train"], 0
    for refusal in report.refusals:
        n_unknown += refusal.split != "valid" and refusal.reason == UNKNOWN_SYMBOLS
    if 2 * n_unknown > n_read:
        raise UserError(
            f"{report.folder}: {n_unknown} of {n_read} training texts "
            f"have symbols that text.symbols lacks: "
            f"{list_symbols(report.unknown, 12)}; {UNKNOWN_FIX}"
        )
    mixed_in = report.mixed_in or {"read": 0, "used": 0}
    n_used = report.n_used["train"] - mixed_in["used"]
    _require_some(report, "train", "training utterances", n_read - mixed_in["read"], n_used)
    _require_some(report, "mix_in", "utterances of data.mix_in", mixed_in["read"], mixed_in["used"])


def _require_some(report: DataReport, split: str, what: str, n_read: int, n_used: int) -> None:
    if n_read and not n_used:
        reasons = commonest_reasons(r for r in report.refusals if r.split == split)
        reason, n_utterances, first = reasons[0]
        raise UserError(
            f"{report.folder}: of {n_read} {what} none can be used; "
            f"{n_utterances} for: {reason}; the first: {first}"
        )


def warn(report: DataReport) -> None:
    """Say what is no error and yet matters for the whole run."""
    if report.share_refused > LOUD_SHARE:
        logger.warning(
            "%.0f %% of the utterances (%d) are REFUSED and will not be trained on; "
            "the report says why",
            100 * report.share_refused,
            len(report.refusals),
        )
    if report.n_used["valid"] == 0:
        logger.warning("no validation utterances: training goes on without a validation loss")
    n_read = report.n_read["train"]
    if report.new_symbols and 2 * report.n_new_texts > n_read:
        logger.warning(
            "%d of %d training texts have symbols that the trained voice has never met: %s; they "
            "are added. If the voice should know them, compare text.front_end and text.language, "
            "and the script of the texts, with its own",
            report.n_new_texts,
            n_read,
            list_symbols(report.new_symbols, 12),
        )
