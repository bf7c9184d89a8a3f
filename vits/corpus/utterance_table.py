"""The utterances that have passed the data check, as flat arrays that all processes share.

A million utterances as Python objects are gigabytes in every process of every GPU and in every
loader process besides. Here they are columns of one file mapped into memory, and an Utterance is
made when it is asked for.
"""

from array import array
from collections.abc import Sequence

import numpy as np

from hifigan.corpus.columns import Columns, string_arrays
from hifigan.corpus.packed import Rows, Strings, StringsBuilder, as_array
from vits.data import Utterance

NUMBERS = ("speaker_id", "language_id", "n_samples", "n_frames")  # of an Utterance
TOKEN_TYPES = {1: "B", 2: "H", 4: "I"}  # of array.array, by their bytes


class UtteranceTable(Rows[Utterance]):
    """The utterances from `start` to before `stop` of a table's columns.

    n_frames, n_samples: int64 [n_utterances], n_samples at the model's rate; speaker_ids,
    language_ids: int64 [n_utterances]; is_mixed_in: bool [n_utterances], whether it comes from
    data.mix_in.
    """

    def __init__(self, columns: Columns, start: int, stop: int) -> None:
        self.columns = columns
        self.start = start
        self.stop = stop
        self.n_frames = columns.arrays["n_frames"][start:stop]
        self.n_samples = columns.arrays["n_samples"][start:stop]
        self.speaker_ids = columns.arrays["speaker_id"][start:stop]
        self.language_ids = columns.arrays["language_id"][start:stop]
        self.is_mixed_in = columns.arrays["mixed_in"][start:stop].view(bool)
        self._ids, self._texts, self._paths = map(columns.strings, ("id", "text", "path"))

    def __reduce__(self) -> tuple:  # to another process by the file's path alone
        return UtteranceTable, (self.columns, self.start, self.stop)

    def __len__(self) -> int:
        return self.stop - self.start

    def row(self, index: int) -> Utterance:
        arrays, i = self.columns.arrays, self.start + index
        first, last = arrays["token_edges"][i : i + 2].tolist()
        facts = self.columns.facts
        speakers, speaker_id = facts["speakers"], int(self.speaker_ids[index])
        languages, language_id = facts["languages"], int(self.language_ids[index])
        return Utterance(
            self._ids.row(i),
            self._paths.row(int(arrays["recording"][i])),
            self._texts.row(i),
            None if speakers is None else speakers[speaker_id],
            speaker_id,
            tuple(arrays["tokens"][first:last].tolist()),
            int(self.n_samples[index]),
            int(self.n_frames[index]),
            None if languages is None else languages[language_id],
            language_id,
        )


def sample_counts(utterances: Sequence[Utterance]) -> np.ndarray:
    """The samples of each utterance: int64 [n_utterances]; of a table without making any."""
    if isinstance(utterances, UtteranceTable):
        return utterances.n_samples
    return np.array([utterance.n_samples for utterance in utterances], np.int64)


def speaker_ids(utterances: Sequence[Utterance]) -> np.ndarray:
    """The speaker of each utterance: int64 [n_utterances]; of a table without making any."""
    if isinstance(utterances, UtteranceTable):
        return utterances.speaker_ids
    return np.array([utterance.speaker_id for utterance in utterances], np.int64)


def language_ids(utterances: Sequence[Utterance]) -> np.ndarray:
    """The language of each utterance: int64 [n_utterances]; of a table without making any."""
    if isinstance(utterances, UtteranceTable):
        return utterances.language_ids
    return np.array([utterance.language_id for utterance in utterances], np.int64)


def mixed_in(utterances: Sequence[Utterance]) -> np.ndarray:
    """Whether each comes from data.mix_in: bool [n_utterances]; only a table can tell."""
    if isinstance(utterances, UtteranceTable):
        return utterances.is_mixed_in
    return np.zeros(len(utterances), bool)


class TableBuilder:
    """Collects utterances whose recordings are numbered. n_symbols: of the symbol table."""

    def __init__(self, n_symbols: int) -> None:
        token_type = TOKEN_TYPES[np.min_scalar_type(n_symbols - 1).itemsize]
        self._ids, self._texts = StringsBuilder(), StringsBuilder()
        self._tokens, self._token_edges = array(token_type), array("q", [0])
        self._numbers = {name: array("q") for name in ("recording", *NUMBERS)} | {
            "mixed_in": array("b")
        }

    def __len__(self) -> int:
        return len(self._token_edges) - 1

    def add(self, utterance: Utterance, recording: int, is_mixed_in: bool = False) -> None:
        """Take an utterance in; `recording` is the index of its path."""
        self._ids.append(utterance.id)
        self._texts.append(utterance.text)
        self._tokens.extend(utterance.tokens)
        self._token_edges.append(len(self._tokens))
        self._numbers["recording"].append(recording)
        self._numbers["mixed_in"].append(is_mixed_in)
        for name in NUMBERS:
            self._numbers[name].append(getattr(utterance, name))

    def arrays(self, paths: Strings) -> dict[str, np.ndarray]:
        """The columns of a table; paths: of all recordings. Nothing may be added any more."""
        return (
            string_arrays("id", self._ids.strings())
            | string_arrays("text", self._texts.strings())
            | string_arrays("path", paths)
            | {"tokens": as_array(self._tokens), "token_edges": as_array(self._token_edges)}
            | {name: as_array(values) for name, values in self._numbers.items()}
        )
