"""Selections of superpixels: how far several agree, and how much of a region they cover.

A selection is a row of bits, one a superpixel: bool (N, S). Segments are the superpixels' numbers,
int64 (H, W).
"""

import torch
from torch import Tensor


def jaccard(bits: Tensor) -> float:
    r"""Mean of :math:`|a \cap b| / |a \cup b|` over all pairs of rows (N, S); empty pairs agree.

    NaN for fewer than two rows.
    """
    bits = bits.double()
    both, size = bits @ bits.T, bits.sum(1)
    either = size[:, None] + size - both
    pairs = torch.triu(torch.ones_like(both), diagonal=1).bool()
    return torch.where(either > 0, both / either.clamp(min=1), 1.0)[pairs].mean().item()


def shuffled(bits: Tensor, generator: torch.Generator, copies: int = 100) -> Tensor:
    """As many superpixels as in each row (N, S), at random, `copies` times: (copies N, S)."""
    rows = bits.repeat(copies, 1)
    order = torch.rand(rows.shape, generator=generator).argsort(1)
    return rows.gather(1, order)


def agreement(bits: Tensor, generator: torch.Generator) -> dict[str, float]:
    """How far the rows (N, S) agree, how far as many at random would, and on what they agree.

    Undecided superpixels are selected in more than a quarter and less than three quarters of rows.
    """
    often = bits.double().mean(0)
    return {
        "Jaccard": jaccard(bits),
        "by chance": jaccard(shuffled(bits, generator)[: max(len(bits), 30)]),
        "in every run": int((often == 1).sum()),
        "in no run": int((often == 0).sum()),
        "undecided": int(((often > 0.25) & (often < 0.75)).sum()),
        "S": bits.shape[1],
    }


def on_region(bits: Tensor, segments: Tensor, region: Tensor) -> tuple[float, float]:
    """Mean share of the selected pixels that lie in a region, bool (H, W), and mean IoU with it.

    A row of bits (N, S) that selects nothing counts as 0.
    """
    selected = bits[:, segments]  # (N, H, W)
    both = (selected & region).sum((1, 2)).double()
    either = (selected | region).sum((1, 2))
    share = both / selected.sum((1, 2)).clamp(min=1)
    return share.mean().item(), (both / either.clamp(min=1)).mean().item()
