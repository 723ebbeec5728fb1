"""A user's method runs on copies and must leave the network as it was, else it is refused."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from helpers.saliency import contract


class LeftTraces(ValueError):
    """A method changed the network or its images; the message says what, and how to mend it."""


def run_guarded(
    explain: contract.Explain, model: nn.Module, images: Tensor, classes: Tensor
) -> Tensor:
    """The method's maps (N, H, W), if it leaves weights, mode, hooks and images as they were.

    Whatever it changed is put back first, also where it fails, so that no other method meets it.
    Torch's, NumPy's and Python's global random generators, the switch for gradients and weights'
    ``.grad`` are put back without a word. NumPy's and Python's are seeded from torch's.

    Raises
    ------
    LeftTraces
        If it changed the network or the images that it was given.
    """
    given = images.clone()
    with _restored_globals(), _unchanged(model):
        maps = explain(model, given, classes.clone())
    if not torch.equal(given, images):
        raise LeftTraces(
            "the method changed its images in place; let it work on images.clone() instead"
        )
    return maps


@contextmanager
def _restored_globals() -> Iterator[None]:
    """Seed NumPy's and Python's generators from torch's, and put them back; torch's moves on."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    gradients = torch.is_grad_enabled()
    seed = torch.initial_seed() % 2**32
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    start = _positions()
    try:
        yield
    finally:
        if _positions() != start:
            torch.rand(())  # so that whoever watches torch's generator sees that it drew
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
        torch.set_grad_enabled(gradients)


def _positions() -> tuple:
    """Where Python's and NumPy's generators stand, as something to compare."""
    _, keys, position, *normal = np.random.get_state()  # noqa: NPY002
    return random.getstate(), np.asarray(keys).tobytes(), position, normal


@contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Put the network back as it was; if it had been changed, refuse."""
    states = [(name, module, _state(module)) for name, module in model.named_modules()]
    tensors = [
        (name, tensor, tensor.detach().clone(), tensor.requires_grad, getattr(tensor, "grad", None))
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]
    ]
    try:
        yield
    finally:
        changes = [
            f"{change} of {name or 'the network'}"
            for name, module, state in states
            for change in _put_back(module, state)
        ]
        for name, tensor, value, needs_gradient, gradient in tensors:
            if not _equal(tensor.detach(), value):
                changes.append(f"the values of {name}")
                with torch.no_grad():
                    tensor.copy_(value)
            tensor.requires_grad_(needs_gradient)
            if tensor.is_leaf:
                tensor.grad = gradient
    if changes:
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        raise LeftTraces(
            f"the method changed {changes[0]}{more}; remove its hooks, and let it work on "
            "copy.deepcopy(model) where it has to change the network"
        )


def _state(module: nn.Module) -> dict[str, Any]:
    """A module's attributes, with copies of its dictionaries of parts and of hooks."""
    return {
        key: value.copy() if isinstance(value, dict) else value
        for key, value in vars(module).items()
    }


def _put_back(module: nn.Module, state: dict[str, Any]) -> list[str]:
    """Set a module's attributes to a state; what had changed, in words."""
    changes = []
    now = vars(module)
    for key in [key for key in now if key not in state]:
        changes.append(f"the attribute {key}")
        del now[key]
    for key, before in state.items():
        if isinstance(before, dict) and isinstance(now.get(key), dict):
            if not _same_entries(now[key], before):
                changes.append("hooks" if "hook" in key else f"the parts {key.strip('_')}")
                now[key].clear()
                now[key].update(before)
        elif now.get(key) is not before:
            changes.append("the mode" if key == "training" else f"the attribute {key}")
            now[key] = before
    return changes


def _same_entries(one: dict, other: dict) -> bool:
    return list(one) == list(other) and all(one[key] is other[key] for key in one)


def _equal(one: Tensor, other: Tensor) -> bool:
    """Equal bit by bit, so that NaN equals itself."""
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())
