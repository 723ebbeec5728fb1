"""Selections of superpixels: how far several agree.

A selection is a row of bits, one per superpixel: bool (N, S).
"""

import torch
from torch import Tensor

from helpers.measures import checks


def jaccard(bits: Tensor) -> float:
    r"""Mean of :math:`|a \cap b| / |a \cup b|` over all pairs of rows (N, S); empty pairs agree.

    NaN for fewer than two rows.

    Raises
    ------
    ValueError
        If they are no bits.
    """
    _check(bits)
    bits = bits.double()
    both, size = bits @ bits.T, bits.sum(1)
    either = size[:, None] + size - both
    pairs = torch.triu(torch.ones_like(both), diagonal=1).bool()
    return torch.where(either > 0, both / either.clamp(min=1), 1.0)[pairs].mean().item()


def shuffled(bits: Tensor, generator: torch.Generator, copies: int = 100) -> Tensor:
    """As many superpixels as in each row (N, S), at random, `copies` times: (copies N, S).

    Raises
    ------
    ValueError
        If they are no bits, or there is to be no copy.
    """
    _check(bits)
    if copies < 1:
        raise ValueError(f"copies is {copies}; expected 1 or more")
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


def _check(bits: Tensor) -> None:
    if bits.ndim != 2 or not bits.shape[1]:
        raise ValueError(f"bits are {tuple(bits.shape)}; expected (N, S), a row per selection")
    checks.masks(bits, "bits")
