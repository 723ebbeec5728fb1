"""Photographs: those that Foolbox ships, and those of a folder."""

import io
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor


class Photographs(NamedTuple):
    """Photographs as uint8 (N, 3, H, W), their classes of ImageNet, int64 (N,), and file names."""

    pixels: Tensor
    labels: Tensor  # -1 where a file's class is not known
    names: list[str]


def foolbox_imagenet(size: int = 224) -> Photographs:
    """The twenty ImageNet photographs that Foolbox ships, as :func:`center_crop` cuts them."""
    folder = resources.files("foolbox") / "data"
    files = sorted((f for f in folder.iterdir() if f.name.startswith("imagenet_")), key=str)
    labels = [int(Path(f.name).stem.split("_")[-1]) for f in files]
    pixels = [center_crop(Image.open(io.BytesIO(f.read_bytes())), size) for f in files]
    return Photographs(torch.stack(pixels), torch.tensor(labels), [f.name for f in files])


def load_folder(folder: Path, count: int, size: int = 224) -> Photographs:
    """Photographs of a folder, a fixed random choice of `count`, as :func:`center_crop` cuts them.

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
    pixels = torch.stack([center_crop(read_rgb(file), size) for file in chosen])
    return Photographs(pixels, torch.tensor(labels), [f.name for f in chosen])


def read_rgb(file: Path) -> Image.Image:
    """Read a photograph as RGB.

    Raises
    ------
    ValueError
        If it cannot be read; the message has its name.
    """
    try:
        with Image.open(file) as picture:
            return picture.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{file.name} cannot be read as an image ({error}); mend it") from error


def center_crop(image: Image.Image, size: int = 224) -> Tensor:
    """The middle square of a photograph, 7/8 of its shorter side, as uint8 (3, size, size).

    As a bicubic resize of the whole photograph to 8/7 of `size` and a cut of its middle.
    """
    image = image.convert("RGB")
    side = round(min(image.size) * 7 / 8)
    left, top = ((length - side) // 2 for length in image.size)
    box = (left, top, left + side, top + side)
    cut = image.resize((size, size), Image.Resampling.BICUBIC, box)
    return torch.from_numpy(np.array(cut)).permute(2, 0, 1).contiguous()
