"""Copies of what a method could change of a network or of torch, and how it is put back.

Each ``put_..._back`` gives what had changed, in words, after it has put it back.
"""

from collections import OrderedDict, deque
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

_CONTAINERS = dict | list | set | deque | OrderedDict
_NAMESPACES = (torch, torch.nn, torch.nn.functional, torch.autograd)  # methods patch them
_FOLLOW_SETTINGS = ("Storage",)  # of torch: the default dtype's
_TORCH = Path(torch.__file__).parent
_GLOBAL_HOOKS = torch.nn.modules.module


class TensorState(NamedTuple):
    """A parameter or buffer, and what it held."""

    name: str
    tensor: Tensor
    value: Tensor
    needs_gradient: bool
    gradient: Tensor | None  # the object
    gradient_value: Tensor | None


class AttributeState(NamedTuple):
    """A module's attributes, each with a copy of what it holds."""

    name: str
    module: nn.Module
    attributes: dict[str, tuple[Any, Any]]


class Fields(NamedTuple):
    """What the attributes of a plain object held."""

    attributes: OrderedDict


class CodeState(NamedTuple):
    """A class's or a module's names."""

    name: str
    owner: Any
    names: dict[str, Any]


def of_tensors(model: nn.Module) -> list[TensorState]:
    """All parameters and buffers of a network with their values and gradients."""
    return [
        TensorState(
            name, tensor, tensor.detach().clone(), tensor.requires_grad,
            tensor.grad if tensor.is_leaf else None, _copy(tensor.grad if tensor.is_leaf else None),
        )
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]
    ]  # fmt: skip


def put_tensors_back(states: list[TensorState]) -> list[str]:
    """Restore values, silently also ``requires_grad`` and ``.grad``."""
    changes = []
    for state in states:
        tensor, value = state.tensor, state.value
        if not same(tensor.detach(), value):
            changes.append(f"the values of {state.name}")
            with torch.no_grad():
                if tensor.shape == value.shape and tensor.dtype == value.dtype:
                    tensor.detach_().copy_(value) if tensor.grad_fn else tensor.copy_(value)
                else:
                    tensor.data = value
        if tensor.grad_fn is not None and not state.needs_gradient:
            tensor.detach_()
        if tensor.is_leaf:
            tensor.requires_grad_(state.needs_gradient)
            tensor.grad = state.gradient
            _refill(state.gradient, state.gradient_value)
    return changes


def of_attributes(model: nn.Module) -> list[AttributeState]:
    """All modules' attributes: modes, hooks, parts, and whatever else they hold."""
    return [
        AttributeState(
            name, module, {key: (value, _copy(value)) for key, value in vars(module).items()}
        )
        for name, module in model.named_modules()
    ]


def put_attributes_back(states: list[AttributeState]) -> list[str]:
    """Restore which objects the attributes are, and what containers and arrays hold."""
    return [
        f"{change} of {state.name or 'the network'}"
        for state in states
        for change in _attributes_back(state)
    ]


def _attributes_back(state: AttributeState) -> list[str]:
    changes, now = [], vars(state.module)
    for key in [key for key in now if key not in state.attributes]:
        changes.append(f"the attribute {key}")
        del now[key]
    for key, (value, copy) in state.attributes.items():
        if now.get(key, state) is not value or not same(value, copy):
            changes.append(_words(key, value))
            _refill(value, copy)
            now[key] = value
    return changes


def _words(key: str, value: Any) -> str:
    if key == "training":
        return "the mode"
    if isinstance(value, dict) and "hook" in key:
        return "hooks"
    if key in ("_modules", "_parameters", "_buffers"):
        return f"the parts {key.strip('_')}"
    return f"the attribute {key}"


def _copy(value: Any) -> Any:
    """A copy of what can be changed in place: containers, however deep, arrays and tensors."""
    if isinstance(value, Tensor):
        return value if isinstance(value, nn.Parameter) else value.detach().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return OrderedDict((key, _element(held)) for key, held in value.items())
    if isinstance(value, list | deque | set):
        return [(held, _copy(held)) for held in value]
    if _is_plain_object(value):
        return Fields(_copy(vars(value)))
    return value


def _is_plain_object(value: Any) -> bool:
    """Whether it is somebody's object with attributes, such as a configuration."""
    library = type(value).__module__.partition(".")[0] in ("torch", "builtins", "numpy")
    return hasattr(value, "__dict__") and not callable(value) and not library


def _element(held: Any) -> tuple[Any, Any]:
    return (held, None) if isinstance(held, nn.Module | Tensor) else (held, _copy(held))


def same(value: Any, copy: Any) -> bool:
    """Whether a value still is what its copy holds: tensors and arrays bit by bit, with type."""
    if isinstance(value, Tensor) and isinstance(copy, Tensor):
        return value is copy or _same_tensors(value.detach(), copy.detach())
    if isinstance(value, np.ndarray) and isinstance(copy, np.ndarray):
        alike = value.dtype == copy.dtype and value.shape == copy.shape
        return alike and (value.dtype == object or value.tobytes() == copy.tobytes())
    if isinstance(value, dict) and isinstance(copy, OrderedDict):
        return list(value) == list(copy) and all(map(_same_element, value.values(), copy.values()))
    if isinstance(value, list | deque | set) and isinstance(copy, list):
        return len(value) == len(copy) and all(map(_same_element, value, copy))
    if isinstance(copy, Fields):
        return same(vars(value), copy.attributes)
    return value is copy


def _same_element(now: Any, before: tuple[Any, Any]) -> bool:
    held, copy = before
    return now is held and (isinstance(held, nn.Module | Tensor) or same(held, copy))


def _same_tensors(one: Tensor, other: Tensor) -> bool:
    """Equal in type, place, shape and every value; NaN equals itself."""
    if (one.dtype, one.device, one.shape) != (other.dtype, other.device, other.shape):
        return False
    return torch.equal(one, other) or bool(((one == other) | (one != one) & (other != other)).all())


def _refill(value: Any, copy: Any) -> None:
    """Give a container, array or tensor the content of its copy again."""
    if same(value, copy):
        return
    if isinstance(value, Tensor):
        value.data = copy
    elif isinstance(value, np.ndarray):
        value[...] = copy
    elif isinstance(value, dict):
        value.clear()
        for key, (held, inside) in copy.items():
            if not isinstance(held, nn.Module | Tensor):
                _refill(held, inside)
            value[key] = held
    elif isinstance(copy, Fields):
        _refill(vars(value), copy.attributes)
    elif isinstance(value, list | deque | set):
        value.clear()
        for held, inside in copy:
            _refill(held, inside)
            value.add(held) if isinstance(value, set) else value.append(held)


def of_code(model: nn.Module) -> list[CodeState]:
    """The code that the network runs: its classes, torch's functions, and hooks of all modules."""
    classes = dict.fromkeys(cls for module in model.modules() for cls in type(module).__mro__[:-1])
    owners: list[Any] = [*classes, Tensor, *_NAMESPACES, _GLOBAL_HOOKS]
    return [CodeState(owner.__name__, owner, _names(owner)) for owner in owners]


def _names(owner: Any) -> dict[str, Any]:
    """What stands under each name; of dictionaries of hooks their content."""
    if owner is _GLOBAL_HOOKS:
        return {
            key: (value, value.copy())
            for key, value in vars(owner).items()
            if key.startswith("_global") and isinstance(value, dict)
        }
    return {key: value for key, value in vars(owner).items() if key not in _FOLLOW_SETTINGS}


def put_code_back(states: list[CodeState]) -> list[str]:
    """Restore functions that were replaced, and take off functions that were added to classes."""
    changes = []
    for name, owner, names in states:
        if owner is _GLOBAL_HOOKS:
            for value, copy in names.values():
                if dict(value) != dict(copy):
                    changes.append("hooks of all modules")
                    value.clear()
                    value.update(copy)
            continue
        now = vars(owner)
        for key, before in names.items():
            after = now.get(key, states)
            if after is not before and _is_code(before) and not _is_torchs(after):
                changes.append(f"{key} of {name}")
                setattr(owner, key, before)
        if isinstance(owner, type):
            for key in [key for key in now if key not in names and _is_code(now[key])]:
                changes.append(f"{key} of {name}")
                delattr(owner, key)
    return changes


def _is_torchs(value: Any) -> bool:
    """Whether torch put its own function there, as it does when further parts are imported."""
    while value is not None:  # through what it wraps
        code = getattr(value, "__code__", None)
        if code is None or not Path(code.co_filename).is_relative_to(_TORCH):
            return False
        value = getattr(value, "__wrapped__", None)
    return True


def _is_code(value: Any) -> bool:
    return callable(value) or isinstance(value, staticmethod | classmethod | property)
