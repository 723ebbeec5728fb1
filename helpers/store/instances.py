"""What counts of an object that is neither a plain value nor code: its class and its state."""

import functools
from collections.abc import Iterator
from functools import partial
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.store import code, unseen

if TYPE_CHECKING:
    from helpers.store.digests import Digest

_BUILT_IN = (
    BuiltinFunctionType | WrapperDescriptorType | MethodWrapperType | MethodDescriptorType
    | ClassMethodDescriptorType | GetSetDescriptorType | MemberDescriptorType
    | np.ufunc | type(np.concatenate)
)  # fmt: skip


def instance(walk: "Digest", thing: Any) -> Iterator[bytes]:
    """Any other object: what can be called by what it calls, the rest by class and state.

    Raises
    ------
    TypeError
        If it holds what cannot be told apart, such as an open file.
    """
    if isinstance(thing, partial):
        yield from map(walk.of, (thing.func, thing.args, thing.keywords))
    elif isinstance(thing, MethodType):
        yield from map(walk.of, (thing.__func__, thing.__self__))
    elif isinstance(thing, staticmethod | classmethod):
        yield walk.of(thing.__func__)
    elif isinstance(thing, property):
        yield from map(walk.of, (thing.fget, thing.fset, thing.fdel))
    elif isinstance(thing, functools.cached_property):
        yield walk.of(thing.func)
    elif isinstance(thing, MappingProxyType):
        yield walk.of(dict(thing))
    elif type(thing).__name__ == "_lru_cache_wrapper":
        yield walk.of(thing.__wrapped__)
    elif isinstance(thing, _BUILT_IN):
        owner = getattr(thing, "__self__", None)
        home = getattr(thing, "__module__", None)
        if unseen.is_read(thing.__name__):
            walk.unseen.append(thing.__name__)
        yield f"{home}.{getattr(thing, '__qualname__', thing.__name__)}".encode()
        yield walk.of(None if isinstance(owner, ModuleType) else owner)
    else:
        yield walk.of(type(thing))
        yield from map(walk.of, _state(thing))


def _slots(cls: type) -> Iterator[str]:
    """Names of a class's slots, as attributes: ``__k`` of a class ``A`` is ``_A__k``."""
    for base in cls.__mro__:
        slots = vars(base).get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if slot.startswith("__") and not slot.endswith("__"):
                yield f"_{base.__name__.lstrip('_')}{slot}"
            elif slot not in ("__dict__", "__weakref__"):
                yield slot


def _state(thing: Any) -> Iterator[object]:
    if code.is_own(type(thing).__module__):
        held = {slot: getattr(thing, slot, None) for slot in _slots(type(thing))}
        yield {**held, **getattr(thing, "__dict__", {})}
        return
    try:
        reduced = thing.__reduce_ex__(4)
    except Exception as error:
        raise TypeError(
            f"{type(thing).__name__} cannot be told apart by its content ({error}); give numbers, "
            "texts, tensors, tables, networks, or lists and dictionaries of them"
        ) from error
    for part in reduced if isinstance(reduced, tuple) else (reduced,):
        yield list(part) if hasattr(part, "__next__") else part
