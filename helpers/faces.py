"""Faces with and without a mask: photographs with boxes and exact masks, and drawn portraits.

Photographs lie in folders ``with_mask`` and ``without_mask``; what is to be found in them stands in
a table of boxes or in Pascal VOC files, and where it is known to the pixel in pictures. Nothing is
passed over in silence: an empty folder, a photograph that cannot be read, a box that is none are
named.

Drawn portraits are synthetic: :func:`drawn_portraits` paints them from a seed, so that every pixel
of the mask is known and no person is shown.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from helpers import boxes, data

CLASSES = ("without_mask", "with_mask")  # labels 0 and 1
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels, half-open
Color = tuple[int, int, int]


class Listed(NamedTuple):
    """Photographs by file, with their labels, not yet read."""

    files: list[Path]
    labels: Tensor  # int64 (N,)


class Faces(NamedTuple):
    """Images of one size with what is to be found in them."""

    pixels: Tensor  # uint8 (N, 3, S, S)
    labels: Tensor  # int64 (N,): the index in CLASSES
    boxes: Tensor  # float32 (N, 4): x0, y0, x1, y1, half-open, in pixels of these images
    masks: Tensor | None  # bool (N, S, S); None where only boxes are known


def listed(folder: Path) -> Listed:
    """All photographs of a folder that holds ``with_mask`` and ``without_mask``.

    Raises
    ------
    ValueError
        If one of the two folders is missing or holds no photograph.
    """
    found = [_photographs_in(folder / name) for name in CLASSES]
    labels = [label for label, files in enumerate(found) for _ in files]
    return Listed([file for files in found for file in files], torch.tensor(labels))


def read(files: Iterable[Path], size: int) -> Tensor:
    """Photographs as uint8 (N, 3, size, size), RGB, the whole image squeezed into the square.

    Raises
    ------
    ValueError
        If a file is no image, or is cut short; the message names it.
    """
    return torch.from_numpy(np.stack([_squeezed(data.opened(file), size) for file in files]))


def located(folder: Path, size: int) -> Faces:
    """Photographs of masked faces with the place of each mask, squeezed into squares of `size`.

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
        picture = data.opened(file)
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
    picture = data.opened(file).convert("L")
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


# Drawn portraits: synthetic, every pixel known

SKINS = [
    (255, 224, 196), (240, 200, 160), (222, 171, 127), (188, 128, 84), (141, 85, 52), (92, 56, 36),
]  # fmt: skip
HAIRS = [
    (28, 22, 20), (61, 40, 27), (104, 68, 40), (170, 122, 62), (219, 186, 114), (150, 150, 150),
    (142, 60, 34),
]  # fmt: skip
CLOTHS = [
    (176, 214, 236), (236, 240, 242), (40, 44, 52), (238, 186, 196), (52, 110, 92), (196, 66, 58),
    (90, 110, 180),
]  # fmt: skip
_FINE = 2  # drawn this much larger, then shrunk, so that edges are smooth


def drawn_portraits(count: int, size: int, seed: int) -> Faces:
    """Painted faces, every second one with a mask, before clutter in the mask's own colours.

    Skin, hair, clothes, glasses, beards, hats, background, light and pose are drawn from `seed`.
    Scarves and patches of mask-coloured cloth stand in both classes, so that colour alone does not
    tell them apart. The true mask is the cloth that is seen, without the loops around the ears.
    """
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    drawn = [_portrait(generator, size, bool(label)) for label in labels]
    masks = torch.from_numpy(np.stack([mask for _, mask in drawn]))
    return Faces(
        torch.from_numpy(np.stack([picture for picture, _ in drawn])),
        torch.from_numpy(labels),
        boxes.box_of(masks),
        masks,
    )


def _portrait(generator: np.random.Generator, size: int, masked: bool):
    """One portrait, uint8 (3, size, size), and its mask, bool (size, size)."""
    side = size * _FINE
    canvas = _background(generator, side)
    cloth = Image.new("L", (side, side), 0)
    unit = side * generator.uniform(0.28, 0.4)  # half the head's height
    middle = side * generator.uniform([0.4, 0.4], [0.6, 0.52])
    skin = _varied(generator, SKINS[generator.integers(len(SKINS))], by=5)
    hair = _varied(generator, HAIRS[generator.integers(len(HAIRS))], by=5)
    pen = _Pen(ImageDraw.Draw(canvas), middle, unit)
    _shoulders(generator, pen, skin)
    _head(generator, pen, skin, hair)
    if generator.random() < 0.2:
        _scarf(generator, pen)
    if masked:
        _mask(generator, pen, _Pen(ImageDraw.Draw(cloth), middle, unit))
    angle = generator.uniform(-12, 12)
    turn = dict(center=tuple(middle), resample=Image.Resampling.BILINEAR)  # noqa: C408
    edge = tuple(np.asarray(canvas)[:8].mean((0, 1)).astype(int))
    canvas, cloth = canvas.rotate(angle, fillcolor=edge, **turn), cloth.rotate(angle, **turn)
    small = (size, size)
    shrunk = canvas.resize(small, Image.Resampling.BOX).filter(
        ImageFilter.GaussianBlur(generator.uniform(0, 0.8) * size / 224)
    )
    seen = np.asarray(cloth.resize(small, Image.Resampling.BOX)) > 127
    return _lit(generator, np.asarray(shrunk)).transpose(2, 0, 1), seen


class _Pen(NamedTuple):
    """Draws in units of the head's half height, from the head's middle."""

    draw: ImageDraw.ImageDraw
    middle: np.ndarray
    unit: float

    def at(self, points) -> list[tuple[float, float]]:
        return [tuple(self.middle + self.unit * np.array(point)) for point in points]

    def ellipse(self, x: float, y: float, wide: float, high: float, color) -> None:
        corners = self.at([(x - wide, y - high), (x + wide, y + high)])
        self.draw.ellipse([*corners[0], *corners[1]], fill=color)

    def shape(self, points, color) -> None:
        self.draw.polygon(self.at(points), fill=color)

    def line(self, points, color, width: float = 0.03) -> None:
        thick = max(1, round(width * self.unit))
        self.draw.line(self.at(points), fill=color, width=thick, joint="curve")


def _varied(generator: np.random.Generator, color: Color, by: float = 14) -> Color:
    return tuple(int(c) for c in np.clip(np.array(color) + generator.normal(0, by, 3), 0, 255))


def _darker(color: Color, by: float = 0.8) -> Color:
    return tuple(int(c * by) for c in color)


def _background(generator: np.random.Generator, side: int) -> Image.Image:
    """A vertical gradient with boxes, discs and stripes, some of them in the colours of masks."""
    ends = generator.uniform(60, 245, (2, 3))
    ramp = np.linspace(0, 1, side)[:, None]
    rows = (ends[0] * (1 - ramp) + ends[1] * ramp).astype(np.uint8)  # (side, 3)
    canvas = Image.fromarray(np.repeat(rows[:, None], side, axis=1))
    draw = ImageDraw.Draw(canvas)
    for _ in range(generator.integers(3, 9)):
        x, y, wide, high = side * generator.uniform([0, 0, 0.05, 0.05], [1, 1, 0.25, 0.3])
        color = tuple(int(c) for c in generator.uniform(30, 250, 3))
        if generator.random() < 0.4:
            color = _varied(generator, CLOTHS[generator.integers(len(CLOTHS))])
        kind = generator.integers(3)
        if kind == 0:
            draw.rectangle([x - wide, y - high, x + wide, y + high], fill=color)
        elif kind == 1:
            draw.ellipse([x - wide, y - wide, x + wide, y + wide], fill=color)
        else:
            for k in range(4):
                draw.line(
                    [x + k * wide / 2, 0, x + k * wide / 2 - wide, side], color, int(wide / 6)
                )
    return canvas.filter(ImageFilter.GaussianBlur(generator.uniform(0, 4) * _FINE))


def _shoulders(generator: np.random.Generator, pen: _Pen, skin: Color) -> None:
    shirt = tuple(int(c) for c in generator.uniform(20, 235, 3))
    pen.ellipse(0, 2.55, 1.75, 1.25, shirt)
    pen.shape([(-1.75, 2.5), (1.75, 2.5), (1.75, 6), (-1.75, 6)], shirt)
    if generator.random() < 0.4:
        for y in np.arange(1.7, 4, 0.3):
            pen.line([(-1.3, y), (1.3, y)], _darker(shirt, 0.6), 0.08)
    pen.shape(
        [(-0.32, 0.7), (0.32, 0.7), (0.42, 1.5), (0, 1.75), (-0.42, 1.5)], _darker(skin, 0.86)
    )


def _head(generator: np.random.Generator, pen: _Pen, skin: Color, hair: Color) -> None:
    wide = generator.uniform(0.68, 0.8)
    long, hat = generator.random() < 0.4, generator.random() < 0.25
    if long:
        pen.ellipse(0, 0.1, wide + 0.24, 1.25, hair)
    for x in (-wide, wide):
        pen.ellipse(x, 0.02, 0.12, 0.2, _darker(skin, 0.9))
    pen.ellipse(0, -0.18, wide + 0.06, 0.95, hair)
    pen.ellipse(0, 0.05, wide, 0.95, skin)
    fringe = generator.uniform(-0.62, -0.42)
    arc = [(x, -0.98 + 0.25 * (x / wide) ** 2) for x in np.linspace(-wide, wide, 12)]
    pen.shape(
        [*arc, (wide, -0.2), (wide * 0.8, fringe), (-wide * 0.8, fringe), (-wide, -0.2)], hair
    )
    if hat:
        color = tuple(int(c) for c in generator.uniform(20, 235, 3))
        pen.shape([(-wide, -0.5), (wide, -0.5), (wide * 0.8, -1.25), (-wide * 0.8, -1.25)], color)
        pen.line([(-wide - 0.35, -0.5), (wide + 0.35, -0.5)], _darker(color), 0.14)
    _features(generator, pen, skin, hair)


def _features(generator: np.random.Generator, pen: _Pen, skin: Color, hair: Color) -> None:
    """Eyes, brows, nose, mouth, and at times glasses or a beard."""
    look = generator.uniform(-0.05, 0.05)
    iris = [(60, 40, 25), (70, 100, 130), (60, 100, 60)][generator.integers(3)]
    for x in (-0.3, 0.3):
        pen.ellipse(x, -0.12, 0.14, 0.075, (248, 248, 246))
        pen.ellipse(x + look, -0.12, 0.065, 0.07, iris)
        pen.ellipse(x + look, -0.12, 0.03, 0.035, (10, 10, 10))
        pen.line([(x - 0.17, -0.29), (x, -0.34), (x + 0.17, -0.29)], _darker(hair), 0.05)
    if generator.random() < 0.3:
        pen.shape([(-0.55, 0.4), (0.55, 0.4), (0.45, 0.8), (0, 1.02), (-0.45, 0.8)], hair)
        pen.ellipse(0, 0.42, 0.36, 0.13, skin)
    pen.line([(0.02, -0.1), (0.09, 0.22), (-0.05, 0.25)], _darker(skin, 0.75), 0.04)
    smile = generator.uniform(-0.05, 0.12)
    lip = _varied(generator, (178, 84, 84))
    mouth = [(x, 0.5 - smile * (x / 0.26) ** 2) for x in np.linspace(-0.26, 0.26, 9)]
    pen.line(mouth, lip, generator.uniform(0.05, 0.11))
    if generator.random() < 0.25:
        for x in (-0.3, 0.3):
            around = np.linspace(0, 2 * np.pi, 25)
            pen.line(
                [(x + 0.22 * np.cos(a), -0.11 + 0.18 * np.sin(a)) for a in around], (25, 25, 30)
            )
        pen.line([(-0.08, -0.13), (0.08, -0.13)], (25, 25, 30))


def _scarf(generator: np.random.Generator, pen: _Pen) -> None:
    color = _varied(generator, CLOTHS[generator.integers(len(CLOTHS))])
    pen.shape([(-0.62, 1.12), (0.62, 1.12), (0.75, 1.6), (0, 1.8), (-0.75, 1.6)], color)
    pen.line([(-0.6, 1.35), (0, 1.5), (0.6, 1.35)], _darker(color), 0.05)


def _mask(generator: np.random.Generator, pen: _Pen, exact: _Pen) -> None:
    """Cloth over nose and mouth, with folds and loops; `exact` draws the cloth alone."""
    color = _varied(generator, CLOTHS[generator.integers(len(CLOTHS))])
    wide, top = generator.uniform(0.56, 0.66), generator.uniform(0.02, 0.14)
    chin = generator.uniform(0.88, 1.04)
    loop = _darker(color, 0.92) if sum(color) > 300 else (225, 225, 225)
    for x in (-1, 1):
        pen.line([(x * wide, top + 0.16), (x * 0.76, 0.0)], loop, 0.035)
        pen.line([(x * wide, 0.62), (x * 0.78, 0.12)], loop, 0.035)
    outline = [
        (-wide, top + 0.14), (-0.3, top + 0.02), (-0.1, top - 0.1), (0.1, top - 0.1),
        (0.3, top + 0.02), (wide, top + 0.14), (wide * 0.96, 0.64), (0.34, chin - 0.05), (0, chin),
        (-0.34, chin - 0.05), (-wide * 0.96, 0.64),
    ]  # fmt: skip
    pen.shape(outline, color)
    exact.shape(outline, 255)
    if generator.random() < 0.7:
        for y in (0.3, 0.46, 0.62):
            bow = [
                (x, y + 0.04 * (1 - (x / wide) ** 2)) for x in np.linspace(-wide, wide, 9) * 0.93
            ]
            pen.line(bow, _darker(color, 0.86), 0.025)
    else:
        pen.line([(0, top - 0.1), (0.02, chin)], _darker(color, 0.85), 0.03)


def _lit(generator: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Light from a side, a tint, and the grain of a camera; uint8 (S, S, 3) to the same."""
    size = len(picture)
    x, y = generator.uniform(-0.25, 0.25, 2)
    ramp = np.linspace(-1, 1, size)
    light = 1 + x * ramp[None, :, None] + y * ramp[:, None, None]
    tint = generator.uniform(0.92, 1.06, 3)
    grain = generator.normal(0, generator.uniform(1, 6), picture.shape)
    return np.clip(picture * light * tint + grain, 0, 255).astype(np.uint8)
