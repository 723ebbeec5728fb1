"""Read what a user's method gives as maps (N, H, W), where there is one reading, and say so."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.papers import cams
from helpers.trials import remarks

_REDUCE = "reduce colors to one number a pixel, for example by maps.sum(1)"
_LARGEST, _SMALLEST = 1e30, 1e-30  # beyond which float32 loses squares and products
_ROUNDING = 1e-12  # of the largest value, by which a constant map in float64 may vary


def as_maps(given: Any, images: Tensor) -> Tensor:
    """A method's maps as float32 (N, H, W) on the images' device, apart from the method's memory.

    Taken are tensors of any device and real type, with or without a graph, NumPy arrays, and lists
    of maps or of numbers; (N, 1, H, W) and (N, H, W, 1); (H, W) where there is one image; and maps
    smaller than their images in the same proportions, which are enlarged bilinearly. What was done
    is added to :mod:`helpers.trials.remarks`.

    Parameters
    ----------
    given
        What the method gave.
    images
        The images (N, C, H, W) that it explained.

    Raises
    ------
    ValueError
        If there is no such reading, or more than one: another shape, colors, complex numbers, NaN
        or infinity, or differences that float32 cannot hold.
    """
    expected = (len(images), *images.shape[-2:])
    maps = _tensor(given, expected)
    if maps.is_complex():
        raise ValueError(
            "the method gave complex numbers; give their magnitude or their real part, whichever "
            "it means"
        )
    if maps.dtype == torch.bool:
        remarks.add("it gives true and false, taken as 1 and 0")
        maps = maps.float()
    maps = _shaped(maps, expected)
    maps = _in_float32(maps).to(images.device)
    if maps.shape[1:] != expected[1:]:
        remarks.add(
            f"its maps are {maps.shape[1]} x {maps.shape[2]}, enlarged bilinearly to "
            f"{expected[1]} x {expected[2]}"
        )
        maps = cams.upsample(maps, expected[1:])
    return maps.clone(memory_format=torch.contiguous_format)


def _tensor(given: Any, expected: tuple[int, ...]) -> Tensor:
    """What was given as a tensor of any shape and type, without its graph."""
    if isinstance(given, Tensor):
        return _dense(given)
    name = type(given).__name__
    if isinstance(given, np.ma.MaskedArray) and np.ma.getmaskarray(given).any():
        raise ValueError("the method gave a masked array with holes; fill them, maps.filled(value)")
    if isinstance(given, list | tuple):
        array = _stacked(given, expected)
    elif isinstance(given, np.ndarray):
        array = np.asarray(given)
    else:
        raise ValueError(f"the method gave {name}; expected a tensor {expected}")
    if array.dtype.kind not in "biufc":
        raise ValueError(f"the method gave {name} of {array.dtype}; expected numbers, {expected}")
    remarks.add(f"it gives {'a NumPy array' if isinstance(given, np.ndarray) else f'a {name}'}")
    wide = array.dtype.kind == "f" and array.dtype.itemsize > 8
    native = array.astype(np.float64 if wide else array.dtype.newbyteorder("="))
    if native.dtype.kind == "u":
        native = native.astype(np.float64)
    return torch.from_numpy(np.ascontiguousarray(native))


def _dense(given: Tensor) -> Tensor:
    if given.is_meta:
        raise ValueError("the method gave a tensor on the device meta, which holds no numbers")
    if given.is_quantized:
        given = given.dequantize()
    if given.layout is not torch.strided:
        remarks.add("it gives a sparse tensor, taken with zeros between")
        given = given.to_dense()
    return given.detach().resolve_conj().resolve_neg()


def _stacked(given: list | tuple, expected: tuple[int, ...]) -> np.ndarray:
    """A list of maps, one an image, or of rows of numbers, as one array."""
    words = f"the method gave a {type(given).__name__} of {len(given)}"
    try:
        parts = [
            _dense(part).cpu().numpy() if isinstance(part, Tensor) else np.asarray(part)
            for part in given
        ]
        array = np.stack(parts)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{words}; expected a tensor {expected}, or a map an image") from error
    if len(given) != expected[0] and array.ndim != 2:
        raise ValueError(f"{words}; expected a tensor {expected}, or a map an image")
    return array


def _shaped(maps: Tensor, expected: tuple[int, ...]) -> Tensor:
    """Maps (N, h, w) of any of the shapes that have one reading."""
    shape = tuple(maps.shape)
    if maps.ndim == 2 and expected[0] == 1:
        maps = maps[None]
    elif maps.ndim == 4 and shape[1] == 1 and shape[3] != 1:
        maps = maps[:, 0]
    elif maps.ndim == 4 and shape[3] == 1 and shape[1] != 1:
        maps = maps[..., 0]
    if maps.shape != shape:
        remarks.add(f"its maps come as ({_words(shape)}), taken as (N, H, W)")
    if maps.ndim == 3 and len(maps) == expected[0] and _fits(maps.shape[1:], expected[1:]):
        return maps
    how = "give a number a pixel"
    if maps.ndim == 4 and 3 in (shape[1], shape[3]):
        how = _REDUCE
    elif maps.ndim == 3 and len(maps) == expected[0]:
        how = "bring maps to the images' size; only smaller ones of the same proportions are taken"
    raise ValueError(f"the method gave {shape}; expected {expected}: {how}")


def _words(shape: tuple[int, ...]) -> str:
    return ", ".join(["N", *map(str, shape[1:])] if len(shape) > 2 else map(str, shape))


def _fits(shape: torch.Size, size: tuple[int, ...]) -> bool:
    """Whether maps are as large as their images, or smaller in the same proportions, rounded."""
    if tuple(shape) == size:
        return True
    (height, width), (high, wide) = shape, size
    smaller = 0 < height <= high and 0 < width <= wide
    return smaller and abs(height * wide / high - width) <= 0.5


def _in_float32(maps: Tensor) -> Tensor:
    """Maps (N, h, w) in float32, scaled where their numbers are beyond it."""
    _refuse_holes(maps)
    largest = float(maps.double().abs().max()) if maps.numel() else 0.0
    if largest and not _SMALLEST < largest < _LARGEST:
        remarks.add(f"its largest number is {largest:.0e}; all are divided by it")
        maps = maps.double() / largest
    single = maps.float()
    if maps.dtype in (torch.float64, torch.int64, torch.int32):
        varies = ~remarks.is_constant(maps, _ROUNDING)
        if (remarks.is_constant(single) & varies).any():
            raise ValueError(
                "the method gave numbers that differ too little for float32; take off what they "
                "have in common"
            )
    return single


def _refuse_holes(maps: Tensor) -> None:
    if not maps.isfinite().all():
        wrong = int((~maps.isfinite()).flatten(1).any(1).sum())
        raise ValueError(f"the method gave NaN or infinite values in {wrong} of {len(maps)} maps")
