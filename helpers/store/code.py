"""What counts of code: functions by bytecode and what they read, classes, modules, objects.

Ours (``helpers``) counts by whole rooms, a notebook's and a user's by what is loaded now, so that a
file edited after its import is never taken for the code that ran; a library's by its version.
"""

import dis
import importlib
import importlib.util
import sys
import sysconfig
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from types import (
    CodeType,
    FunctionType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any

from helpers.store import rooms, unseen

if TYPE_CHECKING:
    from helpers.store.digests import Digest

_STANDARD = tuple(
    {str(Path(sysconfig.get_path(kind)).resolve()) for kind in ("stdlib", "platstdlib")}
)
_WORDS = {  # of a class: what is no code, or follows from the rest
    "__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__firstlineno__",
    "__static_attributes__", "__dataclass_fields__", "__dataclass_params__", "_abc_impl",
    "__abstractmethods__", "__parameters__", "__annotations_cache__", "__annotate_func__",
}  # fmt: skip
_NO_CODE = ("NOP", "EXTENDED_ARG", "CACHE")


def type_name(thing: object) -> str:
    """The full name of a thing's type."""
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def is_ours(name: str | None) -> bool:
    """Whether a module is one of helpers."""
    return name is not None and (name == "helpers" or name.startswith("helpers."))


def is_own(name: str | None) -> bool:
    """Whether a module is a notebook's, ours or a user's: neither built in nor installed."""
    if name is None or name == "__main__" or is_ours(name):
        return True
    module = sys.modules.get(name)
    top = sys.modules.get(name.partition(".")[0])
    if module is None or name in sys.builtin_module_names:
        return module is None
    if top is not module and top is not None and not is_own(top.__name__):
        return False
    file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), None)
    return _is_own_file(file) if file else getattr(module, "__spec__", None) is None


@lru_cache(maxsize=4096)
def _is_own_file(file: str) -> bool:
    whole = Path(file).resolve()
    installed = {"site-packages", "dist-packages"} & set(whole.parts)
    return not installed and not str(whole).startswith(_STANDARD)


def module(walk: "Digest", loaded: ModuleType) -> Iterator[bytes]:
    """A module: ours by its rooms, a user's by all that it holds, a library by its version."""
    name = loaded.__name__
    yield name.encode()
    if not walk.first(name, loaded):
        return
    if is_ours(name):
        yield from rooms.code_of_module(name, walk.rooms)
    elif is_own(name):
        file = getattr(loaded, "__file__", None)
        if file and Path(file).suffix == ".py" and Path(file).is_file():
            yield rooms.without_words(Path(file).read_text(encoding="utf-8")).encode()
        for key, value in list(vars(loaded).items()):
            if not key.startswith("__") and not _is_library(value):
                yield from (key.encode(), _tolerant(walk, value))
    else:
        top = sys.modules.get(name.partition(".")[0], loaded)
        yield str(getattr(top, "__version__", "")).encode()


def _is_library(value: object) -> bool:
    named = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return isinstance(value, ModuleType | type | FunctionType) and not is_own(named)


def _tolerant(walk: "Digest", value: object) -> bytes:
    """The digest of a value, or its type's name where it has none: its source counts besides."""
    try:
        return walk.of(value)
    except TypeError:
        return type_name(value).encode()


def kind(walk: "Digest", cls: type) -> Iterator[bytes]:
    """A class: its own code and attributes, and those of its bases."""
    yield f"{cls.__module__}.{cls.__qualname__}".encode()
    if not walk.first(id(cls), cls):
        return
    home = sys.modules.get(cls.__module__)
    if is_ours(cls.__module__) or not is_own(cls.__module__):
        if home is not None:
            yield from module(walk, home)
        for owner in cls.__mro__[:-1]:
            for key, value in list(vars(owner).items()):
                if is_patched(value, owner.__module__):  # replaced in a library's class
                    yield from (key.encode(), walk.of(value))
        return
    maker = type(cls).__module__
    if isinstance(maker, str) and is_own(maker):  # compiled metaclasses have a descriptor there
        yield walk.of(type(cls))
    for base in cls.__mro__[1:-1]:
        yield walk.of(base)
    for key, value in vars(cls).items():
        if key in _WORDS:
            continue
        yield key.encode()
        yield _tolerant(walk, value) if key.startswith("_") else walk.of(value)


def is_patched(value: object, home: str | None) -> bool:
    """Whether a value of a library is a notebook's or a user's function or class."""
    maker = getattr(value, "__module__", None)
    if not isinstance(value, FunctionType | type) or not isinstance(maker, str):
        return False
    if not isinstance(home, str):  # some compiled classes have a descriptor there
        return False
    return is_own(maker) and not is_ours(maker) and not is_own(home)


def function(walk: "Digest", func: FunctionType) -> Iterator[bytes]:
    """A function: its code, defaults, closure and attributes, and what its code reads."""
    yield f"{func.__module__}.{func.__qualname__}".encode()
    if not walk.first(id(func), func):
        return
    own = is_own(func.__module__)
    read = walk.of if own else partial(_tolerant, walk)
    yield from instructions(walk, func.__code__)
    if own and not is_ours(func.__module__):
        walk.unseen += unseen.reads(func.__code__, func.__globals__)
    elif not own and unseen.is_read(func.__name__):  # handed on as a value
        walk.unseen.append(func.__name__)
    yield from map(read, (func.__defaults__, func.__kwdefaults__, vars(func)))
    for cell in func.__closure__ or ():
        try:
            yield read(cell.cell_contents)
        except ValueError:  # not bound yet
            yield b"empty"
    home = sys.modules.get(func.__module__ or "")
    if home is not None and (is_ours(func.__module__) or not own):
        yield from module(walk, home)
    elif own:
        yield from _surroundings(walk, func)


_told: dict[CodeType, tuple[bytes, ...]] = {}  # code never changes, and walks meet it often


def instructions(walk: "Digest", code: CodeType) -> tuple[bytes, ...]:
    """Bytecode without line numbers and docstrings, constants by value."""
    if code not in _told:
        _told[code] = tuple(_instructions(walk, code))
    return _told[code]


def _instructions(walk: "Digest", code: CodeType) -> Iterator[bytes]:
    count = code.co_argcount + code.co_kwonlyargcount
    told = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    yield repr((told, code.co_varnames[:count])).encode()
    steps = _steps(code)
    offsets = [step.offset for step in steps]
    for step in steps:
        value = step.argval
        if step.opcode in dis.hasjrel or step.opcode in dis.hasjabs:
            value = bisect_left(offsets, value)  # wherever the layout puts it
        elif step.opname == "KW_NAMES" and step.arg is not None:
            value = code.co_consts[step.arg]
        yield step.opname.encode()
        if isinstance(value, CodeType):
            yield from instructions(walk, value)
        else:
            yield walk.of(value)
    yield code.co_exceptiontable if hasattr(code, "co_exceptiontable") else b""


@lru_cache(maxsize=4096)
def _steps(code: CodeType) -> tuple[dis.Instruction, ...]:
    """The instructions that say what code does."""
    return tuple(step for step in dis.get_instructions(code) if step.opname not in _NO_CODE)


def _surroundings(walk: "Digest", func: FunctionType) -> Iterator[bytes]:
    """What a function reads of its module, by value, and what it imports."""
    seen: set[str] = set()
    for code in _nested(func.__code__):
        steps = _steps(code)
        for place, step in enumerate(steps):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and step.argval in func.__globals__:
                value = func.__globals__[step.argval]
                if isinstance(value, ModuleType):
                    yield from module(walk, value)
                    yield from _attributes(walk, value, steps[place + 1 :])
                elif step.argval not in seen:
                    yield from (step.argval.encode(), walk.of(value))
                seen.add(step.argval)
            elif step.opname == "IMPORT_NAME":
                yield from _imported(walk, func.__globals__, steps, place)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _attributes(
    walk: "Digest", owner: ModuleType, steps: Sequence[dis.Instruction]
) -> Iterator[bytes]:
    """What code reads of a module of ours or a user's, by value: it may have been replaced."""
    value: Any = owner
    for step in steps:
        if step.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
            return
        home, value = value.__name__, getattr(value, step.argval, None)
        if not is_own(home) and not isinstance(value, ModuleType):
            if is_patched(value, home):
                yield from (step.argval.encode(), walk.of(value))
            return
        yield step.argval.encode()
        if not isinstance(value, ModuleType):
            if not isinstance(value, Path):  # of this machine
                yield _tolerant(walk, value)
            return
        yield from module(walk, value)


def _imported(
    walk: "Digest", names: dict[str, Any], steps: Sequence[dis.Instruction], place: int
) -> Iterator[bytes]:
    """The modules that an import statement within a function brings, unless a library's."""
    level = steps[place - 2].argval if place >= 2 else 0
    name = steps[place].argval
    if level and isinstance(level, int):
        name = importlib.util.resolve_name("." * level + name, names.get("__package__") or "")
    parts = []
    for step in steps[place + 1 :]:
        if step.opname not in ("IMPORT_FROM", "STORE_FAST", "STORE_NAME", "STORE_DEREF"):
            break
        parts += [step.argval] if step.opname == "IMPORT_FROM" else []
    for each in [name, *(f"{name}.{part}" for part in parts)]:
        yield each.encode()
        if (loaded := _own_module(each)) is not None:
            yield from module(walk, loaded)


def _own_module(name: str) -> ModuleType | None:
    top = name.partition(".")[0]
    if name in sys.modules:
        return sys.modules[name] if is_own(name) else None
    try:
        spec = importlib.util.find_spec(top)
        if spec is None or (spec.origin and not is_ours(top) and not _is_own_file(spec.origin)):
            return None
        return importlib.import_module(name)
    except (ImportError, ValueError):
        return None
