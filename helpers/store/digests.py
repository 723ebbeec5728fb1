"""Short names for exactly these things: values by their content, code by what it does.

The digest of a function covers its own source, what it closes over, the values of the globals that
it reads, the functions of its module that it calls, and the *whole rooms* of helpers that any of
these import, however far away. Words do not count: comments, docstrings and layout may change.
"""

import dis
import functools
import hashlib
import importlib.metadata
import inspect
import math
import platform
import sys
import sysconfig
import textwrap
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from helpers.store import rooms
from helpers.store.files import tensor_bytes

LIBRARIES = (  # whose versions may change a number
    "torch", "torchvision", "timm", "captum", "lime", "scikit-image", "foolbox", "zennit", "numpy",
    "scipy", "pandas", "pillow",
)  # fmt: skip
_INSTALLED = tuple(
    {str(Path(sysconfig.get_path(kind)).resolve()) for kind in ("purelib", "platlib", "stdlib")}
)


def digest(*things: object) -> str:
    """A short name for exactly these things, 16 hexadecimal digits.

    Raises
    ------
    TypeError
        If one of them is of a kind that cannot be told apart by its content.
    """
    return _Digest().of(*things)


def versions() -> dict[str, str]:
    """Python and the libraries that numbers depend on, those that are installed."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


class _Digest:
    """Walks through values and code; each function, class and module counts once."""

    def __init__(self) -> None:
        self.seen: set[int | str] = set()

    def of(self, *things: object) -> str:
        total = hashlib.sha256()
        for thing in things:
            for part in self.parts(thing):
                total.update(part)
                total.update(b"\0")
        return total.hexdigest()[:16]

    def parts(self, thing: object) -> Iterator[bytes | memoryview]:
        """The bytes that tell this thing from others, its type first."""
        yield type(thing).__qualname__.encode()
        if thing is None or isinstance(thing, bool | int | str | bytes):
            yield repr(thing).encode()
        elif isinstance(thing, float):
            yield b"nan" if math.isnan(thing) else thing.hex().encode()
        elif isinstance(thing, Tensor):
            yield f"{thing.dtype} {tuple(thing.shape)} {thing.device.type}".encode()
            yield tensor_bytes(thing)
        elif isinstance(thing, np.ndarray | np.generic):
            yield from self.array(np.asarray(thing))
        elif isinstance(thing, pd.DataFrame | pd.Series | pd.Index):
            yield (
                thing.to_json(orient="split", double_precision=15).encode()
                if not isinstance(thing, pd.Index)
                else repr(list(thing)).encode()
            )
        elif isinstance(thing, torch.dtype | torch.device | torch.Size):
            yield str(thing).encode()
        elif isinstance(thing, Path):
            yield from self.file(thing)
        elif isinstance(thing, ModuleType):
            yield from self.module(thing)
        elif isinstance(thing, nn.Module):
            yield from self.network(thing)
        elif isinstance(thing, dict):
            for key in sorted(thing, key=repr):
                yield from (self.of(key).encode(), self.of_seen(thing[key]))
        elif isinstance(thing, list | tuple | set | frozenset | range):
            ordered = thing if isinstance(thing, list | tuple | range) else sorted(thing, key=repr)
            yield str(len(thing)).encode()
            for value in ordered:
                yield self.of_seen(value)
        elif isinstance(thing, partial):
            yield self.of_seen((thing.func, thing.args, thing.keywords))
        elif isinstance(thing, functools.cached_property | property | staticmethod | classmethod):
            yield self.of_seen(getattr(thing, "fget", None) or thing.__func__)
        elif isinstance(thing, MethodType):
            yield self.of_seen((thing.__func__, thing.__self__))
        elif isinstance(thing, type):
            yield from self.kind(thing)
        elif callable(inspect.unwrap(thing)) if callable(thing) else False:
            yield from self.function(thing)
        else:
            yield from self.instance(thing)

    def of_seen(self, thing: object) -> bytes:
        """A digest of a part that shares this walk's memory of what it has met."""
        total = hashlib.sha256()
        for part in self.parts(thing):
            total.update(part)
            total.update(b"\0")
        return total.digest()

    def array(self, array: np.ndarray) -> Iterator[bytes]:
        yield f"{array.dtype} {array.shape}".encode()
        if array.dtype == object:
            yield self.of_seen(array.tolist())
        else:
            yield np.ascontiguousarray(array).tobytes()

    def file(self, file: Path) -> Iterator[bytes]:
        content = file.read_bytes()
        yield rooms.without_words(content.decode()).encode() if file.suffix == ".py" else content

    def module(self, module: ModuleType) -> Iterator[bytes]:
        """A module of ours by its rooms, a user's by its file and imports, others by their name."""
        name = module.__name__
        yield name.encode()
        if self.met(name):
            return
        if name == "helpers" or name.startswith("helpers."):
            room = name.split(".")[1] if "." in name else ""
            reached = {room} & set(rooms.COMPUTING)
            for found in sorted(reached | {r for one in reached for r in rooms.below(one)}):
                yield rooms.code(found).encode()
        elif _is_own(module):
            yield from self.file(Path(str(module.__file__)))
            for value in vars(module).values():
                if isinstance(value, ModuleType):
                    yield from self.module(value)
                elif inspect.isroutine(value) or isinstance(value, type):
                    home = sys.modules.get(getattr(value, "__module__", None) or "")
                    if home is not None and home is not module:
                        yield from self.module(home)

    def network(self, network: nn.Module) -> Iterator[bytes | memoryview]:
        """A network: its classes, how it is put together, every parameter, buffer and mode."""
        yield repr(network).encode()
        for module in network.modules():
            yield from (type(module).__qualname__.encode(), str(module.training).encode())
            home = sys.modules.get(type(module).__module__)
            if home is not None:
                yield from self.module(home)
            plain = {
                key: value
                for key, value in vars(module).items()
                if not key.startswith("_") and isinstance(value, bool | int | float | str | tuple)
            }
            yield repr(sorted(plain.items(), key=lambda pair: pair[0])).encode()
            yield str([list(module._forward_hooks), list(module._forward_pre_hooks)]).encode()
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            yield f"{name} {tensor.dtype} {tuple(tensor.shape)} {tensor.device.type}".encode()
            yield tensor_bytes(tensor)

    def kind(self, kind: type) -> Iterator[bytes]:
        yield f"{kind.__module__}.{kind.__qualname__}".encode()
        yield from self.code(kind)

    def function(self, function: object) -> Iterator[bytes]:
        function = inspect.unwrap(function)
        yield str(getattr(function, "__qualname__", type(function).__qualname__)).encode()
        if isinstance(function, FunctionType):
            yield from self.code(function)
        elif inspect.isbuiltin(function) or not hasattr(function, "__dict__"):
            yield str(getattr(function, "__module__", "")).encode()
        else:
            yield from self.instance(function)

    def instance(self, thing: object) -> Iterator[bytes]:
        """An object of a class of somebody's: its class, and what it holds."""
        home = sys.modules.get(type(thing).__module__)
        state = getattr(thing, "__dict__", None)
        if state is None or home is None or (not _is_own(home) and not callable(thing)):
            raise TypeError(
                f"{type(thing).__name__} cannot be told apart by its content; give numbers, texts, "
                "tensors, tables, networks, or lists and dictionaries of them"
            )
        yield self.of_seen(type(thing))
        yield self.of_seen(state)

    def code(self, thing: FunctionType | type) -> Iterator[bytes]:
        """Source of a function or class; unless a library's, also all that it reaches."""
        home = sys.modules.get(thing.__module__ or "")
        if home is not None and home.__name__ != "__main__" and not _is_user(home):
            yield from self.module(home)
            return
        if self.met(id(thing)):
            return
        yield rooms.without_words(textwrap.dedent(inspect.getsource(thing))).encode()
        if isinstance(thing, type):
            members = [m for m in vars(thing).values() if isinstance(m, FunctionType)]
        else:
            members = [thing]
            for value in [thing.__defaults__, thing.__kwdefaults__]:
                yield self.of_seen(value)
            for cell in thing.__closure__ or ():
                yield self.of_seen(cell.cell_contents)
        for member in members:
            for name in sorted(_globals_read(member.__code__)):
                if name in member.__globals__:
                    yield name.encode()
                    yield self.of_seen(member.__globals__[name])

    def met(self, mark: int | str) -> bool:
        before = mark in self.seen
        self.seen.add(mark)
        return before


def _globals_read(code: CodeType) -> set[str]:
    """Names that code, and the code of functions within it, looks up outside of itself."""
    wanted = ("LOAD_GLOBAL", "LOAD_NAME")
    names = {step.argval for step in dis.get_instructions(code) if step.opname in wanted}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _globals_read(constant)
    return names


def _is_own(module: ModuleType) -> bool:
    """Whether a module is neither built in nor installed: a notebook's, ours or a user's."""
    file = getattr(module, "__file__", None)
    if module.__name__ == "__main__":
        return True
    return bool(file) and not str(Path(file).resolve()).startswith(_INSTALLED)


def _is_user(module: ModuleType) -> bool:
    return _is_own(module) and not module.__name__.startswith("helpers")


def code_digest(file: Path) -> str:
    """A short name for a Python file and the rooms that it stands on."""
    source = rooms.without_words(file.read_text())
    return digest(source, [rooms.code(room) for room in sorted(rooms.reached_from(file))])
