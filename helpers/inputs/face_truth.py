"""Pictures that mark a mask to the pixel: read as black and white, or named and refused."""

import math
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image

from helpers.inputs import folders, pictures
from helpers.inputs.face_boxes import Box

FULL = (1, 255, 65535)  # values that mark everything, where a picture has no other
DARK, BRIGHT = 31, 224  # gray levels up to and from which a pixel is black or white at its edges
FEW = 16  # gray levels, up to which a picture that is no JPEG is a map of several labels
EDGES = 0.1  # share of pixels between dark and bright, from which a picture is no mask
MOST = 0.5  # share of the marked pixels inside the box, or of the box that is marked


class Truth(NamedTuple):
    """A picture that marks the mask of one photograph."""

    file: Path
    name: str  # as messages say it


def find(folder: Path, names: list[str]) -> dict[str, list[str]]:
    """The pictures in a folder that bear each photograph's name, whatever their suffix.

    Raises
    ------
    ValueError
        If two photographs share one.
    """
    listed = folders.listing(folder)
    by_stem: dict[str, list[str]] = {}
    for file in listed.files:
        by_stem.setdefault(_stem(listed.name(file)), []).append(listed.name(file))
    found = {name: by_stem.get(_stem(name), []) for name in names}
    owner: dict[str, str] = {}
    for name in names:
        for truth in found[name]:
            if owner.setdefault(truth, name) != name:
                raise ValueError(f"{owner[truth]} and {name} share truth/{truth}; rename one")
    return found


def only(folder: Path, name: str, found: list[str]) -> Truth:
    """The one picture of a photograph.

    Raises
    ------
    ValueError
        If there is none or more than one.
    """
    if len(found) == 1:
        return Truth(folder / found[0], f"truth/{found[0]}")
    raise ValueError(
        f"there are truth/{' and truth/'.join(found)} for {name}; expected one"
        if found
        else f"there is no truth/{_stem(name)}.png; every photograph needs one, or none does"
    )


def read(
    truth: Truth, size: tuple[int, int], turn: int, box: Box, side: int
) -> tuple[np.ndarray, list[str]]:
    """Marked pixels, bool (side, side), of a photograph squeezed into a square, and notes.

    Parameters
    ----------
    truth
        White on the mask and black elsewhere, or 0 elsewhere and one other value.
    size
        Width and height of the upright photograph.
    turn
        The photograph's EXIF orientation: a truth of the size before turning is turned as well.
    box
        Of the mask, half-open, in pixels of the upright photograph.
    side
        Of the square.

    Raises
    ------
    ValueError
        If it is of another size, not black and white, marks nothing or nothing in the box, or most
        of what it marks is not in the box and most of the box is not marked; the message names it.
    """
    values = pictures.read_values(truth.file, truth.name)
    its = values.shape[1::-1]
    turned = its != size and its == size[::-1] and turn in pictures.SIDEWAYS
    if its != size and not turned:
        raise ValueError(f"{truth.name} is {its}, its photograph {size}")
    try:
        levels = _levels(values, lossy=truth.file.suffix.lower() in (".jpg", ".jpeg"))
    except ValueError as error:
        raise ValueError(f"{truth.name} {error}; expected white on the mask, else black") from None
    picture = Image.fromarray(levels)
    if turned:
        picture = picture.transpose(pictures.TURNS[turn])
    marked = np.asarray(picture) > 127
    x0, y0, x1, y1 = (math.floor(box[0]), math.floor(box[1]), math.ceil(box[2]), math.ceil(box[3]))
    inside = marked[y0:y1, x0:x1]
    share = inside.sum() / marked.sum()
    if not inside.any():
        raise ValueError(f"{truth.name} marks nothing within the box {box} of its photograph")
    if share < MOST and inside.mean() < MOST:
        raise ValueError(
            f"{truth.name} marks pixels of which {share:.0%} lie in the box {box}; expected most: "
            "one of them is of something else or turned, or black and white are swapped"
        )
    squeezed = np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR)) > 127
    if not squeezed.any():
        raise ValueError(f"{truth.name} marks too little to be seen at {side} x {side} pixels")
    return squeezed, ["with most of the truth outside its box"] if share < MOST else []


def _levels(values: np.ndarray, lossy: bool) -> np.ndarray:
    """A picture's numbers as uint8 from black, 0, to white, 255.

    Raises
    ------
    ValueError
        If they are not two values of which one is 0, or gray only at edges.
    """
    if values.ndim == 3:
        if len(np.unique(values.reshape(-1, 3), axis=0)) != 2 or not (values == 0).all(2).any():
            raise ValueError("has colors")
        return np.where(values.any(2), np.uint8(255), np.uint8(0))
    found = np.unique(values)
    if not np.isfinite(found.astype(float)).all() or found[0] < 0:
        raise ValueError(f"has values from {found[0]} to {found[-1]}")
    if not found.any():
        raise ValueError("is black all over, so that it marks nothing")
    if found.tolist() in [[value] for value in FULL] or (len(found) == 2 and found[0] == 0):
        return np.where(values != 0, np.uint8(255), np.uint8(0))
    between = ((values > DARK) & (values < BRIGHT)).mean()
    gray = values.dtype == np.uint8 and found[0] <= DARK and found[-1] >= BRIGHT
    if not gray or between > EDGES or (len(found) <= FEW and not lossy):
        raise ValueError(f"has {len(found)} values from {found[0]} to {found[-1]}")
    return values


def _stem(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix()
