"""Drawn portraits with and without a mask: synthetic, from a seed, each pixel of the mask known."""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter

from helpers.inputs import faces

Color = tuple[int, int, int]
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


def paint_portraits(count: int, size: int, seed: int) -> faces.Faces:
    """Painted faces, every second one with a mask, before clutter in the mask's own colors.

    Skin, hair, clothes, glasses, beards, hats, background, light and pose are drawn from `seed`.
    Scarves and patches of mask-colored cloth stand in both classes, so that color alone does not
    tell them apart. The true mask is the cloth that is seen, without the loops around the ears.
    """
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    drawn = [_portrait(generator, size, bool(label)) for label in labels]
    masks = torch.from_numpy(np.stack([mask for _, mask in drawn]))
    return faces.Faces(
        torch.from_numpy(np.stack([picture for picture, _ in drawn])),
        torch.from_numpy(labels),
        torch.tensor([_box(mask) for _, mask in drawn], dtype=torch.float32).view(-1, 4),
        masks,
    )


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The tightest box around a mask (S, S), half-open; zeros where it is empty."""
    return Image.fromarray(mask).getbbox() or (0, 0, 0, 0)


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
    """A vertical gradient with boxes, discs and stripes, some of them in the colors of masks."""
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
