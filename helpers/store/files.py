"""Files are read only if they are what they should be, and written whole or not at all.

Torch is imported only by what reads or writes tensors, so that the book and the check of parameters
do without it.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def read_verified(folder: Path, name: str, sha256: str) -> bytes:
    """Read a file, and give its bytes only if they have the SHA-256 that they should have.

    Raises
    ------
    ValueError
        If the file was altered or cut short.
    """
    content = (folder / name).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(
            f"{name} has SHA-256 {found[:12]}…, expected {sha256[:12]}…; it was altered or cut "
            f"short ({len(content)} bytes). Fetch it again."
        )
    return content


def write_atomically(file: Path, content: bytes) -> None:
    """Write a whole file or nothing: to a neighbor first, then one rename."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".tmp", delete=False) as neighbor:
        try:
            neighbor.write(content)
        except BaseException:
            Path(neighbor.name).unlink()
            raise
    Path(neighbor.name).chmod(0o644)
    Path(neighbor.name).replace(file)


def write_tensors(file: Path, tensors: dict[str, Tensor], record: dict | None = None) -> None:
    """Write tensors as safetensors, with a record and a checksum of both, in one step."""
    from safetensors.torch import save

    tensors = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    text = json.dumps(record or {}, sort_keys=True)
    write_atomically(file, save(tensors, {"record": text, "sha256": _checksum(tensors, text)}))


def read_tensors(file: Path) -> tuple[dict[str, Tensor], dict]:
    """Read what :func:`write_tensors` wrote: the tensors, and their record.

    Raises
    ------
    ValueError
        If the file is none of those, was cut short, or has changed by so much as one bit.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load

    try:
        tensors = load(file.read_bytes())
        with safe_open(str(file), framework="pt") as opened:
            told = opened.metadata() or {}
    except (SafetensorError, OSError, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"{file.name} cannot be read: {error}") from error
    if "sha256" not in told or told["sha256"] != _checksum(tensors, told.get("record", "")):
        raise ValueError(f"{file.name} has changed since it was written")
    return tensors, json.loads(told["record"])


def _checksum(tensors: dict[str, Tensor], record: str) -> str:
    total = hashlib.sha256(record.encode())
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
