"""A recording written while it is being made, so that it is never in memory as a whole."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
from torch import Tensor

from hifigan.atomic_file import appearing_whole
from hifigan.audio import BLOCK_SAMPLES, FORMATS, require_writable
from hifigan.errors import UserError


def write_pieces(path: Path, pieces: Iterable[Tensor], sample_rate: int) -> int:
    """Write what hifigan.audio.write_audio would write of the joined pieces, as 16-bit wav or flac.

    pieces: [T_piece] each, in [-1, 1]: what a generator's tanh made, so that nothing is scaled
    down. Returns T_wav. The file appears whole or not at all.
    """
    require_writable(path)
    container, coding = FORMATS[path.suffix.lower()]
    n_samples = 0
    with appearing_whole(path) as temporary:
        try:
            with soundfile.SoundFile(
                temporary, "w", sample_rate, 1, coding, format=container
            ) as file:
                for piece in pieces:
                    samples = piece.numpy()
                    if not np.isfinite(samples).all():
                        raise UserError(
                            f"{path}: NaN or infinite samples, so nothing is written; the weights "
                            f"that made them are damaged, use an earlier checkpoint"
                        )
                    for start in range(0, samples.size, BLOCK_SAMPLES):
                        block = samples[start : start + BLOCK_SAMPLES]
                        file.write(np.rint(block * 32767).astype(np.int16))
                    n_samples += samples.size
        except soundfile.LibsndfileError as error:
            raise UserError(
                f"{path}: cannot be written at {sample_rate} Hz "
                f"({error.error_string.strip(' .')}); make room, or choose another place"
            ) from None
    return n_samples
