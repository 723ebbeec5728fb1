"""A map in a few numbers, so that maps can be compared as distributions."""

import torch
from torch import Tensor

SUMMARIES = ("quantile 0.01", "quantile 0.99", "mean", "deviation", "irrelevant share")
IRRELEVANT = 1e-3  # Dieter & Zisgen, Sect. 3.4: |R| below this is irrelevant for the decision


def summaries(maps: Tensor) -> Tensor:
    """The :data:`SUMMARIES` of each map (N, ...): (N, 5), NaN where a map is not finite."""
    flat = maps.flatten(1)
    usable = flat.isfinite().all(1)
    result = flat.new_full((len(flat), len(SUMMARIES)), torch.nan)
    if usable.any():
        values = flat[usable]
        levels = torch.tensor([0.01, 0.99], dtype=values.dtype, device=values.device)
        low, high = torch.quantile(values, levels, dim=1)
        share = (values.abs() < IRRELEVANT).to(values.dtype).mean(1)
        columns = [low, high, values.mean(1), values.std(1, correction=0), share]
        result[usable] = torch.stack(columns, dim=1)
    return result
