"""What a user's method may change of its process, and how it is put back: switches, seeds, output.

Everything here is put back without a word, because it is easily forgotten and nothing is lost by
it. What a method changes of the network, of its images or of torch itself is refused by
:mod:`helpers.trials.guard`.
"""

import gc
import io
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from helpers.trials import remarks

_CUDNN = ("enabled", "benchmark", "deterministic", "allow_tf32")
Switch = tuple[Callable[[], Any], Callable[[Any], Any]]  # reads a setting, sets it


def _attribute(owner: Any, name: str) -> Switch:
    return lambda: getattr(owner, name), lambda value: setattr(owner, name, value)


def _set_deterministic(value: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(value[0], warn_only=value[1])


def _set_cudnn(value: list[bool]) -> None:
    for name, setting in zip(_CUDNN, value, strict=True):
        setattr(torch.backends.cudnn, name, setting)


def _set_environment(value: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(value)


def _folder() -> str | None:
    with suppress(OSError):  # it was deleted
        return str(Path.cwd())
    return None


def _set_folder(value: str | None) -> None:
    if value is not None:
        os.chdir(value)


SWITCHES: dict[str, Switch] = {
    "gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
    "default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "default device": (
        lambda: str(torch.get_default_device()),
        lambda value: torch.set_default_device(None if value == "cpu" else value),
    ),
    "threads": (torch.get_num_threads, torch.set_num_threads),
    "deterministic": (
        lambda: (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ),
        _set_deterministic,
    ),
    "precision": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    "anomaly": (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    "autocast": (
        lambda: torch.is_autocast_enabled("cpu"),
        lambda value: torch.set_autocast_enabled("cpu", value),
    ),
    "autocast on the GPU": (
        lambda: torch.is_autocast_enabled("cuda"),
        lambda value: torch.set_autocast_enabled("cuda", value),
    ),
    "cuDNN": (
        lambda: [getattr(torch.backends.cudnn, name) for name in _CUDNN],
        _set_cudnn,
    ),
    "TF32": _attribute(torch.backends.cuda.matmul, "allow_tf32"),
    "NumPy's errors": (np.geterr, lambda value: np.seterr(**value)),
    "folder": (_folder, _set_folder),
    "environment": (lambda: dict(os.environ), _set_environment),
    "module path": (lambda: list(sys.path), lambda value: sys.path.__setitem__(slice(None), value)),
    "recursion": (sys.getrecursionlimit, sys.setrecursionlimit),
    "garbage": (gc.isenabled, lambda value: gc.enable() if value else gc.disable()),
}


@contextmanager
def restored() -> Iterator[None]:
    """Seed NumPy and Python from torch for the block, and put back every setting after it.

    Put back are :data:`SWITCHES`, filters of warnings, and the states of NumPy's and Python's
    generators (torch's is its caller's). What the block prints is kept off the page and becomes a
    remark. If it drew from NumPy or Python, torch's generator moves on, so that whoever watches
    that one sees that the method draws at random.
    """
    before = {name: read() for name, (read, _) in SWITCHES.items()}
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    seed = torch.initial_seed() % 2**32
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    start = _positions()
    with warnings.catch_warnings(), _quiet():
        try:
            yield
        finally:
            if _positions() != start:
                torch.rand((), device="cpu")
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)
            _put_back(before)


def _put_back(before: dict[str, Any]) -> None:
    for name, (read, write) in SWITCHES.items():
        if read() != before[name]:
            write(before[name])


@contextmanager
def _quiet() -> Iterator[None]:
    """Take what is printed off the page; its first line becomes a remark."""
    printed, errors = io.StringIO(), io.StringIO()
    streams = sys.stdout, sys.stderr
    try:
        with redirect_stdout(printed), redirect_stderr(errors):
            yield
    finally:
        sys.stdout, sys.stderr = streams  # also where the method put its own there
    if lines := printed.getvalue().split("\n")[0].strip():
        remarks.add(f"it prints, which is left off the page; the first line: {lines[:80]}")


def _positions() -> tuple:
    """Where Python's and NumPy's generators stand, as something to compare."""
    _, keys, position, *normal = np.random.get_state()  # noqa: NPY002
    return random.getstate(), np.asarray(keys).tobytes(), position, normal
