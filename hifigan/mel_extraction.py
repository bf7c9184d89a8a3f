"""Makes the mels of a folder of recordings with several processes, and only those that are missing.

Not in the papers. The output folder holds mels and their recipe (hifigan/mels_on_disk.py), and a
state file that says which recording, by size and time of change, each mel was made of.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from hifigan.atomic_file import NotSaved, appearing_whole
from hifigan.corpus.finder import files_below, list_recordings
from hifigan.corpus.recordings import stamp, stamps
from hifigan.errors import UserError
from hifigan.mel import Spectrogram
from hifigan.mel_recipe import input_recipe
from hifigan.mels_on_disk import (
    N_READING,
    SUFFIX,
    frames_of,
    mel_id,
    mel_of_recording,
    mel_path,
    write_mel,
    write_recipe,
)
from hifigan.vocoder_config import VocoderConfig

logger = logging.getLogger(__name__)

WAIT_SECONDS = 20.0  # processes of a killed command look for it every 5 s, and may yet make mels
STATE_NAME = "recordings.jsonl"  # in the output folder: what each mel there was made of
LOCK_NAME = ".lock"  # hidden, so that it counts as no mel


@dataclass(frozen=True)
class Made:
    """A mel that was made, and the recording it was made of: one line of the state file.

    Times of change alone would not do: a recording that is replaced by an older one, out of an
    archive say, is older than its mel and yet another.
    """

    id: str
    size: int  # bytes of the recording
    modified: int  # nanoseconds
    n_frames: int  # of the mel


@dataclass(frozen=True)
class Failed:
    id: str
    told: str
    ends_all: bool  # the mel could not be saved, and so no other can


class MelMaker(Dataset):
    """Item i makes and writes the mel of recording i, in a process of the DataLoader.

    The DataLoader runs torch with one thread there, so the bits do not depend on the cores.
    """

    def __init__(self, recordings: dict[str, Path], folder: Path, config: VocoderConfig) -> None:
        self.recordings = list(recordings.items())
        self.folder = folder
        self.spectrogram = Spectrogram(config.audio, config.mel.magnitude_floor)

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, index: int) -> Made | Failed:
        id_, recording = self.recordings[index]
        size, modified = stamp(recording)  # before it is read: a change meanwhile is then seen
        target = mel_path(self.folder, id_)
        try:
            mel = mel_of_recording(recording, self.spectrogram)
            write_mel(target, mel)
        except UserError as error:
            if not isinstance(error, NotSaved):
                target.unlink(missing_ok=True)  # of the recording as it was, which is no more
            return Failed(id_, str(error), isinstance(error, NotSaved))
        return Made(id_, size, modified, mel.shape[1])


@dataclass(frozen=True)
class Outcome:
    n_made: int
    n_current: int
    failed: list[Failed]
    hours: float  # of the recordings whose mels were made
    seconds: float  # that it took

    def __str__(self) -> str:
        pace = self.hours * 3600 / self.seconds
        return (
            f"{self.n_made} mels made of {self.hours:.2f} hours in {self.seconds:.0f} s "
            f"(x {pace:.0f} real time), {self.n_current} skipped that were there, "
            f"{len(self.failed)} recordings failed"
        )


def extract(input_dir: Path, output_dir: Path, config: VocoderConfig, n_workers: int) -> Outcome:
    """Make the mels of recordings in input_dir that output_dir lacks, with so many processes."""
    started = time.monotonic()
    recordings = list_recordings(input_dir)
    if output_dir.exists() and not output_dir.is_dir():
        raise UserError(
            f"{output_dir}: is a file, expected a folder for the mels; choose another name"
        )
    with alone(output_dir):
        claim(output_dir, config)
        known = read_state(output_dir / STATE_NAME)
        current = current_ids(recordings, known, output_dir, config.audio.n_mels)
        wanted = {id_: path for id_, path in recordings.items() if id_ not in current}
        warn_of_strangers(input_dir, output_dir, recordings)
        kept = [made for id_, made in known.items() if id_ not in wanted]
        rewrite_state(output_dir / STATE_NAME, kept)
        n_frames, failed = make(wanted, output_dir, config, n_workers)
    hours = n_frames * config.audio.hop_length / config.audio.sample_rate / 3600
    return Outcome(
        len(wanted) - len(failed), len(current), failed, hours, time.monotonic() - started
    )


def make(
    recordings: dict[str, Path], folder: Path, config: VocoderConfig, n_workers: int
) -> tuple[int, list[Failed]]:
    """Make the mels of all these. Returns the frames that were made, and what failed."""
    n_frames, failed = 0, []
    loader = DataLoader(
        MelMaker(recordings, folder, config),
        batch_size=None,
        num_workers=min(n_workers, max(1, len(recordings))),
        in_order=False,  # one long recording holds up none of the others
        multiprocessing_context="fork" if sys.platform == "linux" else None,  # keeps the lock
    )
    with (folder / STATE_NAME).open("a", encoding="utf-8") as state:
        try:
            for result in tqdm(loader, "making mels", len(recordings), unit="file", disable=None):
                if isinstance(result, Made):
                    note(result, state)
                    n_frames += result.n_frames
                elif result.ends_all:
                    raise NotSaved(result.told)
                else:
                    failed.append(result)
        except RuntimeError as error:
            if not str(error).startswith("DataLoader worker"):
                raise
            raise UserError(
                f"{folder}: a process that made mels was killed, for lack of memory, perhaps; "
                f"what was made is kept: run the same command with fewer --num_workers"
            ) from None
    return n_frames, failed


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """No two commands make mels in one folder: one would give a name to the other's half file.

    The lock is held by the processes that make mels, too: those of a killed command end some
    seconds after it, and are waited for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if os.name != "posix":  # Windows renames no file that another process has open
        yield
        return
    import fcntl

    with (folder / LOCK_NAME).open("ab") as file:  # stays: another's lock may be on it
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise UserError(
                        f"{folder}: another process is making mels there; wait for it, or choose "
                        f"another folder"
                    ) from None
                time.sleep(0.1)
        yield


def claim(folder: Path, config: VocoderConfig) -> None:
    """Make the folder one of mels that this command makes by this recipe, or a UserError."""
    state = folder / STATE_NAME
    if not state.exists():
        strangers = [path for path in files_below(folder) if path.suffix == SUFFIX]
        if strangers:
            raise UserError(
                f"{folder}: has {len(strangers)} {SUFFIX} files that this command did not make, "
                f"such as {strangers[0]}, expected none or its own; choose another folder"
            )
    write_recipe(folder, input_recipe(config))
    state.touch()


def current_ids(
    recordings: dict[str, Path], known: dict[str, Made], folder: Path, n_mels: int
) -> set[str]:
    """Of which recordings the mels are there, whole, and made of the recordings as they are."""
    ids = [id_ for id_ in recordings if id_ in known]
    stamped = stamps([str(recordings[id_]) for id_ in ids]).tolist()
    same = [
        id_
        for id_, now in zip(ids, stamped, strict=True)
        if now == [known[id_].size, known[id_].modified]
    ]

    def is_whole(id_: str) -> bool:
        try:
            return frames_of(mel_path(folder, id_), n_mels) == known[id_].n_frames
        except UserError:  # missing or damaged: it is counted among those that are made
            return False

    with ThreadPoolExecutor(N_READING) as pool:
        return {id_ for id_, whole in zip(same, pool.map(is_whole, same), strict=True) if whole}


def read_state(path: Path) -> dict[str, Made]:
    """What the state file holds, by id. A later line on a mel takes the place of an earlier one."""
    known, n_damaged = {}, 0
    for line in path.read_bytes().splitlines():
        try:
            made = Made(**json.loads(line))
        except (ValueError, TypeError):  # the process was killed while it wrote the line
            n_damaged += 1
        else:
            known[made.id] = made
    if n_damaged:
        logger.warning(
            "%s: %d lines are damaged; the mels they were about are made anew", path, n_damaged
        )
    return known


def rewrite_state(path: Path, kept: Sequence[Made]) -> None:
    """Leave out damaged lines and those about mels that are to be made; new ones follow."""
    with appearing_whole(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for made in kept:
            note(made, file)


def note(made: Made, state: TextIO) -> None:
    state.write(json.dumps(asdict(made)) + "\n")
    state.flush()  # to the system: what a killed process had noted is noted


def warn_of_strangers(input_dir: Path, output_dir: Path, recordings: dict[str, Path]) -> None:
    others = [
        path
        for path in files_below(output_dir)
        if path.suffix == SUFFIX and mel_id(output_dir, path) not in recordings
    ]
    if others:
        logger.warning(
            "%s: %d mels are of no recording in %s, such as %s; they stay as they are",
            output_dir,
            len(others),
            input_dir,
            others[0],
        )
