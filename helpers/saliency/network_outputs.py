"""Take the logits out of what a network gives, and give it the channels that it takes."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class TakesOutput(nn.Module):
    """A network of whose answer, a dictionary, tuple or map of one cell, the logits are taken."""

    def __init__(self, network: nn.Module, key: str | int | None):
        super().__init__()
        self.network, self.key = network, key

    def forward(self, images: Tensor) -> Tensor:
        """The logits (N, classes) of images (N, 3, H, W)."""
        given = self.network(images)
        logits = given if self.key is None else _part(given, self.key)
        return logits.flatten(1)


class TakesGray(nn.Module):
    """A network of one channel, which gets the mean of the colors."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """What the network makes of the gray images, for images (N, 3, H, W)."""
        return self.network(images.mean(1, keepdim=True))


def giving_logits(
    network: nn.Module, given: Any, images: Tensor, name: str, notes: list[str]
) -> tuple[nn.Module, Tensor]:
    """A network that gives one tensor (N, K), and its answer, from what it gave for images.

    Raises
    ------
    ValueError
        If there are no logits in what it gave.
    """
    key = None if isinstance(given, Tensor) else _key(given, len(images), name)
    logits = given if key is None else _part(given, key)
    cells = logits.ndim == 4 and logits.shape[2:] == (1, 1)
    if key is not None:
        what = f"the entry {key!r}" if isinstance(key, str) else "the first tensor"
        notes.append(f"{name} gives {type(given).__name__}; {what} is taken for the logits.")
    if cells:
        notes.append(f"{name} gives maps of one cell, {tuple(logits.shape)}; they are the logits.")
    if key is not None or cells:
        network = TakesOutput(network, key).eval()
        with torch.no_grad():
            logits = network(images) if cells or logits.ndim == 2 else logits
    expected = f"expected logits ({len(images)}, classes)"
    if logits.ndim == 4:
        raise ValueError(
            f"{name} gives maps {tuple(logits.shape)}; {expected}: average them over the places"
        )
    if logits.ndim != 2 or len(logits) != len(images):
        one = " (one number an image)" if logits.shape == images.shape[:1] else ""
        raise ValueError(f"{name} gives {tuple(logits.shape)}{one}; {expected}, two or more")
    return network, logits


def _key(given: Any, count: int, name: str) -> str | int:
    """Where in an answer the logits are."""
    if isinstance(given, Mapping) or hasattr(given, "logits"):
        named = dict(given) if isinstance(given, Mapping) else {"logits": given.logits}
        fitting = [
            key
            for key, value in named.items()
            if isinstance(value, Tensor) and value.ndim == 2 and len(value) == count
        ]
        for key in ("logits", "out", "output", "pred", *(fitting if len(fitting) == 1 else ())):
            if isinstance(named.get(key), Tensor):
                return key
        raise ValueError(
            f"{name} gives {type(given).__name__} with {', '.join(map(str, named))}; expected "
            "logits (N, classes), as one tensor or under the name 'logits'"
        )
    if isinstance(given, tuple | list) and given and isinstance(given[0], Tensor):
        return 0
    raise ValueError(f"{name} gives {type(given).__name__}; expected logits (N, classes)")


def _part(given: Any, key: str | int) -> Tensor:
    if isinstance(key, str) and not isinstance(given, Mapping):
        return getattr(given, key)
    return given[key]
