"""AdamW's moments, from an optimizer that counted the weights in another order, and back.

torch stores moments by a parameter's place in parameters(). So they are taken by the names of the
weights that stood there, and a run goes on to the bit where it stopped.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Size, Tensor, nn, optim

from hifigan.errors import UserError
from hifigan.exchange.weights import Layout

MOMENTS = ("exp_avg", "exp_avg_sq")
SETTINGS = ("lr", "betas", "eps", "weight_decay")


def our_moments(
    path: Path, what: str, saved: Any, order: list[str], layout: Layout
) -> dict[str, Any]:
    """A state_dict of our optimizer.

    saved: a state_dict of torch's AdamW over the parameters named in `order`, in our names (buffers
    between them do not count); what: its name in errors.
    """
    learning = set(layout.parameters)
    order = [name for name in order if name in learning]
    group = _group(path, what, saved)
    keys = group["params"]  # torch before 1.6 counted by addresses in memory, not by places
    if len(keys) != len(order) or len(order) != len(layout.parameters):
        raise UserError(
            f"{path}: {what} is of {len(keys)} weights, expected {len(layout.parameters)}; "
            f"it belongs to another network"
        )
    taken = dict(zip(order, keys, strict=True))
    state = {}
    if saved["state"]:
        for place, name in enumerate(layout.parameters):
            entry = saved["state"].get(taken[name])
            state[place] = _moments(f"{path}: {what}: {name}", entry, layout.shapes[name])
    rate = group["lr"]
    betas = tuple(group["betas"])
    made = optim.AdamW(
        [nn.Parameter(torch.zeros(1)) for _ in layout.parameters],
        lr=rate,
        betas=betas,
        eps=group["eps"],
        weight_decay=group["weight_decay"],
        fused=True,
    ).state_dict()["param_groups"][0]
    made |= {"base_lr": group.get("initial_lr", rate)}
    return {"state": state, "param_groups": [made]}


def original_moments(saved: Any, order: list[str], layout: Layout, where: str) -> dict[str, Any]:
    """What the original's code loads: the reverse of our_moments. `where` stands before errors.

    Steps are whole numbers, as torch wrote them in the original's days: every version reads those.
    """
    group = _group(Path(where), "the optimizer", saved)
    if len(group["params"]) != len(layout.parameters):
        raise UserError(
            f"{where}: the optimizer has {len(group['params'])} weights of "
            f"{len(layout.parameters)}, the others being frozen, and the original has no place for "
            f"that; write the weights without it (--generator_only)"
        )
    keys = dict(zip(layout.parameters, group["params"], strict=True))
    state = {}
    if saved["state"]:
        for place, name in enumerate(order):
            entry = _moments(
                f"{where}: {name}", saved["state"].get(keys[name]), layout.shapes[name]
            )
            state[place] = entry | {"step": int(entry["step"])}
    settings = {name: group[name] for name in SETTINGS}
    settings |= {"betas": tuple(group["betas"]), "amsgrad": False}
    settings |= {"initial_lr": group.get("base_lr", group["lr"]), "params": list(range(len(order)))}
    return {"state": state, "param_groups": [settings]}


def _group(path: Path, what: str, saved: Any) -> dict[str, Any]:
    """The only parameter group, with all that AdamW needs."""
    groups = saved.get("param_groups") if isinstance(saved, dict) else None
    whole = (
        isinstance(groups, list)
        and len(groups) == 1
        and isinstance(groups[0], dict)
        and isinstance(saved.get("state"), dict)
        and isinstance(groups[0].get("params"), list)
        and all(_is_number(groups[0].get(name)) for name in ("lr", "eps", "weight_decay"))
        and _is_number(groups[0].get("initial_lr", 1.0))
        and isinstance(groups[0].get("betas"), (list, tuple))
        and len(groups[0]["betas"]) == 2
        and all(_is_number(beta) and beta < 1 for beta in groups[0]["betas"])
    )
    if not whole:
        raise UserError(
            f"{path}: {what} is not the state of an AdamW with one group of weights, as the "
            f"original HiFi-GAN has it; use the weights without it"
        )
    return groups[0]


def _moments(where: str, entry: Any, shape: Size) -> dict[str, Tensor]:
    if not isinstance(entry, dict) or set(entry) != {"step", *MOMENTS}:
        found = sorted(map(str, entry)) if isinstance(entry, dict) else "nothing"
        raise UserError(f"{where}: found {found}, expected AdamW's step, exp_avg and exp_avg_sq")
    for name in MOMENTS:
        moment = entry[name]
        if not isinstance(moment, Tensor) or moment.shape != shape or moment.dtype != torch.float32:
            raise UserError(
                f"{where}: {name} is not of float32 {list(shape)}; it belongs to another network"
            )
    step = entry["step"]
    if isinstance(step, Tensor) and step.numel() == 1:
        step = step.item()
    if not _is_number(step) or step != int(step):
        raise UserError(f"{where}: step is {step!r}, expected a whole number")
    return {"step": torch.tensor(float(step))} | {
        name: entry[name].contiguous() for name in MOMENTS
    }


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < float("inf")
