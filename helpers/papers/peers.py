"""Methods that the five papers compare with and no kept package has: FullGrad and RISE."""

import math

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
    have no place in the image, are left out, as the authors do, and so is what other activations
    (ReLU6, SiLU) add beyond their slope.

    Returns
    -------
    list
        Terms (N, K, H_l, W_l), that of the input first.
    """
    checks.check_unit_range(images)
    terms: list[tuple[Tensor, Tensor | None]] = []
    hooks = []

    def leaf(_module: nn.Module, inputs: tuple) -> tuple:
        if not terms:
            terms.append((inputs[0].detach().requires_grad_(), None))
            return (terms[0][0].clone(), *inputs[1:])
        return inputs

    def keep(bias: Tensor, output: Tensor) -> Tensor:
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
        shift = module.running_mean / (module.running_var + module.eps).sqrt()
        return module.bias - module.weight * shift if module.affine else -shift
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
    r"""RISE, the searches' peer at random: the mean of random masks, weighed by the score.

    .. math:: S = \frac{1}{p N} \sum_i f_c(X \odot M_i) M_i

    (Petsiuk et al. 2018, Eq. 6.) A mask is a grid of `cells` x `cells` bits that are 1 with
    probability p = `keep`, one cell larger than the image, upsampled bilinearly and cut at random.
    All images get the same masks. (B, C, H, W) to (B, H, W).
    """
    height, width = images.shape[-2:]
    step = math.ceil(height / cells), math.ceil(width / cells)
    large = (cells + 1) * step[0], (cells + 1) * step[1]
    total = images.new_zeros(len(images), height, width)
    for count in [batch_size] * (masks // batch_size) + [masks % batch_size]:
        like = images[:1]
        bits = (black_box.uniform((count, 1, cells, cells), generator, like) < keep).to(
            images.dtype
        )
        grown = F.interpolate(bits, large, mode="bilinear", align_corners=False)[:, 0]
        corner = (
            black_box.uniform((count, 2), generator, like) * torch.tensor(step).to(like)
        ).long()
        rows = corner[:, :1] + torch.arange(height, device=like.device)
        columns = corner[:, 1:] + torch.arange(width, device=like.device)
        drawn = grown[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None]]
        some = drawn.expand(len(images), -1, -1, -1)
        rated = black_box.masked_scores(score, images, some, fill=fill, batch_size=batch_size)
        total += torch.einsum("bn,nhw->bhw", rated.to(drawn), drawn)
    return total / (keep * masks)
