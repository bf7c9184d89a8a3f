"""Where the first NaN or infinity of a training comes from, for --detect_anomaly.

Forward, every operation's result is looked at; backward, every loss term's gradients are computed
apart, by torch's anomaly mode, before the real update. The run ends with what was found: operation,
place in the code, loss term, utterances. It costs several times the time of a step.
"""

import logging
import re
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hifigan.accumulation import Accumulation, AveragedNetwork, Losses
from hifigan.errors import UserError
from hifigan.run_folder import NAN_REMEDIES
from hifigan.training_state import TrainingState

logger = logging.getLogger(__name__)

N_PLACES = 3  # innermost lines of code that a message names
CODE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Origin:
    """An operation that made something that is no finite number of what was finite."""

    operation: str
    stack: str  # of the call that led to it, as tracebacks are printed


class AnomalyDetection(Accumulation):
    """Does what the accumulation does, and raises a UserError at the first anomaly.

    ids_of: the names of a micro-batch's utterances.
    """

    def __init__(
        self,
        accumulation: Accumulation,
        state: TrainingState,
        ids_of: Callable[[Any], list[str]],
    ) -> None:
        super().__init__(accumulation.ranks, accumulation.scaler, accumulation.n_parts)
        self.state = state
        self.ids_of = ids_of

    def _attempt(
        self,
        network: AveragedNetwork,
        parts: Sequence[Any],
        compute: Callable[[Any], tuple[Losses, Tensor]],
    ) -> Losses | None:
        def inspected(part: Any) -> tuple[Losses, Tensor]:
            where = f"step {self.state.step + 1}, with {', '.join(self.ids_of(part))}"
            require_finite_weights(network.network, where)
            with torch.autograd.set_detect_anomaly(True):
                with FirstBadResult() as results:
                    losses, total = compute(part)
                require_finite_losses(losses, results.found, where)
                for name, loss in losses.items():
                    if loss.requires_grad:  # nothing before it may learn: all of it is frozen
                        require_finite_gradients(name, loss, network.network, where)
            return losses, total

        return super()._attempt(network, parts, inspected)


class FirstBadResult(TorchDispatchMode):
    """Remembers the first operation whose results are not all finite though its inputs are."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Origin | None = None

    def __torch_dispatch__(
        self, operation: Any, types: Any, inputs: Any = (), options: Any = None
    ) -> Any:
        options = options or {}
        results = operation(*inputs, **options)
        # What "empty" gives is anything, and an infinity among the inputs is meant to be there.
        if self.found is None and "empty" not in str(operation) and not is_finite(results):
            written = {id(result) for result in tree_leaves(results)}
            given = [x for x in tree_leaves((inputs, options)) if id(x) not in written]
            if is_finite(given):
                stack = "".join(traceback.format_stack()[:-1])
                self.found = Origin(str(operation).removeprefix("aten."), stack)
        return results


def is_finite(values: Any) -> bool:
    """Whether there is neither NaN nor infinity in the tensors and numbers in `values`."""
    for value in tree_leaves(values):
        if isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex()):
            if not bool(value.detach().isfinite().all()):
                return False
        elif isinstance(value, float) and value - value != 0:
            return False
    return True


def require_finite_weights(network: nn.Module, where: str) -> None:
    bad = [name for name, weight in network.named_parameters() if not is_finite(weight)]
    if bad:
        raise UserError(
            f"{where}: the weights {', '.join(bad[:N_PLACES])} ({len(bad)} in all) are NaN or "
            f"infinite before the step; go back to an older checkpoint"
        )


def require_finite_losses(losses: Losses, origin: Origin | None, where: str) -> None:
    """End with the loss terms that are no finite numbers, and with what made the first of them."""
    bad = [name for name, loss in losses.items() if not is_finite(loss)]
    if bad and origin:
        told(origin)
        raise UserError(
            f"{where}: the loss {', '.join(bad)} is NaN or infinite: {origin.operation} made it so "
            f"in {places(origin.stack)}; {NAN_REMEDIES}"
        )
    if bad:
        raise UserError(
            f"{where}: the loss {', '.join(bad)} is NaN or infinite, as is the batch; look at the "
            f"recordings"
        )


def require_finite_gradients(name: str, loss: Tensor, network: nn.Module, where: str) -> None:
    """Run backward from one loss term, leaving no gradients, and end with what fails in it."""
    weights = {n: p for n, p in network.named_parameters() if p.requires_grad}
    where = f"{where}: backward from the loss {name}"
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            gradients = torch.autograd.grad(
                loss, list(weights.values()), retain_graph=True, allow_unused=True
            )
    except RuntimeError as error:
        found = re.search(r"Function '(\w+)' returned nan", str(error))
        if found is None:
            raise
        stack = "".join(str(w.message) for w in caught if "Traceback of forward" in str(w.message))
        origin = Origin(found[1], stack)
        told(origin)
        raise UserError(
            f"{where}: {origin.operation} made NaN, of the forward call in {places(stack)}; "
            f"{NAN_REMEDIES}"
        ) from None
    bad = [n for n, gradient in zip(weights, gradients) if not is_finite(gradient)]
    if bad:
        raise UserError(
            f"{where}: the gradients of {', '.join(bad[:N_PLACES])} ({len(bad)} in all) are "
            f"infinite; {NAN_REMEDIES}"
        )


def told(origin: Origin) -> None:
    logger.error("%s was called here:\n%s", origin.operation, origin.stack.rstrip())


def places(stack: str) -> str:
    """The innermost lines of our own code in a traceback: "vits/flow.py:50 (forward), ..."."""
    frames = re.findall(r'File "(.+)", line (\d+), in (\S+)', stack)
    ours = [
        f"{Path(file).relative_to(CODE)}:{line} ({function})"
        for file, line, function in frames
        if Path(file).is_relative_to(CODE) and "site-packages" not in file
    ]
    return ", called in ".join(reversed(ours[-N_PLACES:]))
