"""Dieter & Zisgen's own network and adversarial images, where XAI_DATA holds them."""

import io
import lzma
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.store import files, paths

DIETER2023_SHA256 = {  # github tamaradi/Evaluation-of-the-Explainatory-Power-of-LRP, MIT
    "cnn.safetensors": "3cc5ae816c1820e519f0ea662010e5dbe62fcf2430d4606f5f340cab68004f73",
    "pairs.npz": "d2c8555ef6d247241c6234ee93f1fe94141c38b3b7c629545955d2321c36dc3d",
    "delta_0.u8.xz": "fc6ee92ec4e7ec4dc9db549ad5f0b8e2033f034f2d022858db9cd878a97c6d25",
    "delta_1.u8.xz": "7f42100758b7882bffafdea58a0e5f339ccdcbd48486eacaaa31c841064c5565",
}


class Adversarials(NamedTuple):
    """Images made from others: pixels uint8 (N, 3, H, W), the source's index, the target class."""

    pixels: Tensor
    source: Tensor
    target: Tensor


def material() -> Path | None:
    """The folder with Dieter & Zisgen's own network and adversarial images, if it is here."""
    folder = paths.xai_data()
    if folder is None or not (folder / "dieter2023").is_dir():
        return None
    return folder / "dieter2023"


def load_adversarials(folder: Path, originals: Tensor) -> Adversarials:
    """Rebuild the authors' 77,398 adversarial images from their differences to CIFAR-10's test set.

    Parameters
    ----------
    folder
        From :func:`material`.
    originals
        The pixels of CIFAR-10's test set, uint8 (10000, 3, 32, 32).
    """
    pairs = np.load(io.BytesIO(read(folder, "pairs.npz")), allow_pickle=False)
    source = torch.from_numpy(pairs["test_index"].astype(np.int64))
    target = torch.from_numpy(pairs["target"].astype(np.int64))
    parts = (lzma.decompress(read(folder, f"delta_{part}.u8.xz")) for part in (0, 1))
    pixels = torch.frombuffer(bytearray().join(parts), dtype=torch.uint8).view(-1, 3, 32, 32)
    for rows, index in zip(pixels.split(5000), source.split(5000), strict=True):
        rows += originals[index]  # uint8 addition is modulo 256, as the differences are
    return Adversarials(pixels, source, target)


def read(folder: Path, name: str) -> bytes:
    """Read one of the authors' files, if it has the SHA-256 of :data:`DIETER2023_SHA256`."""
    return files.read_verified(folder, name, DIETER2023_SHA256[name])
