"""Vocoding of all that is in a folder: each file's waveform under the same name in another one."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from hifigan.audio import read_audio, write_audio
from hifigan.corpus.finder import list_recordings
from hifigan.errors import UserError
from hifigan.mels_on_disk import RECIPE_NAME, list_mels, read_mel, read_recipe
from hifigan.vocoding.like_lengths import BATCH_FRAMES, in_batches
from hifigan.vocoding.streamed_file import write_pieces
from hifigan.vocoding.vocoder import Vocoder

logger = logging.getLogger(__name__)


@dataclass
class Tally:
    """What became of the files."""

    n_made: int = 0
    n_there: int = 0  # skipped
    n_refused: int = 0
    n_samples: int = 0  # made
    seconds: float = 0.0  # of work

    def told(self, sample_rate: int) -> str:
        """In one line."""
        made = self.n_samples / sample_rate
        text = f"{self.n_made} files, {made:.2f} s of audio"
        if self.n_made:
            text += f", {made / self.seconds:.1f} x real time"
        if self.n_there:
            text += f"; {self.n_there} were there already (--overwrite makes them anew)"
        if self.n_refused:
            text += f"; {self.n_refused} refused, named above"
        return text


class Mels:
    """A folder of mels on disk, whose recipe must be the vocoder's."""

    def __init__(self, folder: Path, vocoder: Vocoder) -> None:
        self.paths = list_mels(folder)
        self.vocoder = vocoder
        self.recipe = None
        # Mels of another program's kind have no recipe of ours; those that have one are not of it.
        if vocoder.foreign_mel is None or (folder / RECIPE_NAME).exists():
            self.recipe = read_recipe(folder)
            vocoder.require_recipe(self.recipe, folder)

    def read(self, path: Path) -> Tensor:
        """[n_mels, T_spec]"""
        return read_mel(path, self.vocoder.recipe.n_mels)


class Recordings:
    """A folder of recordings, whose mels are made of them as they are."""

    def __init__(self, folder: Path, vocoder: Vocoder) -> None:
        if vocoder.foreign_mel is not None:
            raise UserError(
                f"{vocoder.name}: {vocoder.foreign_mel}; give it mels of its own kind with "
                f"--input_mels_dir"
            )
        self.paths = list_recordings(folder)
        self.vocoder = vocoder
        self.recipe = vocoder.recipe

    def read(self, path: Path) -> Tensor:
        """[n_mels, T_spec]"""
        return self.vocoder.mel(read_audio(path, self.recipe.sample_rate))


def vocode_folder(
    source: Mels | Recordings,
    output_dir: Path,
    suffix: str,
    chunk_frames: int | None = None,
    overwrite: bool = False,
) -> Tally:
    """Write the waveform of each file of the source, and count.

    suffix: ".wav" or ".flac"; chunk_frames: make each waveform in pieces of so many frames, and
    write them as they come; None: whole, on a GPU several together. A file that is refused is named
    in the log, and the others go on.
    """
    vocoder, tally, recipe = source.vocoder, Tally(), source.recipe
    targets = {id_: output_dir / f"{id_}{suffix}" for id_ in source.paths}
    todo = [id_ for id_, target in targets.items() if overwrite or not target.is_file()]
    tally.n_there = len(targets) - len(todo)
    begun = time.perf_counter()
    with (
        logging_redirect_tqdm(),
        tqdm(total=len(todo), desc="vocoding", unit="file", disable=None) as bar,
    ):
        mels = _read_all(source, todo, tally, bar)
        if chunk_frames is None:
            for batch in in_batches(mels, BATCH_FRAMES[vocoder.device.type]):
                ids, together = zip(*batch, strict=True)
                made = vocoder.vocode_together(together, recipe)
                for id_, wav_hat in zip(ids, made, strict=True):
                    write_audio(targets[id_], wav_hat, vocoder.recipe.sample_rate)
                    _count(tally, bar, len(wav_hat))
        else:
            for id_, mel in mels:
                pieces = vocoder.stream(mel, chunk_frames, recipe)
                n_samples = write_pieces(targets[id_], pieces, vocoder.recipe.sample_rate)
                _count(tally, bar, n_samples)
    tally.seconds = time.perf_counter() - begun
    return tally


def _read_all(
    source: Mels | Recordings, ids: Sequence[str], tally: Tally, bar: tqdm
) -> Iterator[tuple[str, Tensor]]:
    """Each file's id and mel [n_mels, T_spec]; those that are refused are named and counted."""
    for id_ in ids:
        path = source.paths[id_]
        try:
            mel = source.vocoder.checked(source.read(path), source.recipe)[0]
        except UserError as error:
            told = str(error).removeprefix(f"{path}: ")
        except OSError as error:  # it may not be read, or has gone meanwhile
            told = f"cannot be read: {error.strerror}"
        else:
            yield id_, mel
            continue
        logger.error("refused: %s: %s", path, told)
        tally.n_refused += 1
        bar.update()


def _count(tally: Tally, bar: tqdm, n_samples: int) -> None:
    tally.n_made += 1
    tally.n_samples += n_samples
    bar.update()
