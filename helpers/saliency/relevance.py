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
    warnings.filterwarnings("ignore", message="IProgress")  # tqdm looks for notebook widgets
    from timm.layers import BatchNormAct2d


def lrp_map(rule: lrp.Rule, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Relevance by a rule of :mod:`helpers.papers.lrp`, summed over colors, at the images' size.

    It is that of the network's own input: behind the resizing and the normalization of a
    :class:`helpers.inputs.classifiers.Preprocessed`, which have no relevance of their own. Images
    (N, 3, H, W) and classes (N,) to (N, H, W), of both signs, in logits.
    """
    body, inputs = _own_input(model, images)
    summed = lrp.relevance(with_layers_for_lrp(body), inputs, classes, rule).sum(1)
    return cams.upsample(summed, images.shape[-2:])


def composite_map(kind: type, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Relevance by one of Zennit's composites, with BatchNorm merged; otherwise :func:`lrp_map`.

    Images (N, 3, H, W) and classes (N,) to (N, H, W).
    """
    composite = partial(kind, canonizers=[SequentialMergeBatchNorm()])
    if kind is EpsilonGammaBox:  # its rule of the first layer needs the input's bounds
        low, high = (
            _own_input(model, bound)[1]
            for bound in (torch.zeros_like(images), torch.ones_like(images))
        )
        composite = partial(composite, low=low, high=high)
    return lrp_map(lrp.Rule(kind.__name__, composite, True), model, images, classes)


def with_layers_for_lrp(network: nn.Module) -> nn.Module:
    """A copy of a network in which every operation that LRP has a rule for is a module.

    timm's BatchNorm with an activation inside becomes two modules; a sum of two branches, which
    would otherwise hand all relevance to both, becomes Zennit's :class:`zennit.layer.Sum`; and
    modules stand in the order in which they run, as merging BatchNorm needs them to.

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
    """Traces into modules that hold others; those without children stay modules."""

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
    """The network without its resizing and normalization, and the images after these two."""
    if not isinstance(model, classifiers.Preprocessed):
        return model, images
    size = (model.size, model.size)
    if images.shape[-2:] != size:
        images = F.interpolate(images, size, mode="bilinear")
    return model.body, (images - model.mean) / model.std
