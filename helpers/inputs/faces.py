"""Photographs of faces with and without a mask, with boxes and exact masks.

Photographs lie in folders ``with_mask`` and ``without_mask``; what is to be found in them stands in
a table of boxes or in Pascal VOC files, and where it is known to the pixel in pictures. An empty
folder, a photograph that cannot be read or a box that is none is an error with its name.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from helpers.inputs import face_boxes, folders, photographs

CLASSES = ("without_mask", "with_mask")  # labels 0 and 1


class ListedImages(NamedTuple):
    """Photographs by file, with their labels, not yet read."""

    files: list[Path]
    labels: Tensor  # int64 (N,)


class Faces(NamedTuple):
    """Images of one size with what is to be found in them."""

    pixels: Tensor  # uint8 (N, 3, S, S)
    labels: Tensor  # int64 (N,): the index in CLASSES
    boxes: Tensor  # float32 (N, 4): x0, y0, x1, y1, half-open, in pixels of these images
    masks: Tensor | None  # bool (N, S, S); None where only boxes are known


def list_images(folder: Path) -> ListedImages:
    """All photographs of a folder that holds ``with_mask`` and ``without_mask``.

    Raises
    ------
    ValueError
        If one of the two folders is missing or holds no photograph.
    """
    by_class = [_photographs_in(folder / name) for name in CLASSES]
    labels = [label for label, files in enumerate(by_class) for _ in files]
    return ListedImages([file for files in by_class for file in files], torch.tensor(labels))


def load_images(files: Iterable[Path], size: int) -> Tensor:
    """Photographs as uint8 (N, 3, size, size), RGB, the whole image squeezed into the square.

    Raises
    ------
    ValueError
        If a file is no image, or is cut short; the message names it.
    """
    return torch.from_numpy(
        np.stack([_squeezed(photographs.read_rgb(file), size) for file in files])
    )


def load_located(folder: Path, size: int) -> Faces:
    """Photographs of masked faces with the box of each mask, squeezed into squares of `size`.

    The photographs lie in ``images/``. Each has one box, either in ``boxes.csv`` (columns file, x0,
    y0, x1, y1: half-open, in pixels of the photograph as a person sees it, upright) or in
    ``annotations/<name>.xml`` (Pascal VOC, whose boxes count from 1 and include their last pixel);
    :mod:`helpers.inputs.face_boxes` says which spellings of names and tables are understood. If
    there is a folder ``truth/``, it holds ``<name>.png`` for each: white (or 1) on the mask, black
    elsewhere.

    Raises
    ------
    ValueError
        If there are no photographs or boxes, a photograph has no box or more than one, a box has no
        area or lies outside its photograph, or a truth is missing, of another size, black, or
        outside of its box.
    """
    files = _photographs_in(folder / "images")
    found = face_boxes.boxes_of(folder, files)
    exact = (folder / "truth").is_dir()
    pixels, scaled, masks = [], [], []
    for file in files:
        picture = photographs.read_rgb(file)
        told = face_boxes.stated_size(folder, file)
        if told not in (None, picture.size, picture.size[::-1]):
            raise ValueError(
                f"{file.stem}.xml says that {file.name} is {told[0]} x {told[1]}; it is "
                f"{picture.width} x {picture.height}, so its box is another picture's"
            )
        if told not in (None, picture.size):
            raise ValueError(
                f"{file.stem}.xml counts its box on {file.name} as it is stored, {told[0]} x "
                f"{told[1]}; a person sees it turned, {picture.width} x {picture.height}: save the "
                "photograph upright, or draw the box anew"
            )
        _check_box(found[file.name], picture.size, file.name)
        scale = np.array([size / picture.width, size / picture.height] * 2)
        scaled.append(np.array(found[file.name]) * scale)
        pixels.append(_squeezed(picture, size))
        if exact:
            truth = folder / "truth" / f"{file.stem}.png"
            masks.append(_truth(truth, picture, found[file.name], size))
    return Faces(
        torch.from_numpy(np.stack(pixels)),
        torch.ones(len(files), dtype=torch.int64),
        torch.from_numpy(np.stack(scaled)).float(),
        torch.from_numpy(np.stack(masks)) if exact else None,
    )


def _photographs_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder.name} in {folder.parent.name}; make it")
    found = folders.listing(folder, deep=False)
    if not found.files:
        raise ValueError(
            f"{folder.parent.name}/{folder.name} holds no photograph; expected files such as "
            f"a.jpg, b.png or c.webp (passed over: {folders.told(found) or 'nothing'})"
        )
    return found.files


def _squeezed(picture: Image.Image, size: int) -> np.ndarray:
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR)).transpose(2, 0, 1)


def _truth(file: Path, photograph: Image.Image, box: face_boxes.Box, size: int) -> np.ndarray:
    """A true mask, (size, size), from a picture that is white, or 1, on the mask."""
    name = f"truth/{file.name}"
    if not file.exists():
        raise ValueError(f"there is no {name}; every photograph needs one, or none does")
    picture = photographs.read_rgb(file).convert("L")
    if picture.size != photograph.size:
        raise ValueError(f"{name} is {picture.size}, its photograph {photograph.size}")
    values = np.asarray(picture)
    if values.max() == 1:  # saved as numbers 0 and 1, which is black to the eye
        values = values * np.uint8(255)
    if not (values > 127).any():
        raise ValueError(f"{name} is black all over; expected white on the mask, black elsewhere")
    x0, y0, x1, y1 = box
    inside = values[int(y0) : math.ceil(y1), int(x0) : math.ceil(x1)]
    if not (inside > 127).any():
        raise ValueError(f"{name} marks nothing within the box {box} of its photograph; mend one")
    whole = Image.fromarray(values)
    return np.asarray(whole.resize((size, size), Image.Resampling.BILINEAR)) > 127


def _check_box(box: face_boxes.Box, size: tuple[int, int], name: str) -> None:
    x0, y0, x1, y1 = box
    if not all(map(math.isfinite, box)):
        raise ValueError(f"the box of {name} is {box}; expected four finite numbers")
    if not (x0 < x1 and y0 < y1):
        raise ValueError(
            f"the box of {name} is {box}, which has no area; expected x0 < x1, y0 < y1"
        )
    if x0 < 0 or y0 < 0 or x1 > size[0] or y1 > size[1]:
        raise ValueError(f"the box of {name} is {box}, outside the image of {size[0]} x {size[1]}")
