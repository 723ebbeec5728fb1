"""What every method of a paper refuses at its border, and how it leaves a network as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def check_unit_range(images: Tensor) -> None:
    """Refuse images that are not finite floats in [0, 1]."""
    if not images.is_floating_point() or not images.isfinite().all():
        raise ValueError(f"images are {images.dtype}; expected finite floats in [0, 1]")
    if images.numel() and (images.min() < 0 or images.max() > 1):
        low, high = images.min().item(), images.max().item()
        raise ValueError(f"images run from {low:.3g} to {high:.3g}; expected [0, 1]: divide by 255")
