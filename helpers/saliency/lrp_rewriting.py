"""Give each operation of a traced network the module that hands relevance on by its rule."""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from helpers.saliency import contract, lrp_kinds, lrp_operations, network_graph
from helpers.saliency.lrp_kinds import Kind


class Prepared(NamedTuple):
    """A network's copy for LRP."""

    network: fx.GraphModule
    layers: dict[str, tuple[str, ...]]  # by module of the copy, the network's modules that it is
    absorbs: bool  # whether biases or other constants absorb relevance


class Rewriting:
    """One pass over a graph, which gives each node the module that has its rule."""

    def __init__(self, network: nn.Module, graph: fx.Graph):
        self.source, self.graph = network, graph
        self.made = nn.Module()
        self.layers: dict[str, tuple[str, ...]] = {}
        self.absorbs = False
        self.kinds = {node: lrp_kinds.kind_of(node, network) for node in graph.nodes}
        self.on_path = self._carrying()
        self.replaced: dict[fx.Node, fx.Node] = {}  # a merged BatchNorm by the layer before it
        self.before_layers: set[fx.Node] = set()  # the image, moved, scaled and shifted

    def prepared(self) -> Prepared:
        with torch.no_grad():
            for node in list(self.graph.nodes):
                if node.op not in ("placeholder", "output", "get_attr"):
                    self._rewrite(node)
                elif node.op == "placeholder":
                    self.before_layers.add(node)
                elif node.op == "get_attr":
                    self._constant(node)
        for node in reversed(list(self.graph.nodes)):
            if not node.users and node.op not in ("placeholder", "output"):
                self.graph.erase_node(node)
        network = fx.GraphModule(self.made, self.graph).eval().requires_grad_(False)
        kept = dict(network.named_modules())
        layers = {layer: names for layer, names in self.layers.items() if layer in kept}
        return Prepared(network, layers, self.absorbs)

    def _carrying(self) -> set[fx.Node]:
        """Nodes through which relevance passes on its way from the logits to the image."""
        (output,) = [node for node in self.graph.nodes if node.op == "output"]
        if not isinstance(output.args[0], fx.Node):
            self._refuse("gives several outputs")
        found, open_nodes = set(), [output]
        while open_nodes:
            node = open_nodes.pop()
            if node in found:
                continue
            found.add(node)
            if not self.kinds[node].name:
                self._refuse(f"holds {self._told(node)}, for which there is no rule here")
            open_nodes += self.kinds[node].carriers
        return found

    def _refuse(self, reason: str) -> None:
        raise contract.NotApplicable(f"LRP does not apply: {type(self.source).__name__} {reason}")

    def _told(self, node: fx.Node) -> str:
        if node.op == "call_module":
            return f"{node.target} ({type(self.source.get_submodule(node.target)).__name__})"
        return f"the operation {lrp_kinds.name_of(node)}"

    def _rewrite(self, node: fx.Node) -> None:
        kind = self._kind(node)
        shifts = kind.name in ("move", "pass", "sum", "linear") and kind.carriers
        early = all(part in self.before_layers for part in kind.carriers)
        if shifts and early and not self._bends(node):
            self.before_layers.add(node)
        if node.op == "call_module":
            self._rewrite_module(node, kind)
        elif node in self.on_path:
            self._rewrite_function(node, kind)

    def _kind(self, node: fx.Node) -> Kind:
        kind = self.kinds[node]
        carriers = tuple(self.replaced.get(part, part) for part in kind.carriers)
        return kind._replace(carriers=carriers)

    def _bends(self, node: fx.Node) -> bool:
        """Whether a node does more to the image than move, resize, scale and shift it."""
        if node.op == "call_module":
            return self.kinds[node].name not in ("move", "linear")
        if self.kinds[node].name == "linear":
            return lrp_kinds.name_of(node) in lrp_kinds.MATRIX_PRODUCTS
        scales = lrp_kinds.PRODUCTS | lrp_kinds.QUOTIENTS | {"neg"}
        return self.kinds[node].name == "pass" and lrp_kinds.name_of(node) not in scales

    def _rewrite_module(self, node: fx.Node, kind: Kind) -> None:
        module = copy.deepcopy(self.source.get_submodule(node.target))
        module._forward_hooks.clear()
        if hasattr(module, "inplace"):
            module.inplace = False
        self._named_to_places(node, kind)
        if node not in self.on_path:
            self._put(node, module)
        elif kind.name == "batch_norm":
            self._batch_norm(node, module)
        elif kind.name == "attention":
            self._put(node, lrp_operations.Attention(module))
            self.absorbs |= module.in_proj_bias is not None
        elif kind.name in ("pass", "linear"):
            self._put(node, self._ruled(kind, module, 0))
        else:
            self._put(node, _plain(module))
            self.absorbs |= getattr(module, "bias", None) is not None

    def _put(self, node: fx.Node, module: nn.Module) -> None:
        """Let a node call a module of its own, numbered in the order in which they run."""
        name = f"layer_{len(self.layers)}"
        self.layers[name] = (node.target,) if node.op == "call_module" else ()
        self.made.add_module(name, module)
        node.op, node.target = "call_module", name

    def _constant(self, node: fx.Node) -> None:
        value = network_graph.attribute(self.source, str(node.target))
        name = f"constant_{len(self.made._buffers)}"
        self.made.register_buffer(name, value.detach() if isinstance(value, Tensor) else value)
        node.target = name

    def _value(self, argument: Any) -> Any:
        """What a constant argument is."""
        if isinstance(argument, fx.Node):
            return network_graph.attribute(self.made, str(argument.target))
        return argument

    def _rewrite_function(self, node: fx.Node, kind: Kind) -> None:
        if kind.name == "move":
            if node.target == "view":  # the copy's values may lie otherwise in memory
                node.target = "reshape"
        elif kind.name == "batch_norm":
            self._batch_norm(node, None)
        elif kind.name in ("convolution", "dense"):
            self._layer(node, kind)
        elif kind.name == "sum":
            self._sum(node)
        elif kind.name == "halves":
            self._halves(node, kind)
        elif kind.name == "attention function":
            names = ("query", "key", "value")
            named = dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
            node.args = (*(named.pop(name) for name in names), *node.args[3:])
            node.kwargs = {key: value for key, value in node.kwargs.items() if key in named}
            self._put(node, lrp_operations.InProportion(node.target, 2))
        else:
            self._operation(node, kind)

    def _operation(self, node: fx.Node, kind: Kind) -> None:
        self._named_to_places(node, kind)
        position = node.args.index(kind.carriers[0])
        node.kwargs = {k: False if k == "inplace" else v for k, v in node.kwargs.items()}
        self._put(node, self._ruled(kind, _function(node), position))

    def _named_to_places(self, node: fx.Node, kind: Kind) -> None:
        """An argument that carries relevance and is given by its name becomes the first."""
        named = [key for key, value in node.kwargs.items() if value in kind.carriers]
        if named and not node.args:
            node.args = (node.kwargs[named[0]],)
            node.kwargs = {k: v for k, v in node.kwargs.items() if k != named[0]}

    def _ruled(self, kind: Kind, function: Callable, position: int) -> nn.Module:
        if kind.name == "pass":
            return lrp_operations.PassedOn(function, position)
        return lrp_operations.InProportion(function, position)

    def _sum(self, node: fx.Node) -> None:
        name = lrp_kinds.name_of(node)
        one, other = node.args[:2] if len(node.args) > 1 else (*node.args, node.kwargs["other"])
        if name == "rsub":
            one, other = other, one
        sign = lrp_kinds.SUMS[name] * node.kwargs.get("alpha", 1)
        carriers = self._kind(node).carriers
        constant = len(carriers) == 1
        nothing = any(isinstance(part, int | float) and part == 0 for part in (one, other))
        node.args, node.kwargs = (one, other), {}
        if constant and (nothing or node in self.before_layers):
            first = one is carriers[0]
            plus = lrp_operations.Plus(sign)
            self._put(node, lrp_operations.PassedOn(plus, 0 if first else 1))
            return
        self.absorbs |= constant
        self._put(node, lrp_operations.Total(sign))

    def _halves(self, node: fx.Node, kind: Kind) -> None:
        function = _function(node)
        if lrp_kinds.name_of(node) == "einsum":
            equation = node.args[0]
            node.args = tuple(kind.carriers)
            self._put(node, lrp_operations.HalfEach(lambda a, b: torch.einsum(equation, a, b)))
        else:
            node.args, node.kwargs = tuple(kind.carriers), {}
            self._put(node, lrp_operations.HalfEach(function))

    def _layer(self, node: fx.Node, kind: Kind) -> None:
        """A convolution or dense layer by function, with constant weights, as a module."""
        names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
        given = dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
        weight, bias = self._value(given["weight"]), self._value(given.get("bias"))
        options = {k: given[k] for k in names[3:] if k in given}
        node.args, node.kwargs = (given["input"],), {}
        if kind.name == "dense":
            layer: nn.Module = nn.Linear(weight.shape[1], weight.shape[0])
        else:
            kind_of_layer = lrp_kinds.CONVOLUTIONS[lrp_kinds.name_of(node)]
            channels = weight.shape[1] * options.get("groups", 1), weight.shape[0]
            layer = kind_of_layer(*channels, tuple(weight.shape[2:]), **options)
        layer.weight = nn.Parameter(weight.detach().clone())
        layer.bias = None if bias is None else nn.Parameter(bias.detach().clone())
        self.absorbs |= bias is not None
        self._put(node, layer)

    def _batch_norm(self, node: fx.Node, module: nn.Module | None) -> None:
        """Merge BatchNorm into the layer before it, or make it a layer of its own."""
        scale, shift = self._scale_and_shift(node, module)
        if scale is None:  # statistics of the images themselves
            function = module or _function(node)
            self._put(node, lrp_operations.PassedOn(function))
            return
        before = node.args[0]
        layer = self.made._modules.get(str(before.target)) if before.op == "call_module" else None
        groups = getattr(layer, "groups", 1)
        is_layer = isinstance(layer, lrp_kinds.types.Linear)
        turned = isinstance(layer, lrp_kinds.types.ConvolutionTranspose) and groups > 1
        self.absorbs |= bool(shift.any())
        if is_layer and not turned and len(before.users) == 1 and _last_axis_fits(before, layer):
            lrp_operations.merged(layer, scale, shift)
            if node.op == "call_module":
                self.layers[str(before.target)] += (str(node.target),)
            node.replace_all_uses_with(before)
            self.replaced[node] = before
            self.graph.erase_node(node)
            return
        node.args, node.kwargs = (before,), {}
        self._put(node, lrp_operations.fixed_scale(scale, shift, before.meta["shape"]))

    def _scale_and_shift(self, node: fx.Node, module: Any) -> tuple[Any, Any]:
        if module is not None:
            mean, variance, eps = module.running_mean, module.running_var, module.eps
            weight, bias = module.weight, module.bias
        else:
            names = ("input", "running_mean", "running_var", "weight", "bias", "training",
                     "momentum", "eps")  # fmt: skip
            given = dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
            mean, variance, weight, bias = (self._value(given.get(name)) for name in names[1:5])
            eps = given.get("eps", 1e-5)
            mean = None if given.get("training") else mean
        if mean is None or variance is None:
            return None, None
        scale = (variance + eps).rsqrt() if weight is None else weight * (variance + eps).rsqrt()
        return scale, -mean * scale if bias is None else bias - mean * scale


def _last_axis_fits(node: fx.Node, layer: nn.Module | None) -> bool:
    """Whether a layer's channels are BatchNorm's: a dense layer's only where it gives (N, C)."""
    return not isinstance(layer, nn.Linear) or len(node.meta["shape"]) == 2


def _function(node: fx.Node) -> Callable:
    """A node's function, or method, as a function of its arguments that changes none of them."""
    if node.op == "call_method":
        return getattr(torch.Tensor, lrp_kinds.name_of(node))
    return _IN_PLACE.get(lrp_kinds.name_of(node), node.target)


_IN_PLACE = {"imul": torch.mul, "imatmul": torch.matmul, "itruediv": torch.true_divide}


def _plain(module: nn.Module) -> nn.Module:
    """A layer whose weights are tensors of its own, not computed anew at each use."""
    if nn.utils.parametrize.is_parametrized(module):
        for name in list(module.parametrizations):
            nn.utils.parametrize.remove_parametrizations(module, name)
    return module
