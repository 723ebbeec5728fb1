"""What code reads that no digest of it can see: files, the environment, modules found by name.

A digest (:mod:`helpers.store.digests`) holds the code of a function and the values that it reads.
A file that is opened when the function is called, a variable of the environment, a text that is
evaluated, a module that is imported by a computed name: another run may find another content under
the same digest. Whoever keeps results of code that a user brings asks for such reads first.
"""

import dis
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any

_NAMES = {  # of functions and attributes, whatever they belong to
    "open", "eval", "exec", "compile", "globals", "__import__", "import_module", "modules",
    "environ", "environb", "getenv", "getenvb", "imread", "fromfile", "genfromtxt", "memmap",
    "safe_open", "mimread", "from_file", "from_pretrained", "from_single_file", "urlopen",
    "urlretrieve", "hf_hub_download", "snapshot_download", "glob", "rglob", "iterdir", "listdir",
    "scandir", "getline", "getlines", "run_path", "run_module", "exec_module", "check_output",
    "Popen", "popen", "system", "CDLL", "socket", "connect", "shelve", "input", "stdin",
    "get_data", "decode_image",
}  # fmt: skip
_BEGINNINGS = ("read_", "load", "imread_")  # Path.read_text, pandas.read_csv, numpy.loadtxt
_HARMLESS = {"load_state_dict"}  # of values that are there already
_READING = {
    "LOAD_GLOBAL", "LOAD_NAME", "LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM", "LOAD_DEREF",
    "LOAD_CLASSDEREF", "LOAD_SUPER_ATTR",
}  # fmt: skip


def reads(code: CodeType, names: Mapping[str, Any]) -> Iterator[str]:
    """Names in a function's code by which it reads what its digest does not hold.

    Parameters
    ----------
    code
        Of the function; that of functions within it counts too.
    names
        The globals that it sees, because ``from os import getenv as get`` hides the name.
    """
    for step in dis.get_instructions(code):
        if step.opname in _READING and isinstance(step.argval, str):
            value = names.get(step.argval) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") else None
            for name in (step.argval, getattr(value, "__name__", None)):
                if isinstance(name, str) and is_read(name.rpartition(".")[2]):
                    yield name
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from reads(constant, names)


def is_read(name: str) -> bool:
    """Whether a function or attribute of that name reads what no digest holds."""
    return name in _NAMES or (name.startswith(_BEGINNINGS) and name not in _HARMLESS)
