r"""Layer-wise relevance propagation as Dieter & Zisgen ran it, on Zennit's hooks.

Every rule here has one shape. With a the input of a layer, z_k parts of its output and s_k the
share that part k hands on, the relevance of the input is

.. math:: R_{in} = a \odot \sum_k \Bigl(\frac{\partial z_k}{\partial a}\Bigr)^T (s_k \odot R_{out})

so a rule is the list of its (z_k, s_k) for each kind of layer: data, not control flow.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from zennit import types
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import LayerMapComposite, layer_map_base
from zennit.core import Composite, Hook
from zennit.rules import AlphaBeta, Epsilon

from helpers.papers import checks, lrp_layers


class Rule(NamedTuple):
    """A decomposition rule: its name, and the Zennit composite that applies it to a network."""

    name: str
    composite: Callable[[], Composite]
    negative_inputs: bool  # whether the rule is defined where a layer's input is negative


def zero(*, batchnorm: str = "layer") -> Rule:
    """LRP-0 (Table 1, first row): the epsilon rule with e = 1e-7, as in the authors' code."""
    return epsilon(lrp_layers.STABILIZER, batchnorm=batchnorm)._replace(name="LRP-0")


def epsilon(e: float, *, batchnorm: str = "layer") -> Rule:
    r"""LRP-epsilon (Table 1, second row), the same for every layer.

    .. math:: R_i = \sum_j \frac{a_i w_{ij}}{z_j + e\,\mathrm{sgn}(z_j)} R_j, \quad sgn(0) = 1

    The bias belongs to z and so absorbs relevance. Max-pooling hands R z / (z + e sgn z) to the
    winner.

    Parameters
    ----------
    e
        The epsilon of the rule, above 0.
    batchnorm
        "layer": BatchNorm is a layer of its own, as the authors ran it: with
        w = gamma / sqrt(var + e) and x = a w, R_in = x R / (x + beta - mean w + e). Here e is the
        rule's, it replaces BatchNorm's own 1e-3, and its sign is not matched to the denominator's.
        "merged": BatchNorm is folded into the convolution before it, Zennit's way (0.5.1 leaves
        its eps behind, so activations shrink by 0.05 %), and max-pooling hands all relevance to
        the winner.

    Raises
    ------
    ValueError
        If e is not above 0, or batchnorm is neither "layer" nor "merged".
    """
    if not e > 0:
        raise ValueError(f"epsilon is {e}; expected a number above 0; for LRP-0 use lrp.zero()")
    if _is_merged(batchnorm):
        return Rule(f"LRP-ε {e:g}, merged", partial(_merged, Epsilon(e)), True)
    hooks = [
        (types.BatchNorm, partial(lrp_layers.batchnorm_epsilon, e=e)),
        (types.MaxPool, partial(lrp_layers.whole_output, e=e)),
        (types.Linear, partial(lrp_layers.whole_output, e=e)),
    ]
    return Rule(f"LRP-ε {e:g}", partial(_layered, hooks), True)


def alpha_beta(alpha: float, *, batchnorm: str = "layer") -> Rule:
    r"""LRP-alpha-beta with beta = 1 - alpha (Table 1, third row), the same for every layer.

    .. math:: R_i = \sum_j \Bigl(\alpha \frac{a_i w^+_{ij}}{z^+_j + e}
              + \beta \frac{a_i w^-_{ij}}{z^-_j - e}\Bigr) R_j, \quad e = 10^{-7}

    The weights and biases are split by sign, not the products, so inputs must not be negative.

    Parameters
    ----------
    alpha
        At least 1. Zennit's beta has the other sign: ours of alpha = 2 is its AlphaBeta(2, 1).
    batchnorm
        "layer": BatchNorm is a layer whose x = a w is split by sign, R_in = alpha x+ R /
        (x+ + b+ + e) + beta x- R / (x- + b- - e), with w = gamma / sqrt(var + 1e-3) and
        b = beta - mean w. The authors' published code does not split it; with the split, and not
        without, their tables come out. Max-pooling follows their code: the negative branch divides
        by min(z, 0) - e = -e, so that at alpha = 2 the winner gets a (2 / (z + e) + 1e7) R.
        "merged": Zennit's AlphaBeta after folding BatchNorm into the convolution before it.

    Raises
    ------
    ValueError
        If alpha is below 1, or batchnorm is neither "layer" nor "merged".
    """
    if not alpha >= 1:
        raise ValueError(f"alpha is {alpha}; expected 1 or more, since beta = 1 - alpha is <= 0")
    beta = 1 - alpha
    if _is_merged(batchnorm):
        hook = AlphaBeta(alpha, -beta, stabilizer=lrp_layers.STABILIZER)
        return Rule(f"LRP-αβ {alpha:g}, merged", partial(_merged, hook), True)
    hooks = [
        (types.BatchNorm, partial(lrp_layers.batchnorm_alpha_beta, alpha=alpha, beta=beta)),
        (types.MaxPool, partial(lrp_layers.pool_alpha_beta, alpha=alpha, beta=beta)),
        (types.Linear, partial(lrp_layers.weights_by_sign, alpha=alpha, beta=beta)),
    ]
    return Rule(f"LRP-αβ {alpha:g}", partial(_layered, hooks), False)


def relevance(network: nn.Module, inputs: Tensor, classes: Tensor, rule: Rule) -> Tensor:
    """Relevance of each input component for the logit of the given class.

    Starts from the signed logit of each class (Sect. 3.3), not from 1 and not from the
    probability, and is not rescaled: dividing by the largest magnitude is :func:`max_normalized`.

    Parameters
    ----------
    network
        Ends in logits, without softmax; runs in evaluation mode and is left as it was.
    inputs
        What the network takes, (N, C, H, W).
    classes
        The class to explain in each input, int64 (N,).
    rule
        From :func:`zero`, :func:`epsilon` or :func:`alpha_beta`.

    Returns
    -------
    Tensor
        (N, C, H, W), in logits. May hold non-finite values where a BatchNorm's unsigned
        denominator vanishes; the caller counts and leaves them out.

    Raises
    ------
    TypeError
        If the rule is no :class:`Rule`.
    ValueError
        If the network lacks the layers that the rule needs, a class does not exist, the inputs are
        not finite (N, C, H, W), or they are negative where the rule forbids it.
    """
    _check(network, inputs, classes, rule)
    with checks.evaluating(network), rule.composite().context(network), torch.enable_grad():
        inputs = inputs.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
        logits = network(inputs)  # (N, classes)
        checks.check_class_range(classes, logits)
        chosen = torch.zeros_like(logits).scatter_(1, classes.to(logits.device)[:, None], 1)
        (result,) = torch.autograd.grad(logits, inputs, logits.detach() * chosen)
    return result.contiguous()


def max_normalized(relevance: Tensor) -> Tensor:
    """Divide each image's relevance (N, ...) by its largest magnitude (Sect. 3.3); 0 stays 0."""
    largest = relevance.flatten(1).abs().amax(1).clamp(min=torch.finfo(relevance.dtype).tiny)
    return relevance / largest.view(-1, *[1] * (relevance.ndim - 1))


def _layered(hooks: Sequence[tuple[tuple, lrp_layers.Parts]]) -> Composite:
    return LayerMapComposite(
        [(kind, lrp_layers.Redistribute(parts)) for kind, parts in hooks]
        + [(types.Activation, lrp_layers.PassThrough())]
        + layer_map_base()
    )


def _merged(hook: Hook) -> Composite:
    return LayerMapComposite(
        [*layer_map_base(), (types.Linear, hook)], canonizers=[SequentialMergeBatchNorm()]
    )


def _is_merged(batchnorm: str) -> bool:
    if batchnorm not in ("layer", "merged"):
        raise ValueError(f"batchnorm is {batchnorm!r}; expected 'layer' or 'merged'")
    return batchnorm == "merged"


def _check(network: nn.Module, inputs: Tensor, classes: Tensor, rule: Rule) -> None:
    if not isinstance(rule, Rule):
        raise TypeError(
            f"rule is {rule!r}; expected lrp.zero(), lrp.epsilon(e) or lrp.alpha_beta(alpha)"
        )
    if not any(isinstance(module, types.Linear) for module in network.modules()):
        raise ValueError(
            f"{rule.name} needs convolutional or linear layers as modules; "
            f"{type(network).__name__} has none"
        )
    checks.check_classes(classes, inputs)
    checks.check_finite(inputs, "inputs")
    if not rule.negative_inputs and inputs.min() < 0:
        raise ValueError(
            f"{rule.name} splits weights by sign, so inputs must be 0 or more; got "
            f"{inputs.min().item():.3g}. Give images in [0, 1], or use batchnorm='merged'"
        )
