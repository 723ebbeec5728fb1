"""The test of randomized weights: a map should change when the network forgets."""

import copy

import torch
from torch import nn


def randomized(network: nn.Module, share: float, *, seed: int) -> nn.Module:
    """A copy of a network whose upper layers have forgotten what they learned.

    Every tensor of the last `share` of the layers that have weights (at least one) has its entries
    shuffled, which keeps their scale. Adebayo et al. 2018 draw them anew, which after BatchNorm's
    kept statistics leaves many networks without finite answers.

    Raises
    ------
    ValueError
        If share is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; expected more than 0, and at most 1")
    changed = copy.deepcopy(network)
    layers = [m for m in changed.modules() if any(True for _ in m.parameters(recurse=False))]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in layers[-max(round(share * len(layers)), 1) :]:
            for tensor in [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]:
                if tensor.is_floating_point():
                    order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
                    tensor.copy_(tensor.flatten()[order].view_as(tensor))
    return changed
