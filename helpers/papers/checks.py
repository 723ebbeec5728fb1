"""What every method refuses at its border, and how it leaves a network as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode while the block runs; then each module has its own mode again."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def check_finite(values: Tensor, name: str) -> None:
    """Refuse a tensor of any shape that holds NaN, infinite or complex values, by its name.

    Raises
    ------
    ValueError
        If there is one such value.
    """
    if values.is_complex():
        raise ValueError(f"{name} are {values.dtype}; expected real, finite numbers")
    if not values.isfinite().all():
        raise ValueError(f"{name} hold NaN or infinite values; expected finite numbers")


def check_maps(values: Tensor, name: str) -> None:
    """Refuse feature maps that are not finite floats (N, K, H, W), by their name in a sentence.

    Raises
    ------
    ValueError
        If the shape or type is another, or a value is NaN or infinite.
    """
    if values.ndim != 4 or not values.numel() or not values.is_floating_point():
        raise ValueError(
            f"{name} are {values.dtype} {tuple(values.shape)}; expected floats (N, K, H, W), none "
            "of them 0"
        )
    check_finite(values, name)


def check_pair(activations: Tensor, gradients: Tensor) -> None:
    """Refuse activations and gradients that are not finite maps (N, K, H, W) of one shape and type.

    Raises
    ------
    ValueError
        Which of these it is.
    """
    check_maps(activations, "activations")
    check_maps(gradients, "gradients")
    if activations.shape != gradients.shape or activations.dtype != gradients.dtype:
        raise ValueError(
            f"activations are {activations.dtype} {tuple(activations.shape)} and gradients "
            f"{gradients.dtype} {tuple(gradients.shape)}; expected the same shape and type"
        )


def check_unit_range(images: Tensor) -> None:
    """Refuse images of any shape that are not finite floats in [0, 1].

    Raises
    ------
    ValueError
        If they are integers, hold NaN or infinite values, or leave the range.
    """
    if not images.is_floating_point():
        raise ValueError(f"images are {images.dtype}; expected floats in [0, 1]: divide by 255")
    check_finite(images, "images")
    if images.numel() and (images.min() < 0 or images.max() > 1):
        low, high = images.min().item(), images.max().item()
        raise ValueError(f"images run from {low:.3g} to {high:.3g}; expected [0, 1]: divide by 255")


def check_classes(classes: Tensor, images: Tensor) -> None:
    """Refuse classes that are not one whole number of 0 or more an image: (N,) for (N, C, H, W).

    Raises
    ------
    ValueError
        If images are not four-dimensional, or the classes do not fit them.
    """
    if images.ndim != 4 or not len(images):
        raise ValueError(f"images are {tuple(images.shape)}; expected (N, C, H, W), N of 1 or more")
    if not isinstance(classes, Tensor):
        raise ValueError(f"classes are {type(classes).__name__}; expected a tensor, one an image")
    if classes.shape != images.shape[:1] or classes.dtype not in WHOLE:
        raise ValueError(
            f"classes are {classes.dtype} {tuple(classes.shape)}; expected one whole number an "
            f"image, ({len(images)},)"
        )


def check_class_range(classes: Tensor, logits: Tensor) -> None:
    """Refuse classes (N,) that logits (M, K) do not have, or logits that are not finite.

    Raises
    ------
    ValueError
        If a class is not in 0 to K - 1, or a logit is NaN or infinite.
    """
    low, high = int(classes.min()), int(classes.max())
    if low < 0 or high >= logits.shape[1]:
        raise ValueError(
            f"classes run from {low} to {high}; expected 0 to {logits.shape[1] - 1}, the network's "
            "logits"
        )
    check_finite(logits, "the network's logits")
