"""Bytecode that is compared with its source by content before a run."""

import contextlib
import importlib.util
import py_compile
from pathlib import Path

_HEAD = 16  # bytes before the code; the second four are 0 where only time and size are compared


def check_by_content(folder: Path) -> list[Path]:
    """Compile anew, from their source, the files below a folder of which time and size decide.

    Python takes a ``.pyc`` whose source has the time and size that it had, though it be edited:
    old code would run under the digest of the new. What is compiled here has the source's hash in
    it, which Python compares at each import and keeps up when it compiles again.

    Returns
    -------
    list[pathlib.Path]
        The sources whose bytecode was made anew; none once all was.
    """
    made = []
    for source in sorted(folder.rglob("*.py")):
        if _decided_by_time(Path(importlib.util.cache_from_source(str(source)))):
            with contextlib.suppress(OSError, py_compile.PyCompileError):  # the import itself tells
                hashed = py_compile.PycInvalidationMode.CHECKED_HASH
                py_compile.compile(str(source), doraise=True, invalidation_mode=hashed)
                made.append(source)
    return made


def _decided_by_time(compiled: Path) -> bool:
    try:
        with compiled.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:  # there is none
        return False
    return len(head) == _HEAD and head[4:8] == bytes(4)
