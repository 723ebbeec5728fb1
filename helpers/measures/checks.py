"""What measures refuse at their border because the number would be wrong without a word."""

import torch
from torch import Tensor


def maps(values: Tensor, name: str = "maps", *, negative: bool = True) -> None:
    """Refuse what is no batch of finite maps (N, H, W).

    Parameters
    ----------
    values
        (N, H, W), of any type of number.
    name
        What a message calls them.
    negative
        Whether they may hold negative numbers.

    Raises
    ------
    ValueError
        If the shape is another, a number is NaN or infinite or, unless allowed, negative.
    """
    if values.ndim != 3:
        raise ValueError(
            f"{name} are {tuple(values.shape)}; expected (N, H, W), one map an image: sum over "
            "colors first"
        )
    finite(values, name)
    if not negative and values.numel() and values.min() < 0:
        raise ValueError(
            f"{name} reach {values.min().item():.3g}; expected non-negative ones: take "
            "maps.clamp(min=0), which counts what speaks for the class"
        )


def finite(values: Tensor, name: str) -> None:
    """Refuse numbers of any shape that are NaN, infinite or complex.

    Raises
    ------
    ValueError
        If there is one.
    """
    _real(values, name)
    if not values.isfinite().all():
        raise ValueError(f"{name} hold NaN or infinite values; expected finite numbers")


def images(values: Tensor) -> None:
    """Refuse what is no batch of images (N, C, H, W) of finite floats.

    Raises
    ------
    ValueError
        If the shape or the type is another, or a value is NaN or infinite.
    """
    if values.ndim != 4 or not values.numel():
        raise ValueError(
            f"images are {tuple(values.shape)}; expected (N, C, H, W), at least one, of some pixels"
        )
    if not values.is_floating_point():
        raise ValueError(f"images are {values.dtype}; expected floats in [0, 1]: divide by 255")
    finite(values, "images")


def masks(values: Tensor, name: str = "masks") -> None:
    """Refuse masks of any shape that hold anything but true and false, or 1 and 0.

    Raises
    ------
    ValueError
        If there is another value: a picture's 255 would count 255 times.
    """
    _real(values, name)
    if values.dtype != torch.bool and not ((values == 0) | (values == 1)).all():
        raise ValueError(
            f"{name} are {values.dtype} and hold other values than 0 and 1; expected bool: compare "
            "them with a threshold first"
        )


def same_shape(first: Tensor, second: Tensor, name: str, other: str) -> None:
    """Refuse two tensors of any shape whose shapes differ: one of them would be repeated.

    Raises
    ------
    ValueError
        If they differ.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"{name} are {tuple(first.shape)} and {other} {tuple(second.shape)}; expected the same "
            "shape"
        )


def segments(values: Tensor, count: int | None = None) -> None:
    """Refuse numbers of superpixels, of any shape, that are no whole numbers from 0 on.

    Parameters
    ----------
    values
        The superpixel of each pixel.
    count
        How many superpixels there are, if that is known.

    Raises
    ------
    ValueError
        If one is negative (it would count from the end), too large, or no whole number.
    """
    _real(values, "segments")
    if values.is_floating_point() or values.dtype == torch.bool or not values.numel():
        raise ValueError(f"segments are {values.dtype} {tuple(values.shape)}; expected int64")
    low, high = int(values.min()), int(values.max())
    if low < 0 or (count is not None and high >= count):
        most = "0 on" if count is None else f"0 to {count - 1}, one a bit"
        raise ValueError(f"segments run from {low} to {high}; expected numbers from {most}")


def _real(values: Tensor, name: str) -> None:
    if values.is_complex():
        raise ValueError(f"{name} are {values.dtype}; expected real numbers")
