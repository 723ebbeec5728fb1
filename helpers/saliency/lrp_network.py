"""A copy of a network in which every operation that relevance passes through has a stated rule."""

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, fx, nn
from zennit import types

from helpers.papers import memory
from helpers.saliency import contract, lrp_rewriting, network_graph

TOLERANCE = 1e-3  # of the largest logit, up to which the copy must answer as the network


_KEPT: WeakKeyDictionary[nn.Module, tuple[tuple, lrp_rewriting.Prepared]] = WeakKeyDictionary()


def prepared(network: nn.Module, images: Tensor) -> lrp_rewriting.Prepared:
    """A network's copy for LRP of images (N, C, H, W), made once for each network and shape.

    Every call of a module has a module of its own, in the order in which they run. BatchNorm is
    merged into the layer before it where its one input is that layer and nothing else uses it;
    elsewhere it is a linear layer at its fixed statistics. Sums, products, gates, attention and
    normalizations follow the rules of :mod:`helpers.saliency.lrp_operations`.

    Raises
    ------
    helpers.saliency.contract.NotApplicable
        If the network cannot be traced, has an operation without a rule, or the copy's logits
        differ from the network's by more than :data:`TOLERANCE` of the largest.
    """
    state = _state(network, images)
    kept = _KEPT.get(network)
    if kept is None or kept[0] != state:
        made = _checked(network, images)
        _KEPT[network] = kept = state, made
    return kept[1]


@contextmanager
def counted(made: lrp_rewriting.Prepared, network: nn.Module) -> Iterator[fx.GraphModule]:
    """The copy with the network's own forward hooks, so that passes through it are counted."""
    copied: dict[str, list[nn.Module]] = {}
    for layer, names in made.layers.items():
        for name in names:
            copied.setdefault(name, []).append(made.network.get_submodule(layer))
    try:
        for name, module in network.named_modules():
            # one without a node of its own counts with the whole
            for copy_of_it in copied.get(name, [made.network]):
                copy_of_it._forward_hooks.update(module._forward_hooks)
        yield made.network
    finally:
        for module in made.network.modules():
            module._forward_hooks.clear()


def _state(network: nn.Module, images: Tensor) -> tuple:
    """What changes when a network is changed, or asked for images of another shape or type."""
    tensors = [*network.parameters(), *network.buffers()]
    told = tuple((id(t), t._version, t.data_ptr()) for t in tensors)
    return told, repr(network), tuple(images.shape), images.dtype, images.device


def _checked(network: nn.Module, images: Tensor) -> lrp_rewriting.Prepared:
    name = type(network).__name__
    try:
        graph = network_graph.trace(network, images)
    except Exception as error:  # whatever its code does with a value that is not there yet
        if memory.is_out_of_memory(error):  # which says nothing of the network
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise contract.NotApplicable(
            f"{name} cannot be traced, so relevance does not know its operations: {reason}"
        ) from error
    made = lrp_rewriting.Rewriting(network, graph).prepared()
    if not any(isinstance(module, types.Linear) for module in made.network.modules()):
        raise contract.NotApplicable(
            f"{name} has no layer with weights, to which LRP has its rules"
        )
    with network_graph.without_hooks(network), torch.enable_grad():
        expected = network(images.detach().clone().requires_grad_())
    if not expected.requires_grad:
        raise contract.NotApplicable(
            "the network has no gradient for the image, so that LRP has nothing to go back through"
        )
    with torch.no_grad():
        found = made.network(images)
    expected = expected.detach()
    largest = float(expected.abs().max())
    apart = float((found - expected).abs().max())
    if found.shape != expected.shape or not apart <= TOLERANCE * largest:
        raise contract.NotApplicable(
            f"relevance's copy of {name} does not answer as the network does: its logits differ "
            f"by {apart:.3g}, of at most {largest:.3g}"
        )
    return made
