"""One image file as a person sees it: upright, in color, 8 bits, on white; or refused by name."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, TiffTags, UnidentifiedImageError

from helpers.inputs import colors, folders

WHITE = 255  # what shines through where an image is transparent
SMALLEST = 8  # pixels of the shorter side, below which a picture is no photograph
TWELVE_BITS = 4095  # the largest value of many cameras and scanners that store 16 bits
TAGS = {tag.name: number for number, tag in TiffTags.TAGS_V2.items()}
FRAMES = {"GIF", "PNG", "WEBP", "TIFF", "AVIF"}  # formats whose further frames are not shown

TURNS = {  # by EXIF orientation, what makes a picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height


class Unreadable(ValueError):
    """A file that is no image, is damaged or has no one reading; the message names it."""


def read_rgb(file: Path, name: str | None = None) -> Image.Image:
    """Read an image file as RGB, 8 bits, as :func:`read_with_notes` does.

    Raises
    ------
    Unreadable
        If it cannot be read, or not in one way only; the message has its name, no folder.
    """
    return read_with_notes(file, name)[0]


def read_with_notes(file: Path, name: str | None = None) -> tuple[Image.Image, list[str]]:
    """Read an image file as RGB, 8 bits, and say what was done to it.

    It is turned as its EXIF data say, and its colors are those of its ICC profile. 16 bits become
    8 by round(value / 257), other numbers of bits b by round(255 value / (2^b - 1)), and floats in
    [0, 1] by round(255 value); other floats and 32-bit integers have no one reading. Transparent
    parts show white. Of an animation or a stack it is the first frame.

    Parameters
    ----------
    file
        An image.
    name
        How messages call it; without one, its own name.

    Returns
    -------
    image
        In mode RGB.
    notes
        Such as "on white where it is transparent".

    Raises
    ------
    Unreadable
        If it cannot be read, or not in one way only.
    """
    name = name or file.name
    with _opened(file, name) as opened:
        many = opened.format in FRAMES and getattr(opened, "n_frames", 1) > 1
        opened.load()
        upright, turned = _upright(opened)
        managed, converted = colors.in_srgb(upright, opened.info.get("icc_profile"))
        image, notes = _eight_bits(managed, opened)
    frames = ["first frame only"] if many else []
    return image, [*turned, *converted, *notes, *frames]


def read_values(file: Path, name: str) -> np.ndarray:
    """An image's numbers as they are stored, upright: (H, W), or (H, W, 3) of a colored one.

    Palettes become their colors, and an alpha channel in which nothing is transparent goes.

    Raises
    ------
    Unreadable
        If it cannot be read, or parts of it are transparent; the message has its name.
    """
    with _opened(file, name) as opened:
        opened.load()
        image = _upright(opened)[0]
        if image.mode in ("1", "L", "F") or image.mode.startswith("I"):
            return np.asarray(image)
        alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
        if alpha is not None and alpha.getextrema() != (255, 255):
            raise ValueError("parts of it are transparent, which says neither black nor white")
        colors = np.asarray(image.convert("RGB"))
    return colors[..., 0] if (colors == colors[..., :1]).all() else colors


def orientation(file: Path, name: str) -> tuple[int, tuple[int, int]]:
    """The EXIF orientation, 1 to 8, and width and height as they are stored, not turned.

    Raises
    ------
    Unreadable
        If it cannot be read; the message has its name.
    """
    with _opened(file, name) as opened:
        return _orientation(opened), opened.size


def turned_box(
    box: tuple[float, float, float, float], stored: tuple[int, int], turn: int
) -> tuple[float, float, float, float]:
    """A box x0, y0, x1, y1 of a stored picture in pixels of the upright one.

    Parameters
    ----------
    box
        Half-open.
    stored
        Width and height before turning.
    turn
        The EXIF orientation, 1 to 8.
    """
    xs, ys = (box[0], box[2]), (box[1], box[3])
    if turn in (2, 3, 7, 8):
        xs = (stored[0] - xs[1], stored[0] - xs[0])
    if turn in (3, 4, 6, 7):
        ys = (stored[1] - ys[1], stored[1] - ys[0])
    if turn in SIDEWAYS:
        xs, ys = ys, xs
    return xs[0], ys[0], xs[1], ys[1]


@contextmanager
def _opened(file: Path, name: str) -> Iterator[Image.Image]:
    """An open image; whatever Pillow raises while it is open becomes an Unreadable."""
    if not file.is_file():
        raise Unreadable(f"{name} cannot be read as an image (it is no regular file); mend it")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on size and metadata; what is wrong is raised
            with Image.open(file, formats=folders.formats()) as opened:
                yield opened
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise all kinds on damaged files
        raise Unreadable(
            f"{name} cannot be read as an image ({_reason(error, file, name)}); mend it, or leave "
            "it out"
        ) from error


def check_size(image: Image.Image, name: str, side: int = SMALLEST) -> None:
    """Refuse what is too small to be a photograph.

    Raises
    ------
    Unreadable
        If its shorter side has fewer than 8 pixels, or than `side`, if that is less.
    """
    least = min(side, SMALLEST)
    if min(image.size) < least:
        raise Unreadable(
            f"{name} has {image.width} x {image.height} pixels; expected a photograph of at least "
            f"{least} a side"
        )


def _orientation(image: Image.Image) -> int:
    """1 to 8; damaged EXIF data turn nothing, as in a viewer."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF data end in all kinds of errors
        return 1
    return found if found in range(1, 9) else 1


def _upright(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """The image turned as its EXIF data say; damaged data turn nothing, as in a viewer."""
    try:
        turned = ImageOps.exif_transpose(image)
    except Exception:  # as above
        return image, ["as stored, its EXIF data being damaged"]
    return turned, ["turned as its EXIF data say"] if _orientation(image) > 1 else []


def _eight_bits(image: Image.Image, source: Image.Image) -> tuple[Image.Image, list[str]]:
    """An image of any mode as RGB; the file it comes from says what its numbers mean."""
    if image.mode == "F" or image.mode.startswith("I"):
        return _scaled(image, source)
    if image.mode == "CMYK" and source.format == "JPEG" and "adobe" not in source.info:
        # Pillow and browsers invert every CMYK JPEG, for nearly all are Adobe's.
        return image.convert("RGB"), ["CMYK without Adobe's mark, read as if it had one"]
    if not image.has_transparency_data:
        return image.convert("RGB"), []
    if image.mode == "La":
        image = image.convert("LA")
    image = image.convert("RGBA")
    if image.getextrema()[3][0] == 255:  # an alpha channel, but nothing is transparent
        return image.convert("RGB"), []
    white = Image.new("RGBA", image.size, (WHITE,) * 4)
    flat = Image.alpha_composite(white, image).convert("RGB")
    return flat, ["on white where it is transparent"]


def _scaled(image: Image.Image, source: Image.Image) -> tuple[Image.Image, list[str]]:
    """16 bits and floats, gray, as RGB of 8 bits.

    Raises
    ------
    ValueError
        If the values do not tell what white is.
    """
    values = np.asarray(image).astype(np.float64)
    white, note = _white(values, image.mode, source)
    levels = np.rint(values / white * 255)
    if _tag(source, "PhotometricInterpretation") == 0:  # a TIFF in which 0 is white
        levels, note = 255 - levels, f"{note}, 0 being white as it says"
    gray = levels.astype(np.uint8)
    notes = [note]
    if isinstance(image.info.get("transparency"), int):
        gray = np.where(values == image.info["transparency"], np.uint8(WHITE), gray)
        notes.append("on white where it is transparent")
    return Image.fromarray(gray).convert("RGB"), notes


def _white(values: np.ndarray, mode: str, source: Image.Image) -> tuple[float, str]:
    """The value that shows as 255, and what a page says of it."""
    low, high = values.min(), values.max()
    if mode == "F":
        if not (low >= 0 and high <= 1):  # NaN as well
            raise ValueError(
                f"floats from {low:.4g} to {high:.4g}, of which nobody knows what is white; save "
                "it with values in [0, 1] or with 8 bits"
            )
        return 1, "floats in [0, 1] scaled to 8 bits"
    if not (mode.startswith("I;16") or source.format in ("PNG", "PPM")):  # where I holds 16 bits
        raise ValueError(
            f"32-bit integers from {low:.0f} to {high:.0f}, of which nobody knows what is white; "
            "save it with 8 or 16 bits"
        )
    bits = _tag(source, "BitsPerSample") or 16
    if not (low >= 0 and high < 2**bits):
        raise ValueError(f"integers from {low:.0f} to {high:.0f}; expected 0 to {2**bits - 1}")
    dark = f", though no value is above {TWELVE_BITS}" if high <= TWELVE_BITS and bits > 12 else ""
    return 2**bits - 1, f"{bits} bits scaled to 8{dark}"


def _tag(source: Image.Image, name: str) -> int | None:
    """A number of a TIFF file's header, the first if there are several; None elsewhere."""
    found = getattr(source, "tag_v2", {}).get(TAGS[name])
    return found[0] if isinstance(found, tuple) else found


def _reason(error: Exception, file: Path, name: str) -> str:
    """An error in words, without the machine's folders."""
    if isinstance(error, UnidentifiedImageError):
        return "it is no image of a known format"
    if isinstance(error, Image.DecompressionBombError):
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        return f"it has more than {limit / 1e6:.0f} million pixels; make it smaller"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error).replace(str(file), name).replace(str(file.resolve()), name)
    return text or type(error).__name__
