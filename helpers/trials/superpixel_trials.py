"""What a network makes of superpixels: selections rated, and their insertion and deletion."""

import torch
from torch import Tensor, nn

from helpers.inputs import classifiers, conversion
from helpers.measures import insertion_deletion, rankings, selections
from helpers.papers import black_box, elime
from helpers.saliency import black_boxes

FILLS = {"grey": black_boxes.GREY, "black": 0.0, "mean": None}  # None: a superpixel's own mean


def hidden_behind(fill: str, image: Tensor, segments: Tensor) -> float | Tensor:
    """What stands in place of a hidden superpixel of an image (3, H, W): a number, or an image."""
    number = FILLS[fill]
    return elime.segment_means(image[None], segments[None]) if number is None else number


def rate(
    network: nn.Module, image: Tensor, segments: Tensor, label: int, bits: Tensor, *,
    fill: str, batch_size: int, most: int = 256,
) -> Tensor:  # fmt: skip
    """The class's probability under each of the selections (N, S), float64 (N,), on the CPU.

    Parameters
    ----------
    image, segments
        (3, H, W) in [0, 1], and labels (H, W), both on the network's device.
    bits
        The selections, bool.
    fill
        One of :data:`FILLS`.
    batch_size, most
        Images that the network gets at once, and selections whose masks are held at once.
    """
    score = classifiers.class_score(network, torch.tensor([label]), probability=True)
    behind = hidden_behind(fill, image, segments)
    parts = []
    for part in bits.to(image.device).split(most):
        masks = elime.superpixel_masks(part[None], segments[None])
        shown = black_box.masked_scores(
            score, image[None], masks, fill=behind, batch_size=batch_size
        )
        parts.append(shown[0])
    return torch.cat(parts).double().cpu()


def orders(bits: Tensor, weights: Tensor, copies: int, seed: int) -> Tensor:
    """Orders of superpixels, float64 (2 + 2 R, S): see :func:`by_map` for what is averaged.

    They are a selection (S,), weights (S,), `copies` random selections of the selection's size, and
    as many random orders.
    """
    generator = torch.Generator().manual_seed(seed)
    sets = selections.shuffled(bits[None].cpu(), generator, copies=copies)
    free = torch.rand(copies, len(bits), generator=generator, dtype=torch.float64)
    return torch.cat([bits[None].cpu().double(), weights[None].double(), sets.double(), free])


def by_map(values: Tensor, copies: int) -> Tensor:
    """Rows of :func:`orders` (2 + 2 R, ...): those at random become their means, (4, ...)."""
    at_random = [part.mean(0, keepdim=True) for part in values[2:].split(copies)]
    return torch.cat([values[:2], *at_random])


def curves(
    network: nn.Module, pixels: Tensor, label: int, segments: Tensor, ranked: Tensor, *,
    steps: int, sizes: int, fill: str, batch_size: int, seed: int,
) -> dict[str, Tensor]:  # fmt: skip
    """Insertion and deletion of orders of superpixels, and the probability by how many are shown.

    Parameters
    ----------
    pixels, segments
        uint8 (3, H, W), and labels (H, W).
    ranked
        A number a superpixel, the larger the sooner it changes, float64 (M, S). Pixels of equal
        numbers change in a random order.
    steps, sizes
        At how many shares of the pixels the curves are taken, and at how many sizes.

    Returns
    -------
    dict
        insertion and deletion (M, steps + 1), by size (M, sizes), shares of superpixels (sizes,).
    """
    device = next(network.parameters()).device
    image, segments = conversion.to_unit(pixels).to(device), segments.to(device)
    generator, count = torch.Generator().manual_seed(seed), ranked.shape[1]
    maps = rankings.break_ties(ranked[:, segments.cpu()], generator).to(device)
    score = classifiers.class_score(network, torch.full((len(maps),), label), probability=True)
    same = image.expand(len(maps), -1, -1, -1)
    ranks = ranked.argsort(dim=1, descending=True).argsort(dim=1)  # of each superpixel
    cuts = torch.linspace(1, count, sizes).round().long()
    largest = (ranks[:, None] < cuts[:, None]).flatten(0, 1)  # (M x sizes, S)
    rated = rate(network, image, segments, label, largest, fill=fill, batch_size=batch_size)
    return {
        "insertion": insertion_deletion.insertion_curve(
            score, same, maps, steps=steps, fill=black_boxes.GREY, batch_size=batch_size
        ),
        "deletion": insertion_deletion.deletion_curve(
            score, same, maps, steps=steps, fill=black_boxes.GREY, batch_size=batch_size
        ),
        "by size": rated.view(-1, sizes),
        "shares": cuts / count,
    }
