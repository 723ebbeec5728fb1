"""Files are written whole or not at all, and tensors with a checksum of their own.

Torch is imported only by what reads or writes tensors, so that the book and the check of parameters
do without it. How a file from outside is read stands in :mod:`helpers.store.reading`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.store import reading

if TYPE_CHECKING:
    from torch import Tensor

UNFINISHED = re.compile(r"\.(?P<machine>[\w-]*)\.(?P<process>\d+)\.\w+\.tmp$")
FORGOTTEN = 24 * 3600  # seconds after which another machine's unfinished file is nobody's


class CannotWrite(OSError):
    """A file that cannot be written: a full disk, a read-only folder; the message says which."""

    def _render_traceback_(self) -> list[str]:
        """What IPython and Papermill show of it: the sentence, and none of our code."""
        return [f"{type(self).__name__}: {self.strerror}"]

    def __str__(self) -> str:
        return str(self.strerror)


def write_sums(folder: Path) -> None:
    """Write a folder's checksums anew, by which :func:`reading.content` knows each of its files."""
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in sorted(folder.iterdir())
        if file.is_file() and file.name != reading.SUMS and file.suffix != ".tmp"
    ]
    write_atomically(folder / reading.SUMS, "".join(lines).encode())


def read_verified(folder: Path, name: str, sha256: str) -> bytes:
    """Read a file, and give its bytes only if they have the SHA-256 that they should have.

    Raises
    ------
    ValueError
        If the file was altered or cut short, is empty or is none.
    """
    return reading.content(folder / name, sha256)


def write_atomically(file: Path, content: bytes) -> None:
    """Write a whole file or nothing: to a neighbor first, on to the disk, then one rename.

    A link stays a link, and who may read a file that is there already stays as it is.

    Raises
    ------
    CannotWrite
        If the disk is full, the folder is read-only, or the file is a folder or a device.
    """
    file = file.resolve()
    if file.exists() and not file.is_file():
        kind = "a folder" if file.is_dir() else "no regular file"
        raise CannotWrite(None, f"{reading.shown(file)} is {kind}; give the name of a file")
    neighbor = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
        with tempfile.NamedTemporaryFile(
            dir=file.parent, prefix=f"{file.name[:40]}.{_machine()}.{os.getpid()}.",
            suffix=".tmp", delete=False,
        ) as opened:  # fmt: skip
            neighbor = Path(opened.name)
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())  # else a power cut leaves the new name with nothing in it
        neighbor.chmod(mode)
        neighbor.replace(file)
        _sync_folder(file.parent)
    except BaseException as error:
        if neighbor:
            neighbor.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CannotWrite(
                error.errno,
                f"{reading.shown(file)} cannot be written: {error.strerror or error}; what is "
                "finished is kept: make room, or make the folder writable, and run it again",
            ) from error
        raise


def _sync_folder(folder: Path) -> None:
    """Let the new name outlast a power cut, on file systems that can sync a folder."""
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def clear_unfinished(folder: Path) -> list[Path]:
    """Remove what killed processes left half written below a folder; what runs now keeps its own.

    Returns
    -------
    list[pathlib.Path]
        What was removed.
    """
    gone = []
    for file in folder.rglob("*.tmp") if folder.is_dir() else []:
        named = UNFINISHED.search(file.name)
        if named and not _is_written(file, named["machine"], int(named["process"])):
            file.unlink(missing_ok=True)
            gone.append(file)
    return gone


def is_running(process: int) -> bool:
    """Whether a process of this machine is there, whosever it is."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _is_written(file: Path, machine: str, process: int) -> bool:
    if machine == _machine():
        return is_running(process)
    try:
        return time.time() - file.stat().st_mtime < FORGOTTEN
    except FileNotFoundError:  # finished meanwhile
        return False


def _machine() -> str:
    return re.sub(r"[^\w-]", "-", platform.node())[:40]


def write_tensors(file: Path, tensors: dict[str, Tensor], record: dict | None = None) -> None:
    """Write tensors as safetensors, with a record and a checksum of both, in one step."""
    from safetensors.torch import save

    tensors = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    text = json.dumps(record or {}, sort_keys=True)
    told = {"record": text, "sha256": _checksum(tensors, text + file.name), "file": file.name}
    write_atomically(file, save(tensors, told))


def read_tensors(file: Path) -> tuple[dict[str, Tensor], dict]:
    """Read what :func:`write_tensors` wrote: the tensors, and their record.

    Raises
    ------
    reading.Damaged
        If the file is none of those, was cut short, or has changed by so much as one bit.
    """
    tensors, told = tensors_of(reading.content(file), file)
    if "sha256" not in told:
        raise reading.Damaged(f"{reading.shown(file)} has no checksum; {reading.mend(file)}")
    return tensors, json.loads(told["record"])


def tensors_of(content: bytes, file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors in the bytes of a safetensors file and its texts; its checksum, if any, holds.

    Parameters
    ----------
    content
        The whole file.
    file
        Where it comes from, for the message.

    Raises
    ------
    reading.Damaged
        If the bytes are no such file, were cut short, have changed by so much as one bit, or were
        written under another name.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(content)
        told = header(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise reading.Damaged(
            f"{reading.shown(file)} cannot be read as safetensors ({error}); {reading.mend(file)}"
        ) from error
    words = told.get("record", "") + told.get("file", "")  # an older file does not say its name
    if "sha256" in told and told["sha256"] != _checksum(tensors, words):
        raise reading.Damaged(
            f"{reading.shown(file)} has changed since it was written; {reading.mend(file)}"
        )
    if told.get("file", file.name) != file.name:
        raise reading.Damaged(
            f"{reading.shown(file)} holds what belongs to {told['file']}; {reading.mend(file)}"
        )
    return tensors, told


def header(content: bytes) -> dict[str, str]:
    """The texts that stand in the head of a safetensors file, given by its bytes."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__") or {}


def _checksum(tensors: dict[str, Tensor], words: str) -> str:
    total = hashlib.sha256(words.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor_bytes(tensor))
    return total.hexdigest()


def tensor_bytes(tensor: Tensor) -> memoryview:
    """The bytes of a tensor of any type, in the order of its elements."""
    from torch import uint8

    flat = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous().flatten()
    return flat.view(uint8).numpy().data if flat.numel() else memoryview(b"")
