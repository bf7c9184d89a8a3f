"""How often a run went back to which checkpoint, written down for the case of a restart."""

import json
import os
from pathlib import Path

from hifigan.full_disk import lost_on_full_disk


class Returns:
    """The steps that a run went back to, in the file `path`, which rank 0 alone writes.

    A run that a person starts again has all its tries anew; one that torchrun restarts has not, or it
    would go round for ever.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        restarted = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
        self.n_past = 0 if restarted else len(self._read())

    def count(self, step: int) -> int:
        """How often the run went back to this step since it was started."""
        return self._read()[self.n_past :].count(step)

    def add(self, step: int) -> int:
        """Write down one more. Returns how many there are by now, of all steps."""
        steps = [*self._read(), step]
        with lost_on_full_disk("the count of returns", self.path.parent):
            self.path.write_text(json.dumps(steps), encoding="utf-8")
        return len(steps)

    def _read(self) -> list[int]:
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # none yet, or torn by a kill: begin to count anew
            return []
