"""A folder of mels: one .npy file a recording, and in mel_recipe.json what they are made of.

A mel is float32 [n_mels, T_spec], the natural logarithm. Its id is that of its recording: the path
below the folder, without suffix. Not in the papers; the original's --input_mels_dir is such a
folder, without a recipe.
"""

import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from io import BufferedReader
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from hifigan.atomic_file import appearing_whole, sync
from hifigan.audio import read_audio
from hifigan.corpus.finder import files_below
from hifigan.errors import UserError
from hifigan.json_config import config_from_dict, read_json
from hifigan.mel import Spectrogram
from hifigan.mel_faults import ValueCheck
from hifigan.mel_recipe import MelRecipe, require_same_recipe

SUFFIX = ".npy"
RECIPE_NAME = "mel_recipe.json"
DECLARE = (
    "if another program made these mels by the recipe of a config, declare it: python -m "
    "hifigan.extract_mel_spectrograms --declare_recipe -c CONFIG --output_dir DIR"
)
N_COMPARED = 64  # mels whose values are checked at first: some seconds; if one is wrong, all are
N_READING = 16  # threads that read headers: on network disks each answer takes its time
HEADERS = {  # by the version of the .npy format; later ones are for named columns only
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
PARSING = Lock()  # they use ast.literal_eval, in which threads of CPython 3.11 disturb each other


@dataclass(frozen=True)
class StoredRecipe:
    """What mel_recipe.json holds."""

    fingerprint: str  # shows that nobody has changed a number by hand
    recipe: MelRecipe


@dataclass(frozen=True)
class MelFault:
    id: str
    path: Path
    told: str  # what is wrong, and what it looks like

    def __str__(self) -> str:
        return f"{self.path}: {self.told}"


def list_mels(folder: Path) -> dict[str, Path]:
    """All mels in a folder and its subfolders, by id, sorted by it; hidden ones are left out."""
    require_folder(folder)
    paths = [path for path in files_below(folder) if path.suffix == SUFFIX]
    if not paths:
        raise UserError(f"{folder}: no mels inside, expected {SUFFIX} files; check the path")
    return dict(sorted((mel_id(folder, path), path) for path in paths))


def mel_id(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()[: -len(SUFFIX)]


def mel_path(folder: Path, id_: str) -> Path:
    return folder / f"{id_}{SUFFIX}"


def read_recipe(folder: Path) -> MelRecipe:
    """What the mels in a folder are made of, by its mel_recipe.json."""
    require_folder(folder)
    path = folder / RECIPE_NAME
    if not path.exists():
        raise UserError(
            f"{path}: no such file, expected the recipe of the mels beside it; {DECLARE}"
        )
    try:
        stored = config_from_dict(StoredRecipe, read_json(path), str(path))
    except UserError as error:
        detail = str(error).removeprefix(f"{path}: ")
        raise UserError(f"{path}: not a mel recipe ({detail}); delete it; {DECLARE}") from None
    if stored.fingerprint != stored.recipe.fingerprint:
        raise UserError(
            f"{path}: altered: its numbers have the fingerprint {stored.recipe.fingerprint}, "
            f"expected {stored.fingerprint} as written in it; delete it; {DECLARE}"
        )
    return stored.recipe


def write_recipe(folder: Path, recipe: MelRecipe) -> None:
    """Write mel_recipe.json, whole or not at all. Beside another recipe this is a UserError."""
    path = folder / RECIPE_NAME
    if path.exists():
        fix = "choose another folder for the new mels, or delete these"
        require_same_recipe(read_recipe(folder), recipe, folder, "the config", fix)
        return
    stored = asdict(StoredRecipe(recipe.fingerprint, recipe))
    with appearing_whole(path) as temporary:
        temporary.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
        sync(temporary)


def write_mel(path: Path, mel: Tensor) -> None:
    """mel: float32 [n_mels, T_spec]. The file appears whole or not at all."""
    with appearing_whole(path) as temporary:
        with temporary.open("wb") as file:
            np.save(file, mel.contiguous().numpy(), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())  # or a power failure could leave zeros under a good header


def frames_of(path: Path, n_mels: int) -> int:
    """T_spec of a mel file, of which only the header and the size are read."""
    with _opened(path) as file:
        return _read_header(file, path, n_mels).n_frames


def read_mel(path: Path, n_mels: int) -> Tensor:
    """A mel as float32 [n_mels, T_spec].

    In the file it may have an axis of one in front, as Tacotron programs save it, and be float16
    or float64. All else is a UserError.
    """
    with _opened(path) as file:
        header = _read_header(file, path, n_mels)
        values = np.fromfile(file, header.dtype, n_mels * header.n_frames)
    with np.errstate(over="ignore"):  # of float64: becomes infinite, which is refused below
        values = values.reshape(header.shape, order=header.order).astype(np.float32, order="C")
    mel = torch.from_numpy(values.reshape(n_mels, header.n_frames))
    n_bad = int((~mel.isfinite()).sum())
    if n_bad:
        raise UserError(
            f"{path}: {n_bad} of {mel.numel()} values are NaN or infinite, expected none; make "
            f"the mel again"
        )
    return mel


def mel_of_recording(path: Path, spectrogram: Spectrogram) -> Tensor:
    """The mel of a whole recording as it is, by the recipe of `spectrogram`.

    Returns float32 [n_mels, T_spec]. A recording that has none is a UserError.
    """
    return spectrogram.mel(_spec_of_recording(path, spectrogram))[0]


def check_mels(pairs: Sequence[tuple[str, Path, Path, int]], recipe: MelRecipe) -> list[MelFault]:
    """What is wrong with mels beside their recordings; an empty list if nothing is.

    pairs: id, path of the mel, path of the recording, and its samples at the recipe's rate. Every
    file's type, shape and length is checked, and the values of N_COMPARED evenly spread ones; where
    one of these is at fault, the values of all the others, too.
    """
    with ThreadPoolExecutor(N_READING) as pool:
        found = list(pool.map(lambda pair: _length_fault(pair, recipe), pairs))
    faults = [fault for fault in found if fault is not None]
    sound = [pair for pair, fault in zip(pairs, found, strict=True) if fault is None]
    chosen = np.linspace(0, len(sound) - 1, min(len(sound), N_COMPARED)).round().astype(int)
    check = ValueCheck(recipe)
    found_first = _value_faults([sound[i] for i in chosen], check)
    faults += found_first
    if found_first:
        first = set(chosen.tolist())
        others = [pair for i, pair in enumerate(sound) if i not in first]
        faults += _value_faults(tqdm(others, "checking mels", unit="file", disable=None), check)
    return faults


def require_folder(folder: Path) -> None:
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {found}, expected a folder of mels; check the path")


def _length_fault(pair: tuple[str, Path, Path, int], recipe: MelRecipe) -> MelFault | None:
    id_, path, wav_path, n_samples = pair
    try:
        n_frames = frames_of(path, recipe.n_mels)
    except UserError as error:
        return MelFault(id_, path, str(error).removeprefix(f"{path}: "))
    expected = n_samples // recipe.hop_length
    if abs(n_frames - expected) <= 1:  # centred frames are one more
        return None
    hop_length = n_samples / n_frames
    told = (
        f"{n_frames} frames, expected {expected} (one more or less) for the {n_samples} samples of "
        f"{wav_path}; of a trimmed or another recording, or hop_length {hop_length:.0f} instead "
        f"of {recipe.hop_length}?"
    )
    return MelFault(id_, path, told)


def _value_faults(
    pairs: Iterable[tuple[str, Path, Path, int]], check: ValueCheck
) -> list[MelFault]:
    faults = []
    for id_, path, wav_path, _ in pairs:
        try:
            spec = _spec_of_recording(wav_path, check.spectrogram)
        except UserError as error:
            faults.append(MelFault(id_, path, f"cannot be compared: {error}"))
            continue
        try:
            told = check.fault_of(read_mel(path, check.n_mels), spec)
        except UserError as error:
            told = str(error).removeprefix(f"{path}: ")
        if told is not None:
            faults.append(MelFault(id_, path, told))
    return faults


def _spec_of_recording(path: Path, spectrogram: Spectrogram) -> Tensor:
    """float32 [1, n_bins, T_spec]"""
    audio = spectrogram.audio
    wav = read_audio(path, audio.sample_rate)  # [T_wav]
    shortest = max(audio.overlap + 1, audio.hop_length)
    if len(wav) < shortest:
        raise UserError(
            f"{path}: {len(wav)} samples at {audio.sample_rate} Hz, expected {shortest} or more "
            f"for a mel; remove it"
        )
    if not wav.isfinite().all():
        raise UserError(f"{path}: has samples that are NaN or infinite; make the file again")
    return spectrogram.magnitudes(wav[None, None])


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]  # [n_mels, T_spec] or [1, n_mels, T_spec]
    order: str  # "C" or "F" as numpy's
    dtype: np.dtype

    @property
    def n_frames(self) -> int:
        return self.shape[-1]


def _opened(path: Path) -> BufferedReader:
    if not path.exists():
        raise UserError(f"{path}: no such mel; check the path")
    if path.is_dir():
        raise UserError(f"{path}: is a folder, expected a mel")
    return path.open("rb")


def _read_header(file: BufferedReader, path: Path, n_mels: int) -> _Header:
    """Read up to the first value. A UserError unless one mel of n_mels bins follows."""
    try:
        file.peek(1)  # waits for the disk here, where others need not wait
        with PARSING:
            shape, in_columns, dtype = HEADERS[np.lib.format.read_magic(file)](file)
    except Exception as error:  # numpy's reader raises all kinds of them for a flipped bit
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(
            f"{path}: damaged or not a .npy file ({reason}); make it with numpy.save"
        ) from None
    if dtype.hasobject:
        raise UserError(f"{path}: holds pickled objects, expected numbers; save a float array")
    if dtype.kind != "f" or dtype.itemsize > 8:
        raise UserError(f"{path}: found {dtype}, expected float32; save mel.astype('float32')")
    expected = f"expected [{n_mels}, frames]"
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[0] != 1):
        raise UserError(f"{path}: found shape {list(shape)}, {expected}; save each mel alone")
    if shape[-2] != n_mels and shape[-1] == n_mels:
        raise UserError(
            f"{path}: found shape {list(shape)}, {expected}: transposed; save its transpose"
        )
    if shape[-2] != n_mels:
        raise UserError(
            f"{path}: found shape {list(shape)}, {expected}; use the config that these mels were "
            f"made for, or make them anew"
        )
    if shape[-1] < 1:
        raise UserError(f"{path}: empty, found shape {list(shape)}, {expected}; make it again")
    found = path.stat().st_size - file.tell()
    due = n_mels * shape[-1] * dtype.itemsize
    if found != due:
        raise UserError(
            f"{path}: {'cut off' if found < due else 'damaged'}: found {found} bytes of values, "
            f"expected {due}; make it again"
        )
    return _Header(shape, "F" if in_columns else "C", dtype)
