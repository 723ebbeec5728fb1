"""Photographs of faces with and without a mask, with boxes and exact masks.

Photographs lie in folders ``with_mask`` and ``without_mask``; what is to be found in them stands in
a table of boxes or in Pascal VOC files, and where it is known to the pixel in pictures. An empty
folder, a photograph that cannot be read or a box that is none is an error with its name.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from helpers.inputs import face_boxes, face_truth, folders, pictures
from helpers.inputs.face_boxes import Box, Row

CLASSES = ("without_mask", "with_mask")  # labels 0 and 1


class ListedImages(NamedTuple):
    """Photographs by file, with their labels, not yet read."""

    files: list[Path]
    labels: Tensor  # int64 (N,)
    notes: Sequence[str] = ()  # what was passed over, a sentence each


class Faces(NamedTuple):
    """Images of one size with what is to be found in them."""

    pixels: Tensor  # uint8 (N, 3, S, S)
    labels: Tensor  # int64 (N,): the index in CLASSES
    boxes: Tensor  # float32 (N, 4): x0, y0, x1, y1, half-open, in pixels of these images
    masks: Tensor | None  # bool (N, S, S); None where only boxes are known


def list_images(folder: Path) -> ListedImages:
    """All photographs of a folder that holds ``with_mask`` and ``without_mask``.

    Folders in these are read too; :func:`helpers.inputs.folders.listing` says what is passed over.

    Raises
    ------
    ValueError
        If one of the two folders is missing or holds no photograph.
    """
    by_class = [_photographs_in(folder / name) for name in CLASSES]
    labels = [label for label, found in enumerate(by_class) for _ in found.files]
    files = [file for found in by_class for file in found.files]
    notes = [note for found in by_class for note in _passed_over(found)]
    return ListedImages(files, torch.tensor(labels), notes)


def load_images(files: Iterable[Path], size: int) -> Tensor:
    """Photographs as uint8 (N, 3, size, size), RGB, the whole image squeezed into the square.

    Each is read as :func:`helpers.inputs.pictures.read_with_notes` says.

    Raises
    ------
    ValueError
        If a file is no image, is cut short or is smaller than 8 pixels; the message names it.
    """
    return torch.from_numpy(np.stack([_squeezed(_read(file)[0], size) for file in files]))


def load_located(folder: Path, size: int) -> Faces:
    """Photographs of masked faces with the box of each mask, as :func:`load_with_notes` has them.

    Raises
    ------
    ValueError
        As :func:`load_with_notes`.
    """
    return load_with_notes(folder, size)[0]


def load_with_notes(folder: Path, size: int) -> tuple[Faces, list[str]]:
    """Photographs of masked faces with the box of each mask, squeezed into squares of `size`.

    The photographs lie in ``images/``. Each has one box, either in ``boxes.csv`` (columns file, x0,
    y0, x1, y1: half-open) or in ``annotations/<name>.xml`` (Pascal VOC, whose boxes count from 1
    and include their last pixel), in pixels of the photograph as it is seen: turned as its EXIF
    data say. Where the box comes with the width and height of the photograph as it is stored, not
    turned, the box is turned too. If there is a folder ``truth/``, it holds ``<name>.png`` for
    each: white on the mask, black elsewhere, or two other values of which the mask's is not 0.

    Returns
    -------
    faces
        In the order of the photographs' names.
    notes
        What was passed over, and what was done to photographs, a sentence each.

    Raises
    ------
    ValueError
        If there are fewer than two photographs or no boxes, a photograph has no box or more than
        one, is of another size than its box was drawn on, a box has no area or lies outside its
        photograph, or a truth is missing, of another size, not black and white, empty or of
        something else than its box, as :func:`helpers.inputs.face_truth.read` tells.
    """
    listed = _photographs_in(folder / "images")
    folders.check(listed)
    names = [listed.name(file) for file in listed.files]
    rows, notes = face_boxes.read_boxes(folder, names)
    exact = (folder / "truth").is_dir()
    truths = face_truth.find(folder / "truth", names) if exact else {}
    pixels, scaled, masks = [], [], []
    done: dict[str, list[str]] = {}
    for file, name in zip(listed.files, names, strict=True):
        picture, changes = _read(file, name)
        box = _box(rows[name], file, picture.size, name)
        scaled.append(np.array(box) * np.array([size / picture.width, size / picture.height] * 2))
        pixels.append(_squeezed(picture, size))
        changes += ["of one color only"] if (pixels[-1] == pixels[-1][:, :1, :1]).all() else []
        if exact:
            truth = face_truth.only(folder / "truth", name, truths[name])
            turn = pictures.orientation(file, name)[0]
            mask, remarks = face_truth.read(truth, picture.size, turn, box, size)
            masks.append(mask)
            changes += remarks
        for change in changes:
            done.setdefault(change, []).append(name)
    found = Faces(
        torch.from_numpy(np.stack(pixels)),
        torch.ones(len(names), dtype=torch.int64),
        torch.from_numpy(np.stack(scaled)).float(),
        torch.from_numpy(np.stack(masks)) if exact else None,
    )
    changed = [f"{len(its)} {change} ({folders.some(its)})" for change, its in sorted(done.items())]
    return found, [*_passed_over(listed), *notes, *changed]


def _photographs_in(folder: Path) -> folders.Listing:
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder.name} in {folder.parent.name}; make it")
    listed = folders.listing(folder)
    if not listed.files:
        passed = f" (passed over: {folders.told(listed)})" if listed.passed else ""
        raise ValueError(
            f"{folder.parent.name}/{folder.name} holds no photograph{passed}; expected files such "
            "as a.jpg, b.png or c.webp"
        )
    return listed


def _passed_over(listed: folders.Listing) -> list[str]:
    if not listed.passed:
        return []
    total = len(listed.files) + len(listed.passed)
    return [
        f"{listed.root.name}: {len(listed.files)} of {total} files; passed over: "
        f"{folders.told(listed)}"
    ]


def _read(file: Path, name: str | None = None) -> tuple[Image.Image, list[str]]:
    name = name or f"{file.parent.name}/{file.name}"
    picture, notes = pictures.read_with_notes(file, name)
    pictures.check_size(picture, name)
    return picture, notes


def _squeezed(picture: Image.Image, size: int) -> np.ndarray:
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR)).transpose(2, 0, 1)


def _box(row: Row, file: Path, size: tuple[int, int], name: str) -> Box:
    """A photograph's box in pixels of the upright photograph.

    Raises
    ------
    ValueError
        If it has no area, lies outside, or was drawn on a picture of another size.
    """
    if row.size in (None, size):
        _check_box(row.box, size, name)
        return row.box
    turn, stored = pictures.orientation(file, name)
    if row.size != stored:
        raise ValueError(
            f"{row.source} says that {name} is {row.size[0]} x {row.size[1]}; it is {size[0]} x "
            f"{size[1]}, so its box is another picture's"
        )
    _check_box(row.box, stored, name)
    return pictures.turned_box(row.box, stored, turn)


def _check_box(box: Box, size: tuple[int, int], name: str) -> None:
    x0, y0, x1, y1 = box
    if not (x0 < x1 and y0 < y1):
        raise ValueError(
            f"the box of {name} is {box}, which has no area; expected x0 < x1, y0 < y1"
        )
    if x0 < 0 or y0 < 0 or x1 > size[0] or y1 > size[1]:
        raise ValueError(f"the box of {name} is {box}, outside the image of {size[0]} x {size[1]}")
