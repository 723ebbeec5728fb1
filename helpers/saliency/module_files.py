"""Look at a user's module without running it: is it there, can it be read, has it the function.

Knows no torch, so that a wrong name is refused before anything slow is imported.
"""

import ast
import importlib.util
import sys
from pathlib import Path
from typing import NamedTuple

from helpers.store import paths

LIBRARIES = frozenset(
    """IPython PIL altair captum cv2 foolbox helpers ipykernel jinja2 jsonschema jupytext lime
    matplotlib nbformat numpy pandas papermill pytorch_grad_cam safetensors scipy skimage sklearn
    timm torch torchvision tqdm yaml zennit""".split()  # noqa: SIM905
)
PAIR = "is no module:name, such as my_method:explain or folder/my_method.py:explain"


class Wanted(NamedTuple):
    """What ``module:name`` asks for; the folder is None where the module is on Python's path."""

    module: str
    name: str
    folder: Path | None


def split(spec: str) -> Wanted:
    """Take ``module:name`` or ``path/to/module.py:name`` apart.

    Raises
    ------
    ValueError
        If it is neither.
    """
    module, colon, name = spec.rpartition(":")
    parts = name.split(".")
    if not (colon and module and all(part.isidentifier() for part in parts)):
        raise ValueError(f"{spec!r} {PAIR}{_functions_of(module or name)}")
    if module.endswith(".py") or "/" in module:
        file = paths.located(module if module.endswith(".py") else f"{module}.py")
        if not file.is_file():
            raise ValueError(f"there is no file {module} where you stand ({spec})")
        if not file.stem.isidentifier():
            raise ValueError(f"{file.name} is no name of a module; rename it, to my_method.py say")
        return Wanted(file.stem, name, file.resolve().parent)
    if not all(part.isidentifier() for part in module.split(".")):
        raise ValueError(f"{spec!r} {PAIR}")
    return Wanted(module, name, None)


def file_of(wanted: Wanted) -> Path | None:
    """The file of a module of the user's own; None where it is a library's, or not there."""
    where = [wanted.folder] if wanted.folder else [Path.cwd(), paths.ROOT]
    parts = wanted.module.split(".")
    for folder in filter(None, where):
        whole = folder.joinpath(*parts)
        for file in (whole.parent / f"{whole.name}.py", whole / "__init__.py"):
            if file.is_file():
                return file
    return None


def check(spec: str) -> None:
    """Refuse what cannot be loaded, as far as the file itself tells; nothing is run.

    Raises
    ------
    ValueError
        If there is no such module, it hides another one, cannot be read as Python, imports a
        package that is not installed, or defines no such name.
    """
    wanted = split(spec)
    file = file_of(wanted)
    top = wanted.module.split(".")[0]
    if file is None:
        if top in sys.stdlib_module_names:
            raise ValueError(f"{top} is Python's own module, and has no saliency method or network")
        if not _findable(top, None):
            raise ValueError(not_there(wanted.module))
        return
    if top in sys.stdlib_module_names or top in LIBRARIES:
        whose = "Python's own module" if top in sys.stdlib_module_names else "the library"
        raise ValueError(f"{top}.py hides {whose} {top}; rename it, to my_{top}.py say")
    try:
        tree = ast.parse(file.read_bytes(), filename=file.name)
    except SyntaxError as error:
        error.filename = file.name  # which errors in single bytes lack
        raise ValueError(syntax(error)) from error
    except ValueError as error:  # null bytes
        raise ValueError(f"{file.name} cannot be read as Python: {error}") from error
    for missing in _imports(tree):
        if not _findable(missing, file.parent):
            raise ValueError(
                f"{file.name} imports {missing!r}, which is not installed; install it, or put "
                f"{missing}.py beside it"
            )
    names = _names(tree.body)
    if wanted.name.split(".")[0] not in names and not names & {"*", "__getattr__"}:
        known = [name for name in _functions(tree.body) if not name.startswith("_")]
        raise ValueError(
            f"{wanted.module} has nothing by the name {wanted.name!r}; it has: "
            + (", ".join(known) or "no function")
        )


def not_there(module: str) -> str:
    """The sentence on a module that is nowhere."""
    return (
        f"there is no module {module!r}; put {module.replace('.', '/')}.py into the folder from "
        "which you run, or give its path: folder/my_method.py:explain"
    )


def syntax(error: SyntaxError) -> str:
    """A syntax error of a user's file in one sentence, with its line."""
    text = f": {error.text.strip()}" if error.text else ""
    name = Path(error.filename).name if error.filename else "the module"
    line = f", line {error.lineno}" if error.lineno else ""
    return f"{name}{line}: {error.msg}{text}"


def _functions_of(text: str) -> str:
    """The functions of a file that was given without one."""
    file = paths.located(text if text.endswith(".py") else f"{text}.py")
    try:
        known = _functions(ast.parse(file.read_bytes()).body)
    except (OSError, SyntaxError, ValueError):
        return ""
    return f"; it has: {', '.join(known)}" if known else ""


def _findable(top: str, beside: Path | None) -> bool:
    for folder in filter(None, (beside, Path.cwd(), paths.ROOT)):
        if (folder / f"{top}.py").exists() or (folder / top).is_dir():
            return True
    try:
        return top in sys.modules or importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _imports(tree: ast.Module) -> list[str]:
    """The top packages that a module imports at its top level, where no ``try`` stands around."""
    names = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            names += [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.append(node.module.split(".")[0])
    return names


def _functions(body: list[ast.stmt]) -> list[str]:
    return [
        node.name
        for node in body
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    ]


def _names(body: list[ast.stmt]) -> set[str]:
    """All names that a module's top level may bind; "*" where it cannot be told."""
    names: set[str] = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.add(node.name)
            continue
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                names.add(part.id)
            elif isinstance(part, ast.Import | ast.ImportFrom):
                names |= {(alias.asname or alias.name).split(".")[0] for alias in part.names}
            elif isinstance(part, ast.FunctionDef | ast.ClassDef):
                names.add(part.name)
            elif isinstance(part, ast.Name) and part.id in ("globals", "vars", "setattr", "exec"):
                names.add("*")
    return names
