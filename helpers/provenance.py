"""What made a result: digests, versions, the run card, and results kept under their digest."""

import ast
import hashlib
import importlib.metadata
import inspect
import json
import platform
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from helpers import data, paths

PACKAGES = (
    "torch", "torchvision", "timm", "zennit", "foolbox", "numpy", "pandas", "altair", "papermill",
)  # fmt: skip


def digest(*things: object) -> str:
    """A short name for exactly these things: functions by their code, tensors by their bytes.

    Comments, docstrings and layout of a function do not count; numbers, names and order do.
    """
    return hashlib.sha256("\n".join(map(_canonical, things)).encode()).hexdigest()[:16]


def _canonical(thing: object) -> str:
    if isinstance(thing, Tensor):
        return hashlib.sha256(thing.detach().cpu().contiguous().numpy().tobytes()).hexdigest()
    if isinstance(thing, Path):
        return _code(thing.read_text()) if thing.suffix == ".py" else _hash(thing.read_bytes())
    if inspect.isroutine(thing) or inspect.isclass(thing):
        return _code(textwrap.dedent(inspect.getsource(thing)))
    return json.dumps(thing, sort_keys=True)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _code(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body[:] = body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def kept(name: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Tensors kept under a name that holds their digest: read if they are there, else made.

    An interrupted run so goes on where it stopped. A file that cannot be read is made again.
    """
    file = paths.CACHE / f"{name}.safetensors"
    if file.exists():
        try:
            return load(file.read_bytes())
        except SafetensorError:
            file.unlink()
    made = {key: value.detach().cpu().contiguous() for key, value in make().items()}
    paths.write_atomically(file, save(made))
    return made


def versions() -> dict[str, str]:
    """Python and the packages that numbers depend on."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **found}


def device_name() -> str:
    """The GPU's name, or the processor's with the number of threads that torch uses."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU ({platform.machine()}), {torch.get_num_threads()} threads"


def commit() -> str:
    """The commit checked out, with a plus sign where tracked files differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=paths.ROOT, capture_output=True, text=True)
        return done.stdout.strip()

    head = git("rev-parse", "--short=10", "HEAD")
    return (head + ("+" if git("status", "--porcelain", "-uno") else "")) if head else "no commit"


# What computes numbers; the modules that show, check or store them do not change a result.
COMPUTING = (
    "data", "models", "training", "lrp", "attacks", "cams", "corruptions", "evolve", "metrics",
    "stats", "boxes", "faces", "methods", "own", "trials",
)  # fmt: skip


def notebook_digest(name: str, parameters: dict) -> str:
    """Digest of a notebook's code and parameters, its computing helpers and committed inputs."""
    source = paths.NOTEBOOKS / f"{name}.py"
    used = [paths.HELPERS / f"{module}.py" for module in sorted(_imported(source))]
    inputs = [paths.REPORTED / f"{name}.csv", *sorted(paths.MODELS.glob(f"{name}*.safetensors"))]
    return digest(parameters, source, *used, *(file for file in inputs if file.exists()))


def _imported(file: Path) -> set[str]:
    """The computing modules of helpers that a file imports, directly or through one another."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "helpers":
            for name in {alias.name for alias in node.names} & set(COMPUTING):
                found |= {name} | _imported(paths.HELPERS / f"{name}.py")
    return found


def data_named() -> str:
    """Say whether the run saw a folder of further data: the variable's name, never its value."""
    return "XAI_DATA set" if data.xai_data() else ""
