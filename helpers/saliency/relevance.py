"""LRP under the one signature, and the copy of a network that it needs."""

import copy
import operator
import warnings
from functools import partial

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import EpsilonGammaBox
from zennit.layer import Sum

from helpers.inputs import classifiers
from helpers.papers import cams, lrp
from helpers.saliency import contract

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="IProgress")  # they look for notebook widgets
    from timm.layers import BatchNormAct2d


def lrp_map(rule: lrp.Rule, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Relevance by a rule of :mod:`helpers.lrp`, summed over colours, at the size of the images.

    It is that of the network's own input: behind the resizing and the normalisation of a
    :class:`helpers.inputs.classifiers.Preprocessed`, which have no relevance to give.
    """
    body, inputs = _own_input(model, images)
    found = lrp.relevance(with_layers_for_lrp(body), inputs, classes, rule).sum(1)
    return cams.upsample(found, images.shape[-2:])


def composite_map(kind: type, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Relevance by one of Zennit's composites, with BatchNorm merged; as :func:`relevance`."""
    made = partial(kind, canonizers=[SequentialMergeBatchNorm()])
    if kind is EpsilonGammaBox:
        ends = torch.zeros_like(images), torch.ones_like(images)
        low, high = (_own_input(model, end)[1] for end in ends)
        made = partial(made, low=low, high=high)
    return lrp_map(lrp.Rule(kind.__name__, made, True), model, images, classes)


def with_layers_for_lrp(network: nn.Module) -> nn.Module:
    """A copy of a network in which all that relevance must know of is a layer.

    timm's BatchNorm with an activation inside becomes the two; a sum of two branches, which would
    otherwise hand all relevance to both, becomes Zennit's :class:`zennit.layer.Sum`, and layers
    stand in the order in which they run, as merging BatchNorm needs them to.

    Raises
    ------
    helpers.saliency.contract.NotApplicable
        If the network's code cannot be traced, because it branches on its input.
    """
    network = copy.deepcopy(network).eval()
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, BatchNormAct2d):
                setattr(parent, name, _split(child))
    try:
        graph = _Leaves().trace(network)
    except Exception as error:  # whatever its code does with a value that is not there yet
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise contract.NotApplicable(
            f"{type(network).__name__} cannot be traced, so relevance does not know its sums: "
            f"{reason}"
        ) from error
    sums = [n for n in graph.nodes if n.op == "call_function" and n.target in _SUMS]
    for count, node in enumerate(node for node in sums if _both_nodes(node)):
        network.add_module(f"sum_{count}", Sum(-1))
        with graph.inserting_before(node):
            stacked = graph.call_function(torch.stack, (node.args[:2], -1))
            total = graph.call_module(f"sum_{count}", (stacked,))
        node.replace_all_uses_with(total)
        graph.erase_node(node)
    return fx.GraphModule(network, graph)


_SUMS = {torch.add, operator.add, operator.iadd}


class _Leaves(fx.Tracer):
    """Looks into modules that hold others, and takes the rest as they are."""

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        return not list(module.children())


def _both_nodes(node: fx.Node) -> bool:
    return len(node.args) >= 2 and all(isinstance(part, fx.Node) for part in node.args[:2])


def _split(both: BatchNormAct2d) -> nn.Sequential:
    plain = nn.BatchNorm2d(both.num_features, eps=both.eps).to(both.weight)
    plain.load_state_dict(
        {key: value for key, value in both.state_dict().items() if key in plain.state_dict()}
    )
    activation = copy.deepcopy(both.act)
    if hasattr(activation, "inplace"):
        activation.inplace = False
    return nn.Sequential(plain, activation).eval()


def _own_input(model: nn.Module, images: Tensor) -> tuple[nn.Module, Tensor]:
    """The network behind its resizing and normalisation, and what they make of the images."""
    if not isinstance(model, classifiers.Preprocessed):
        return model, images
    size = (model.size, model.size)
    if images.shape[-2:] != size:
        images = F.interpolate(images, size, mode="bilinear")
    return model.body, (images - model.mean) / model.std
