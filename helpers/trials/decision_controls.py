"""Does a map change with the decision, or with the image? Controls for Dieter & Zisgen's overlaps.

Between an original x with its class c and an adversarial x' with its class c' two things change at
once: the image and the class that is explained. Here they change one at a time; and x is changed
without a turn of the decision, as much as the attack changes it, or until the change reaches as far
into the network as the attack does: the same Euclidean distance at the input of its last layer.
"""

from functools import partial

import torch
from torch import Tensor, nn

from helpers.inputs import conversion
from helpers.measures import contours, followed, matching, pairing
from helpers.papers import checks, lrp
from helpers.trials.decision_pairs import Group, maps_of, oriented_maps, predict

ATTACKED = "attacked: image and class"
NOISE, DIRECTED = "noise", "decision strengthened"
CHANGES = [f"{name}, same {what}" for name in (NOISE, DIRECTED) for what in ("size", "reach")]
PAIRS = [
    ATTACKED, "class alone, original", "class alone, adversarial",
    "image alone, first class", "image alone, target", *CHANGES,
    "other target", "other image, same class", "other image, other class",
]  # fmt: skip


def last_features(network: nn.Module, images: Tensor) -> Tensor:
    """The input of the network's last linear layer, (N, D), for images (N, C, H, W) in [0, 1]."""
    layer = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    kept: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0]))
    try:
        with torch.no_grad(), checks.evaluating(network):
            device = next(network.parameters()).device
            for batch in images.split(500):
                network(batch.to(device).contiguous(memory_format=torch.channels_last))
    finally:
        handle.remove()
    return torch.cat(kept).flatten(1)


def margin_slope(network: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    r"""Slope (N, C, H, W) of the lead :math:`z_c - \log\sum_{k \ne c} e^{z_k}` of classes (N,).

    Unlike that of the probability it does not vanish where the network is sure.
    """
    device, slopes = next(network.parameters()).device, []
    with torch.enable_grad(), checks.evaluating(network):
        for batch, chosen in zip(images.split(256), classes.split(256), strict=True):
            inputs = batch.to(device).requires_grad_()
            logits, own = network(inputs), chosen.to(device)[:, None]
            others = logits.scatter(1, own, -torch.inf).logsumexp(1)
            lead = (logits.gather(1, own)[:, 0] - others).sum()
            slopes.append(torch.autograd.grad(lead, inputs)[0].cpu())
    return torch.cat(slopes) if slopes else torch.zeros_like(images)


def shuffled(change: Tensor, generator: torch.Generator) -> Tensor:
    """A change (N, D) in shuffled places: as large, but aimed at nothing."""
    order = torch.rand(change.shape, generator=generator).argsort(1)
    return change.gather(1, order)


def directed(change: Tensor, slope: Tensor) -> Tensor:
    """The magnitudes of a change (N, D), the largest where |slope| is, with the slope's sign.

    As large as the change, and aimed to raise what the slope (N, D) belongs to.
    """
    magnitudes = change.abs().sort(dim=1, descending=True).values
    order = slope.abs().argsort(dim=1, descending=True, stable=True)
    return torch.zeros_like(change).scatter(1, order, magnitudes) * slope.sign()


def choose(group: Group, seed: int) -> tuple[Tensor, Tensor]:
    """One random adversarial of each original that has one, (P,), and all others."""
    generator = torch.Generator().manual_seed(seed)
    return pairing.one_of_each(group.adversarials.source, generator)


def change_images(network: nn.Module, group: Group, seed: int) -> dict[str, Tensor]:
    """The originals changed in the four ways of :data:`CHANGES`; once, for all rules.

    Returns
    -------
    dict
        ``images`` (4, P, C, H, W) in [0, 1] for the P chosen adversarials; ``stays`` (4, P),
        whether the decision does; ``reach`` (5, P), how far the attack and the four changes reach;
        ``scales`` (4, P), NaN where no scale reaches as far (the image is then the attack-sized).
    """
    chosen, _ = choose(group, seed)
    generator = torch.Generator().manual_seed(seed + 1)
    (images, labels), (changed, source, _), _ = group
    own, attacked = conversion.to_unit(images[source[chosen]]), conversion.to_unit(changed[chosen])
    clean, classes = last_features(network, own), labels[source[chosen]]
    change = (attacked - own).flatten(1)
    slope = margin_slope(network, own, classes).flatten(1)

    def moved(direction: Tensor, scale: Tensor) -> Tensor:
        return (own + (scale[:, None] * direction).view_as(own)).clamp(0, 1)

    def reach(pictures: Tensor) -> Tensor:
        return (last_features(network, pictures) - clean).norm(dim=1).cpu()

    def reach_at(direction: Tensor, scale: Tensor) -> Tensor:
        return reach(moved(direction, scale))

    wanted, pictures, scales = reach(attacked), [], []
    for direction in (shuffled(change, generator), directed(change, slope)):
        same = torch.ones(len(own))
        farther = matching.scale_for(partial(reach_at, direction), wanted)
        scales += [same, farther]
        pictures += [moved(direction, same), moved(direction, farther.nan_to_num(1.0))]
    stacked = torch.stack(pictures)
    return {
        "images": stacked,
        "stays": torch.stack([predict(network, part) == classes for part in stacked]),
        "reach": torch.stack([wanted, *(reach(part) for part in stacked)]),
        "scales": torch.stack(scales),
    }


def compare(
    network: nn.Module, group: Group, changes: dict[str, Tensor], rule: lrp.Rule, seed: int
) -> dict[str, Tensor]:
    """Overlaps of the kinds of pairs in :data:`PAIRS`: (originals, kinds, 5), NaN where none.

    Changes without a turn count where the decision stays and, if they are to reach as far as the
    attack, do so. A map is turned round where the logit that it explains is negative. `changes` are
    from :func:`change_images` with the same seed.
    """
    chosen, others = choose(group, seed)
    (images, labels), (changed, source, target), _ = group
    own, first, second = source[chosen], labels[source[chosen]], target[chosen]
    clean, attacked = conversion.to_unit(images), conversion.to_unit(changed[chosen])

    def maps(pictures: Tensor, classes: Tensor) -> Tensor:
        return oriented_maps(network, pictures, classes, rule)

    originals, both = maps(clean, labels), maps(attacked, second)
    class_alone, image_alone = maps(clean[own], second), maps(attacked, first)
    start = originals[own]
    pairs = {
        ATTACKED: (own, start, both),
        "class alone, original": (own, start, class_alone),
        "class alone, adversarial": (own, image_alone, both),
        "image alone, first class": (own, start, image_alone),
        "image alone, target": (own, class_alone, both),
    }
    counts = changes["stays"] & changes["scales"].isfinite()
    for name, pictures, usable in zip(CHANGES, changes["images"], counts, strict=True):
        pairs[name] = (own[usable], start[usable], maps(pictures[usable], first[usable]))
    once, _ = pairing.one_of_each(source[others], torch.Generator().manual_seed(seed))
    mate = others[once]
    pairs["other target"] = (
        source[mate],
        both[torch.searchsorted(own, source[mate])],
        maps(conversion.to_unit(changed[mate]), target[mate]),
    )
    for name, same in (("other image, same class", True), ("other image, other class", False)):
        partner = pairing.partners(labels, same)
        usable = partner != torch.arange(len(labels))
        pairs[name] = (usable.nonzero()[:, 0], originals[usable], originals[partner][usable])
    result = torch.full((len(labels), len(PAIRS), len(followed.FOLLOWED)), torch.nan)
    for number, name in enumerate(PAIRS):
        index, before, after = pairs[name]
        result[index, number] = followed.overlaps(before, after)
    return {"overlaps": result}


def edges(network: nn.Module, group: Group, rule: lrp.Rule) -> dict[str, Tensor]:
    """Originals' relevance by pixel beside their own edges and another image's: (n, 2, 2).

    The last axis: Spearman correlation, and share of the top tenth of the pixels in common.
    """
    images, labels = conversion.to_unit(group.originals.pixels), group.originals.labels
    maps = contours.pixel_magnitude(maps_of(network, images, labels, rule).cpu())
    drawn = contours.pixel_edges(images)
    partner = pairing.partners(labels, False)
    both = [contours.agreement(maps, lines) for lines in (drawn, drawn[partner])]
    return {"agreement": torch.stack(both, dim=1)}


ROUNDING = ["rounding alone", "attack without rounding", "attack, as saved"]


def rounding(network: nn.Module, group: Group, rule: lrp.Rule, seed: int) -> dict[str, Tensor]:
    """What saving with 8 bits changes: overlaps (P, 3, 5) of an original with :data:`ROUNDING`.

    Components that differ by one level of 255 are taken for rounding, all others for the attack.
    ``levels`` (P, 3): share of components that are one level darker, unchanged, one level brighter.
    """
    chosen, _ = choose(group, seed)
    (images, labels), (changed, source, target), _ = group
    own = images[source[chosen]].int()
    change = changed[chosen].int() - own
    small = change.abs() <= 1
    steps = torch.stack([own + change * small, own + change * ~small, own + change])
    clean = maps_of(network, conversion.to_unit(images), labels, rule).cpu()[source[chosen]]
    classes = [labels[source[chosen]], target[chosen], target[chosen]]
    overlaps = [
        followed.overlaps(
            clean, maps_of(network, conversion.to_unit(part.byte()), wanted, rule).cpu()
        )
        for part, wanted in zip(steps, classes, strict=True)
    ]
    flat = change.flatten(1)
    levels = torch.stack([(flat == step).float().mean(1) for step in (-1, 0, 1)], dim=1)
    return {"overlaps": torch.stack(overlaps, dim=1), "levels": levels}
