"""Photographs of faces with and without a mask, with boxes and exact masks.

Photographs lie in folders ``with_mask`` and ``without_mask``; what is to be found in them stands in
a table of boxes or in Pascal VOC files, and where it is known to the pixel in pictures. An empty
folder, a photograph that cannot be read or a box that is none is an error with its name.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from helpers.inputs import photographs

CLASSES = ("without_mask", "with_mask")  # labels 0 and 1
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels, half-open


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
    y0, x1, y1: half-open, in pixels of the stored photograph) or in ``annotations/<name>.xml``
    (Pascal VOC, whose boxes count from 1 and include their last pixel). If there is a folder
    ``truth/``, it holds ``<name>.png`` for each: white on the mask, black elsewhere.

    Raises
    ------
    ValueError
        If there are no photographs or boxes, a photograph has no box or more than one, a box has no
        area or lies outside its photograph, or a truth is missing or of another size.
    """
    files = _photographs_in(folder / "images")
    found = _boxes_of(folder, files)
    exact = (folder / "truth").is_dir()
    pixels, scaled, masks = [], [], []
    for file in files:
        picture = photographs.read_rgb(file)
        _check_box(found[file.name], picture.size, file.name)
        scale = np.array([size / picture.width, size / picture.height] * 2)
        scaled.append(np.array(found[file.name]) * scale)
        pixels.append(_squeezed(picture, size))
        if exact:
            masks.append(_truth(folder / "truth" / f"{file.stem}.png", picture.size, size))
    return Faces(
        torch.from_numpy(np.stack(pixels)),
        torch.ones(len(files), dtype=torch.int64),
        torch.from_numpy(np.stack(scaled)).float(),
        torch.from_numpy(np.stack(masks)) if exact else None,
    )


def _photographs_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder.name} in {folder.parent.name}; make it")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(
            f"{folder.parent.name}/{folder.name} holds no photograph; expected files ending in "
            + ", ".join(SUFFIXES)
        )
    return files


def _squeezed(picture: Image.Image, size: int) -> np.ndarray:
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR)).transpose(2, 0, 1)


def _truth(file: Path, expected: tuple[int, int], size: int) -> np.ndarray:
    if not file.exists():
        raise ValueError(f"there is no truth/{file.name}; every photograph needs one, or none does")
    picture = photographs.read_rgb(file).convert("L")
    if picture.size != expected:
        raise ValueError(f"truth/{file.name} is {picture.size}, its photograph {expected}")
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR)) > 127


def _boxes_of(folder: Path, files: list[Path]) -> dict[str, Box]:
    """One box a photograph, by file name, from the table or the annotations."""
    table, annotations = folder / "boxes.csv", folder / "annotations"
    if table.exists():
        rows = _rows(table)
    elif annotations.is_dir():
        rows = [row for file in sorted(annotations.glob("*.xml")) for row in _voc(file)]
    else:
        raise ValueError(f"{folder.name} has neither boxes.csv nor annotations/; add one of them")
    names = [name for name, _ in rows]
    for file in files:
        if names.count(file.name) != 1:
            raise ValueError(
                f"{file.name} has {names.count(file.name) or 'no'} box"
                f"{'es' * (names.count(file.name) > 1)}; expected one"
            )
    for name in sorted(set(names) - {file.name for file in files}):
        raise ValueError(f"there is a box for {name}, but no such photograph in images/")
    return dict(rows)


def _rows(table: Path) -> list[tuple[str, Box]]:
    with table.open(newline="") as opened:
        reader = csv.DictReader(opened)
        needed = ["file", "x0", "y0", "x1", "y1"]
        if missing := [name for name in needed if name not in (reader.fieldnames or [])]:
            raise ValueError(f"{table.name} lacks the column {missing[0]!r}; it needs {needed}")
        try:
            return [(row["file"], tuple(float(row[key]) for key in needed[1:])) for row in reader]
        except (TypeError, ValueError) as error:
            raise ValueError(f"{table.name}, line {reader.line_num}: {error}") from error


def _voc(file: Path) -> list[tuple[str, Box]]:
    """Boxes of a Pascal VOC file, from 1-based and inclusive to 0-based and half-open."""
    try:
        root = ElementTree.parse(file).getroot()
        name = root.findtext("filename") or ""
        sides = [[float(box.findtext(key, "")) for key in ("xmin", "ymin", "xmax", "ymax")]
                 for box in root.iter("bndbox")]  # fmt: skip
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"{file.name} is no Pascal VOC file ({error})") from error
    return [(name, (x0 - 1, y0 - 1, x1, y1)) for x0, y0, x1, y1 in sides]


def _check_box(box: Box, size: tuple[int, int], name: str) -> None:
    x0, y0, x1, y1 = box
    if not (x0 < x1 and y0 < y1):
        raise ValueError(
            f"the box of {name} is {box}, which has no area; expected x0 < x1, y0 < y1"
        )
    if x0 < 0 or y0 < 0 or x1 > size[0] or y1 > size[1]:
        raise ValueError(f"the box of {name} is {box}, outside the image of {size[0]} x {size[1]}")
