"""One image file as a person sees it: upright, in color, 8 bits, on white; or refused by name."""

import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from helpers.inputs import folders

WHITE = 255  # what shines through where an image is transparent
SMALLEST = 16  # pixels of the shorter side, below which a picture is no photograph
FRAMES = {"GIF", "PNG", "WEBP", "TIFF", "AVIF"}  # formats whose further frames are not shown


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

    It is turned as its EXIF data say. 16 bits become 8 by round(value / 257), and floats in [0, 1]
    by round(255 value); other floats and 32-bit integers have no one reading. Transparent parts
    show white. Of an animation or a stack it is the first frame.

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
    if not file.is_file():
        raise Unreadable(f"{name} cannot be read as an image (it is no regular file); mend it")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on size and metadata; what is wrong is raised
            with Image.open(file, formats=folders.formats()) as opened:
                many = opened.format in FRAMES and getattr(opened, "n_frames", 1) > 1
                opened.load()
                upright, turned = _upright(opened)
                image, notes = _eight_bits(upright, opened.format or "")
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise all kinds on damaged files
        raise Unreadable(
            f"{name} cannot be read as an image ({_reason(error, file, name)}); mend it, or leave "
            "it out"
        ) from error
    return image, [*turned, *notes, *(["first frame only"] if many else [])]


def check_size(image: Image.Image, name: str) -> None:
    """Refuse what is too small to be a photograph.

    Raises
    ------
    Unreadable
        If its shorter side has fewer than 16 pixels.
    """
    if min(image.size) < SMALLEST:
        raise Unreadable(
            f"{name} has {image.width} x {image.height} pixels; expected a photograph of at least "
            f"{SMALLEST} a side"
        )


def _upright(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """The image turned as its EXIF data say; damaged data turn nothing, as in a viewer."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        turned = ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF data end in all kinds of errors
        return image, ["as stored, its EXIF data being damaged"]
    return turned, ["turned as its EXIF data say"] if orientation in range(2, 9) else []


def _eight_bits(image: Image.Image, kind: str) -> tuple[Image.Image, list[str]]:
    """An image of any mode as RGB."""
    if image.mode == "F" or image.mode.startswith("I"):
        return _scaled(image, kind)
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


def _scaled(image: Image.Image, kind: str) -> tuple[Image.Image, list[str]]:
    """16 bits and floats, gray, as RGB of 8 bits.

    Raises
    ------
    ValueError
        If the values do not tell what white is.
    """
    values = np.asarray(image).astype(np.float64)
    low, high = values.min(), values.max()
    if image.mode == "F":
        if not (low >= 0 and high <= 1):  # NaN as well
            raise ValueError(
                f"floats from {low:.4g} to {high:.4g}, of which nobody knows what is white; save "
                "it with values in [0, 1] or with 8 bits"
            )
        scaled, note = values * 255, "floats in [0, 1] scaled to 8 bits"
    elif image.mode.startswith("I;16") or kind in ("PNG", "PPM"):  # where I holds 16 bits
        if not (low >= 0 and high <= 65535):
            raise ValueError(f"integers from {low:.0f} to {high:.0f}; expected 0 to 65535")
        scaled, note = values / 257, "16 bits scaled to 8"
    else:
        raise ValueError(
            f"32-bit integers from {low:.0f} to {high:.0f}, of which nobody knows what is white; "
            "save it with 8 or 16 bits"
        )
    gray = np.rint(scaled).astype(np.uint8)
    notes = [note]
    if isinstance(image.info.get("transparency"), int):
        gray = np.where(values == image.info["transparency"], np.uint8(WHITE), gray)
        notes.append("on white where it is transparent")
    return Image.fromarray(gray).convert("RGB"), notes


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
