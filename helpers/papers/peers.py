"""Methods that the five papers compare with and no kept package has: FullGrad and RISE."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.papers import black_box, cams, checks


def full_gradients(model: nn.Module, images: Tensor, classes: Tensor) -> list[Tensor]:
    r"""The logit's full gradient: what the input and what every bias contributes, in logits.

    .. math::
        y_c = \nabla_x y_c^\top x + \sum_l \sum_{kij} \frac{\partial y_c}{\partial z^l_{kij}} b^l_k

    Srinivas & Fleuret 2019, Eq. 3, exact for networks of linear layers, ReLU and max-pooling. The
    terms are those of x, the input of the first convolution, and of the biases of convolutions and
    of BatchNorm (:math:`\beta - \gamma \mu / \sigma`); the biases of fully connected layers, which
    have no place in the image, are left out, as the authors do, and so are those of layers that do
    not see the image (of a position, say) and what other activations (ReLU6, SiLU) add beyond their
    slope.

    Returns
    -------
    list
        Terms (N, K, H_l, W_l), that of the input first.
    """
    checks.check_unit_range(images)
    checks.check_classes(classes, images)
    terms: list[tuple[Tensor, Tensor | None]] = []
    hooks = []

    def leaf(_module: nn.Module, inputs: tuple) -> tuple:
        if not terms:
            terms.append((inputs[0].detach().requires_grad_(), None))
            return (terms[0][0].clone(), *inputs[1:])
        return inputs

    def keep(bias: Tensor, output: Tensor) -> Tensor:
        if not output.requires_grad:  # it does not depend on the image
            return output
        terms.append((output, bias))
        return output.clone()  # what follows may work in place

    for module in model.modules():
        bias = _spatial_bias(module)
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_pre_hook(leaf))
        if bias is None:
            continue
        inner = next(module.children(), None)  # timm's BatchNorm holds its activation
        if inner is None:
            hooks.append(module.register_forward_hook(lambda _m, _i, out, b=bias: keep(b, out)))
        else:
            hooks.append(inner.register_forward_pre_hook(lambda _m, i, b=bias: (keep(b, i[0]),)))
    try:
        with checks.evaluating(model), torch.enable_grad():
            logits = model(images)
            checks.check_class_range(classes, logits)
            score = logits.gather(1, classes.to(logits.device)[:, None]).sum()
            gradients = torch.autograd.grad(score, [values for values, _ in terms])
    finally:
        for hook in hooks:
            hook.remove()
    return [
        (gradient * (values if bias is None else bias.view(1, -1, 1, 1))).detach()
        for gradient, (values, bias) in zip(gradients, terms, strict=True)
    ]


def full_grad(terms: list[Tensor], size: int | tuple[int, int]) -> Tensor:
    r"""FullGrad: :math:`\sum_l \sum_k \psi(\text{term}^l_k)` (Srinivas & Fleuret 2019, Eq. 6).

    psi takes magnitudes, stretches each term of an image to [0, 1] over all its channels, as the
    authors' code does, and upsamples bilinearly. terms are from :func:`full_gradients`; (N, H, W).
    """
    total = torch.zeros(())
    for term in terms:
        flat = term.abs().flatten(1)
        low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
        scaled = (flat - low) / torch.where(high > low, high - low, 1)
        total = total.to(term) + cams.upsample(scaled.view_as(term).sum(1), size)
    return total


def _spatial_bias(module: nn.Module) -> Tensor | None:
    """What a convolution or BatchNorm adds to each of its maps, (K,), if anything."""
    if isinstance(module, nn.Conv2d):
        return module.bias
    if isinstance(module, nn.BatchNorm2d) and module.track_running_stats:
        norm: Any = module  # torch's types do not know that the statistics are there
        shift = norm.running_mean / (norm.running_var + norm.eps).sqrt()
        return norm.bias - norm.weight * shift if norm.affine else -shift
    return None


def rise(
    score: black_box.Score,
    images: Tensor,
    *,
    masks: int,
    cells: int = 7,
    keep: float = 0.5,
    fill: Tensor | float = 0.0,
    batch_size: int = 32,
    generator: torch.Generator,
) -> Tensor:
    r"""RISE: the mean of random masks, each weighted by the class's score under it.

    .. math:: S = \frac{1}{p N} \sum_i f_c(X \odot M_i) M_i

    Petsiuk et al. 2018, Eq. 6. All images get the same masks of :func:`rise_masks`, and are scored
    under each of them once: `masks` evaluations an image.

    Parameters
    ----------
    score
        :math:`f_c`; see :mod:`helpers.papers.black_box`.
    images
        X, (B, C, H, W).
    masks
        N, how many masks.
    cells, keep
        The masks' grid, and the probability p of a bit.
    fill
        What stands where a mask is 0; broadcasts against the images.
    batch_size
        How many images to score at once; the map does not depend on it.

    Returns
    -------
    Tensor
        S, (B, H, W).

    Raises
    ------
    ValueError
        If there are no masks or cells, or `keep` is no probability above 0.
    """
    if masks < 1 or masks % 1:
        raise ValueError(f"RISE with {masks} masks; expected 1 or more")
    if cells < 1 or not 0 < keep <= 1:
        raise ValueError(f"RISE with {cells} cells and keep {keep}; expected 1 or more, and (0, 1]")
    checks.check_maps(images, "images")
    size = images.shape[-2], images.shape[-1]
    bits = black_box.uniform((masks, 1, cells, cells), generator, images) < keep
    shifts = black_box.uniform((masks, 2), generator, images)  # in cells
    total = images.new_zeros(len(images), *size)
    for some_bits, some_shifts in zip(
        bits.split(batch_size), shifts.split(batch_size), strict=True
    ):
        drawn = rise_masks(some_bits.to(images.dtype), some_shifts, size)
        every = drawn.expand(len(images), -1, -1, -1)
        scores = black_box.masked_scores(score, images, every, fill=fill, batch_size=batch_size)
        total += torch.einsum("bn,nhw->bhw", scores.to(drawn), drawn)
    return total / (keep * masks)


def rise_masks(bits: Tensor, shifts: Tensor, size: tuple[int, int]) -> Tensor:
    """RISE's masks: a grid of bits, enlarged bilinearly, and a window of it at a random place.

    Petsiuk et al. 2018, Sect. 3.2: one cell is ceil(H / h) x ceil(W / w) pixels, the grid grows to
    one cell more than the image, and the window starts up to a cell from its upper left corner.
    Departs from the authors' code in the outer half cell of the grown grid, which that mirrors
    and PyTorch's interpolation fills with the border's own value.

    Parameters
    ----------
    bits
        Floats 0 and 1, (N, 1, h, w).
    shifts
        Where the window starts, down and right, in cells: (N, 2) in [0, 1), rounded down to pixels.
    size
        Height H and width W of the masks.

    Returns
    -------
    Tensor
        (N, H, W) in [0, 1].
    """
    cell = math.ceil(size[0] / bits.shape[2]), math.ceil(size[1] / bits.shape[3])
    large = (bits.shape[2] + 1) * cell[0], (bits.shape[3] + 1) * cell[1]
    grown = F.interpolate(bits, large, mode="bilinear", align_corners=False)[:, 0]
    corner = (shifts * torch.tensor(cell).to(shifts)).long()
    rows = corner[:, :1] + torch.arange(size[0], device=bits.device)
    columns = corner[:, 1:] + torch.arange(size[1], device=bits.device)
    each = torch.arange(len(bits), device=bits.device)[:, None, None]
    return grown[each, rows[:, :, None], columns[:, None]]
