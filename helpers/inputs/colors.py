"""The colors of an image file as a screen shows them."""

import io

from PIL import Image, ImageChops, ImageCms


def in_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, list[str]]:
    """The colors of an 8-bit image as a screen shows them: its ICC profile's turned into sRGB.

    An image without a profile, or with a damaged one or another mode's, stays, as in a viewer;
    so does one whose profile moves no color by more than a level.
    """
    if not profile or image.mode not in ("RGB", "RGBA", "L", "CMYK"):
        return image, []
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    plain = image.convert("RGB") if alpha is not None else image
    try:
        found = ImageCms.profileToProfile(
            plain,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image, []
    if found is None or _largest_change(plain.convert("RGB"), found) <= 1:
        return image, []
    if alpha is not None:
        found.putalpha(alpha)
    return found, ["colors converted from its ICC profile to sRGB"]


def _largest_change(one: Image.Image, other: Image.Image) -> int:
    return max(high for _, high in ImageChops.difference(one, other).getextrema())
