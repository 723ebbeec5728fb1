"""Parts of a layer's output and their shares, and Zennit's hooks that hand relevance back.

With a the layer's input, z its output and b its shift, the functions here give the pairs
(:math:`z_k`, :math:`s_k`) of :mod:`helpers.papers.lrp`. Parts stay in autograd's graph, because the
relevance of the input is their gradient; shares are constants and leave it.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from zennit.core import Hook, stabilize
from zennit.rules import ClampMod

STABILIZER = 1e-7  # the e of LRP-0 and of LRP-alpha-beta in the authors' code


PartsAndShares = list[tuple[Tensor, Tensor]]
Parts = Callable[[nn.Module, Tensor, Tensor], PartsAndShares]  # of (layer, its input, its output)


def whole_output(layer: nn.Module, a: Tensor, z: Tensor, *, e: float) -> PartsAndShares:
    """LRP-epsilon's one part: z itself, with the share 1 / (z + e sgn z), (N, K, ...) each."""
    return [(z, 1 / stabilize(z.detach(), e))]


def weights_by_sign(
    layer: nn.Module, a: Tensor, z: Tensor, *, alpha: float, beta: float
) -> PartsAndShares:
    """LRP-alpha-beta's two parts: the outputs of the positive and of the negative parameters.

    Their shares are alpha / (z+ + e) and beta / (z- - e), (N, K, ...) each, e of
    :data:`STABILIZER`; a part whose factor is 0 is left out.
    """
    parts = []
    for weight, clamp, e in (
        (alpha, ClampMod(min=0.0), STABILIZER),
        (beta, ClampMod(max=0.0), -STABILIZER),
    ):
        if weight:
            with clamp(layer):
                part = layer.forward(a)
            parts.append((part, weight / (part.detach() + e)))
    return parts


def _scale_and_shift(layer: nn.Module, e: float, ndim: int) -> tuple[Tensor, Tensor]:
    """Gamma / sqrt(var + e) and beta - mean * that, each shaped to multiply (N, C, ...)."""
    norm: Any = layer  # torch's types do not know a BatchNorm's statistics
    scale = norm.weight / (norm.running_var + e).sqrt()
    shift = norm.bias - norm.running_mean * scale
    shape = (1, -1) + (1,) * (ndim - 2)
    return scale.detach().view(shape), shift.detach().view(shape)


def batchnorm_epsilon(layer: nn.Module, a: Tensor, z: Tensor, *, e: float) -> PartsAndShares:
    """BatchNorm's part x = a w of the output, with the share 1 / (x + b + e), (N, C, ...) each.

    The sign of e is not matched to the denominator's, and e replaces BatchNorm's own, as in the
    authors' code.
    """
    scale, shift = _scale_and_shift(layer, e, a.ndim)
    x = a * scale
    return [(x, 1 / (x.detach() + (shift + e)))]


def batchnorm_alpha_beta(
    layer: nn.Module, a: Tensor, z: Tensor, *, alpha: float, beta: float
) -> PartsAndShares:
    """BatchNorm's x = a w split by sign; shares alpha / (x+ + b+ + e) and beta / (x- + b- - e).

    Parts and shares are (N, C, ...); the negative one is left out where beta is 0.
    """
    scale, shift = _scale_and_shift(layer, cast(float, layer.eps), a.ndim)
    x = a * scale
    positive = x.clamp(min=0)
    parts = [(positive, alpha / (positive.detach() + (shift.clamp(min=0) + STABILIZER)))]
    if beta:
        negative = x.clamp(max=0)
        parts.append((negative, beta / (negative.detach() + (shift.clamp(max=0) - STABILIZER))))
    return parts


def pool_alpha_beta(
    layer: nn.Module, a: Tensor, z: Tensor, *, alpha: float, beta: float
) -> PartsAndShares:
    """Max-pooling's part z, with both shares of LRP-alpha-beta added up, (N, C, ...) each.

    After a ReLU no z is negative, so the negative branch divides by -e, as in the authors' code.
    """
    maximum = z.detach()
    share = alpha / (maximum.clamp(min=0) + STABILIZER)
    if beta:
        share = share + beta / (maximum.clamp(max=0) - STABILIZER)
    return [(z, share)]


class _InputTimesGradient(torch.autograd.Function):
    """The identity; on the way back, R = a * (what arrives)."""

    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a.view_as(a)

    @staticmethod
    def backward(ctx, arriving):
        (a,) = ctx.saved_tensors
        return arriving * a


class _WeightedParts(torch.autograd.Function):
    """The layer's output; on the way back, part k gets share k of the relevance."""

    @staticmethod
    def forward(ctx, output, count, *parts_and_shares):
        ctx.save_for_backward(*parts_and_shares[count:])
        return output.detach().clone()

    @staticmethod
    def backward(ctx, relevance):
        shares = ctx.saved_tensors
        return None, None, *(relevance * share for share in shares), *([None] * len(shares))


class Redistribute(Hook):
    """A Zennit hook that hands a layer's relevance back to its input, by the parts of its output.

    Unlike Zennit's BasicHook it reuses the layer's own forward pass where the rule allows, which
    halves the cost of the epsilon rule.
    """

    def __init__(self, parts: Parts):
        super().__init__()
        self.parts = parts

    def copy(self):
        """Return a fresh hook of the same rule, for another layer."""
        return type(self)(self.parts)

    def pre_forward(self, module, input):
        """Let the relevance that arrives at the layer's input be multiplied by that input."""
        return (_InputTimesGradient.apply(input[0]), *input[1:])

    def post_forward(self, module, input, output):
        """Split the relevance of the layer's output among its parts."""
        parts = self.parts(module, input[0], output)
        return _WeightedParts.apply(
            output, len(parts), *(part for part, _ in parts), *(share for _, share in parts)
        )


class _PassRelevance(torch.autograd.Function):
    """The activation's output; on the way back, the relevance as it is."""

    @staticmethod
    def forward(ctx, a, output):
        return output.detach().clone()

    @staticmethod
    def backward(ctx, relevance):
        return relevance, None


class PassThrough(Hook):
    """Hand relevance through an elementwise activation unchanged."""

    def pre_forward(self, module, input):
        """Keep the input, which an in-place activation would overwrite."""
        return (input[0].clone(), *input[1:]) if getattr(module, "inplace", False) else None

    def post_forward(self, module, input, output):
        """Skip the activation's derivative."""
        return _PassRelevance.apply(input[0], output)
