"""A causal test: components of an adversarial are taken back, in the order of a map.

The k components that an order puts first get the original's values again. An order that explains
the adversarial decision takes it back with few of them. Two orders know the change itself, as no
map does: its size, and its size times the slope, which is the decision's linear approximation.
"""

import torch
from torch import Tensor, nn

from helpers.inputs import conversion
from helpers.measures import rankings
from helpers.papers import checks, lrp
from helpers.trials.decision_controls import choose
from helpers.trials.decision_pairs import Group, maps_of, predict

COUNTS = (31, 100, 307, 1000)  # components taken back; 1 % and 10 % of 3,072 among them
BY_MAP = ["relevance", "original's relevance", "change of relevance"]
WITHOUT_MAP = ["random", "slope", "size of the change", "slope times change"]


def take_back(attacked: Tensor, own: Tensor, order: Tensor, count: int) -> Tensor:
    """Attacked images (N, ...) whose first `count` components of an order are the original's.

    `own` are the originals (N, ...); `order` (N, D) holds indices of flattened components.
    """
    first = order[:, :count]
    flat = attacked.flatten(1).scatter(1, first, own.flatten(1).gather(1, first))
    return flat.view_as(attacked)


def taken_back(
    network: nn.Module, attacked: Tensor, own: Tensor, classes: Tensor, orders: list[Tensor]
) -> Tensor:
    """Whether the first class (N,) is predicted again: float (N, orders, counts), 0 or 1."""
    columns = [
        [
            (predict(network, take_back(attacked, own, order, count)) == classes).float()
            for count in COUNTS
        ]
        for order in orders
    ]
    return torch.stack([torch.stack(row, dim=1) for row in columns], dim=1)


def by_map(network: nn.Module, group: Group, rule: lrp.Rule, seed: int) -> dict[str, Tensor]:
    """Decisions taken back in the orders of :data:`BY_MAP`: ``back`` (n, 3, 4), NaN where none.

    The orders are descending: R(x', c'), R(x, c), and |R(x', c') - R(x, c)|, each map divided by
    its largest magnitude. An original without an adversarial, or with relevance that is not finite,
    has NaN.
    """
    chosen, _ = choose(group, seed)
    (images, labels), (changed, source, target), _ = group
    own, first = source[chosen], labels[source[chosen]]
    clean, attacked = conversion.to_unit(images[own]), conversion.to_unit(changed[chosen])
    before = maps_of(network, clean, first, rule).cpu()
    after = maps_of(network, attacked, target[chosen], rule).cpu()
    orders = [rankings.ranking(m.nan_to_num()) for m in (after, before, (after - before).abs())]
    back = taken_back(network, attacked, clean, first, orders)
    finite = (after - before).flatten(1).isfinite().all(1)
    back[~finite] = torch.nan
    result = torch.full((len(images), *back.shape[1:]), torch.nan)
    result[own] = back
    return {"back": result}


def without_map(network: nn.Module, group: Group, seed: int) -> dict[str, Tensor]:
    """Decisions taken back in the orders of :data:`WITHOUT_MAP`: ``back`` (n, 4, 4).

    The slope is that of z_c' - z_c at the adversarial, by magnitude; "slope times change" is that
    slope, signed, times (x' - x): what the change adds to the target's lead, to first order.
    """
    chosen, _ = choose(group, seed)
    (images, labels), (changed, source, target), _ = group
    own, first = source[chosen], labels[source[chosen]]
    clean, attacked = conversion.to_unit(images[own]), conversion.to_unit(changed[chosen])
    change, slope = attacked - clean, lead_slope(network, attacked, target[chosen], first)
    draws = torch.rand(change.shape, generator=torch.Generator().manual_seed(seed + 2))
    orders = [rankings.ranking(m) for m in (draws, slope.abs(), change.abs(), slope * change)]
    result = torch.full((len(images), len(WITHOUT_MAP), len(COUNTS)), torch.nan)
    result[own] = taken_back(network, attacked, clean, first, orders)
    return {"back": result}


def lead_slope(network: nn.Module, images: Tensor, target: Tensor, first: Tensor) -> Tensor:
    """Slope (N, C, H, W) of one logit's lead over another, classes (N,) each, on the CPU."""
    device, slopes = next(network.parameters()).device, []
    with torch.enable_grad(), checks.evaluating(network):
        parts = zip(images.split(256), target.split(256), first.split(256), strict=True)
        for batch, ours, theirs in parts:
            inputs = batch.to(device).requires_grad_()
            logits = network(inputs)
            pair = [logits.gather(1, c.to(device)[:, None]).sum() for c in (ours, theirs)]
            slopes.append(torch.autograd.grad(pair[0] - pair[1], inputs)[0].cpu())
    return torch.cat(slopes)
