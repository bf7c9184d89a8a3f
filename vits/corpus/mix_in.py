"""The list of old data that a run trains on besides, so that a voice forgets nothing (data.mix_in).

Not in the papers. Its lines are read and judged as those of the training list are.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from hifigan.corpus.finder import Folders
from hifigan.corpus.packed import Rows
from hifigan.errors import UserError
from vits.corpus.filelist import (
    Line,
    ListFile,
    find_lists,
    lists_in,
    load_list,
    parse_used_list,
)
from vits.data_config import DataConfig


def load_mix_in(config: DataConfig) -> ListFile | None:
    """The list as it is now, found as named or within the data folder; None: there is none."""
    if config.mix_in is None:
        return None
    folder = Path(config.folder)
    for path in (Path(config.mix_in), folder / config.mix_in):
        if path.is_file():
            if path.resolve() == find_lists(config)[0].resolve():
                raise UserError(
                    f"{config.mix_in}: is the list to train on, so that nothing old would be mixed "
                    f"in; name a list of old data, or set data.mix_in to null"
                )
            return load_list(path, name=config.mix_in)
    if Path(config.mix_in).is_dir():
        raise UserError(
            f"{config.mix_in}: is a folder, but data.mix_in names a list of old data; name the "
            f"file in it{lists_in(Path(config.mix_in))}"
        )
    raise UserError(
        f"{config.mix_in}: no such file, neither as it is nor within {folder}, but data.mix_in "
        f"names it; name a list of old data, or set data.mix_in to null"
    )


def parse_mix_in(file: ListFile | None, config: DataConfig, folders: Folders) -> Sequence[Line]:
    """Its lines, with recordings of its own folder alone: the new ones may have the same names."""
    if file is None:
        return []
    own = dataclasses.replace(config, folder=str(file.path.parent))
    return parse_used_list(file, own, folders)


class Joined(Rows[Line]):
    """The lines of two lists, one behind the other."""

    def __init__(self, first: Sequence[Line], second: Sequence[Line]) -> None:
        self.first = first
        self.second = second

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def row(self, index: int) -> Line:
        n_first = len(self.first)
        return self.first[index] if index < n_first else self.second[index - n_first]
