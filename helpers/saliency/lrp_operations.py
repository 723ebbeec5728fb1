r"""How relevance passes through operations that are no layers: functions, sums, products, gates.

Every module here computes what the network's own operation computes, and on the way back hands on
relevance instead of the gradient. With a the input, z the output:

* *passed on*: :math:`R_a = R_z`, where z is a function of a alone in each place (activations,
  products with constants, and normalizations: AttnLRP, Achtibat et al. 2024);
* *in proportion*: :math:`R_a = a \odot (\partial z / \partial a)^T \frac{R_z}{z + e\,sgn(z)}`,
  with e = 1e-6, where z is linear in a (means, attention at fixed weights);
* *half each*: of a product of two branches each gets half of what "in proportion" would give it.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from zennit.core import stabilize
from zennit.layer import Sum

STABILIZER = 1e-6  # as Zennit's for its rule of sums


def summed_to(relevance: Tensor, shape: torch.Size) -> Tensor:
    """Relevance (N, ...) of a broadcast value, added up over the places that it was repeated at."""
    return relevance.sum_to_size(shape) if relevance.shape != shape else relevance


class _PassedOn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, function):
        ctx.shape = a.shape
        return function(a.detach())

    @staticmethod
    def backward(ctx, relevance):
        return summed_to(relevance, ctx.shape), None


class _InProportion(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, function):
        ctx.save_for_backward(a)
        ctx.function = function
        return function(a.detach())

    @staticmethod
    def backward(ctx, relevance):
        (a,) = ctx.saved_tensors
        with torch.enable_grad():
            a = a.detach().requires_grad_()
            z = ctx.function(a)
            (share,) = torch.autograd.grad(z, a, relevance / stabilize(z.detach(), STABILIZER))
        return a.detach() * share, None


class _HalfEach(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b, function):
        ctx.save_for_backward(a, b)
        ctx.function = function
        return function(a.detach(), b.detach())

    @staticmethod
    def backward(ctx, relevance):
        a, b = (part.detach().requires_grad_() for part in ctx.saved_tensors)
        with torch.enable_grad():
            z = ctx.function(a, b)
            shares = torch.autograd.grad(
                z, (a, b), relevance / stabilize(z.detach(), STABILIZER) / 2
            )
        return a.detach() * shares[0], b.detach() * shares[1], None


class Operation(nn.Module):
    """A function of which one argument carries relevance, and by which rule it gets it."""

    def __init__(self, function: Callable, position: int, rule: type[torch.autograd.Function]):
        super().__init__()
        self.held = (function,)  # no part of this one, whose rules Zennit would then apply to it
        self.position, self.rule = position, rule

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """The function's own output; all other arguments count as constants."""
        at, others = self.position, [_constant(arg) for arg in args]
        named = {key: _constant(value) for key, value in kwargs.items()}
        return self.rule.apply(
            args[at], lambda a: self.held[0](*others[:at], a, *others[at + 1 :], **named)
        )


class PassedOn(Operation):
    """Relevance goes whole to the argument at a position."""

    def __init__(self, function: Callable, position: int = 0):
        super().__init__(function, position, _PassedOn)


class InProportion(Operation):
    """Relevance goes to the argument at a position, in which the function is linear."""

    def __init__(self, function: Callable, position: int = 0):
        super().__init__(function, position, _InProportion)


class HalfEach(nn.Module):
    """A product of two branches: each gets half of the relevance."""

    def __init__(self, function: Callable):
        super().__init__()
        self.function = function

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The product."""
        return _HalfEach.apply(a, b, self.function)


class Total(nn.Module):
    """The sum of two terms, in proportion to which they get relevance; constants absorb theirs.

    A term with fewer elements is repeated, and gets what its copies get. `sign` is that of the
    second term, times its factor.
    """

    def __init__(self, sign: float = 1):
        super().__init__()
        self.sign, self.sum = sign, Sum(-1)

    def forward(self, a: Any, b: Any) -> Tensor:
        """The sum of a and sign times b, tensors or numbers."""
        one = a if isinstance(a, Tensor) else b
        a, b = (
            part if isinstance(part, Tensor) else torch.as_tensor(part).to(one) for part in (a, b)
        )
        if self.sign != 1:
            b = _PassedOn.apply(b, lambda value: self.sign * value)
        terms = torch.broadcast_tensors(a, b)
        kind = torch.promote_types(a.dtype, b.dtype)
        return self.sum(torch.stack([term.to(kind) for term in terms], -1))


class Plus:
    """The function (a, b) -> a + sign b."""

    def __init__(self, sign: float):
        self.sign = sign

    def __call__(self, a: Any, b: Any) -> Tensor:
        """The sum of a and sign times b."""
        return a + self.sign * b


class Attention(nn.Module):
    """torch's multi-head attention, linear in its values at the attention weights that it has."""

    def __init__(self, attention: nn.MultiheadAttention):
        super().__init__()
        self.held = (attention,)  # see Operation

    def forward(self, query: Tensor, key: Tensor, value: Tensor, **options: Any) -> tuple:
        """What the attention gives, and no weights."""
        own, options = self.held[0], options | {"need_weights": False}
        query, key = query.detach(), key.detach()
        with torch.no_grad():  # (N, heads, T, S)
            _, weights = own(
                query, key, value.detach(),
                **options | {"need_weights": True, "average_attn_weights": False},
            )  # fmt: skip
        return _InProportion.apply(value, lambda v: self._mixed(v, weights)), None

    def _mixed(self, value: Tensor, weights: Tensor) -> Tensor:
        own, heads = self.held[0], weights.shape[1]
        value = value if own.batch_first else value.transpose(0, 1)  # (N, S, E)
        size = own.embed_dim
        bias = None if own.in_proj_bias is None else own.in_proj_bias[2 * size :]
        projected = F.linear(value, own.in_proj_weight[2 * size :], bias)
        parts = projected.unflatten(2, (heads, size // heads)).transpose(1, 2)  # (N, heads, S, E')
        mixed = own.out_proj((weights @ parts).transpose(1, 2).flatten(2))
        return mixed if own.batch_first else mixed.transpose(0, 1)


def fixed_scale(scale: Tensor, shift: Tensor, shape: tuple[int, ...]) -> nn.Module:
    """A layer x -> scale x + shift, (C,) each, for inputs (N, C, ...), as LRP's rules need it.

    It is a convolution of one pixel in which no channels mix, or a diagonal linear layer.
    """
    channels, dims = len(scale), len(shape) - 2
    if dims == 0:
        layer = nn.Linear(channels, channels)
        weight = torch.diag(scale)
    else:
        kinds = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
        layer = kinds[dims](channels, channels, 1, groups=channels)
        weight = scale.view(-1, *[1] * (dims + 1))
    layer.weight, layer.bias = nn.Parameter(weight.clone()), nn.Parameter(shift.clone())
    return layer


def merged(layer: nn.Module, scale: Tensor, shift: Tensor) -> None:
    """Multiply a layer's output channels by a scale and add a shift, (C,) each."""
    own: Any = layer
    axis = (
        1 if isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d) else 0
    )
    view = [1] * own.weight.ndim
    view[axis] = -1
    bias = torch.zeros_like(shift) if own.bias is None else own.bias.detach()
    own.weight = nn.Parameter(own.weight.detach() * scale.view(view))
    own.bias = nn.Parameter(bias * scale + shift)


def _constant(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, tuple | list):
        return type(value)(_constant(part) for part in value)
    return value
