"""What each operation of a network is to LRP: which of its arguments get relevance, by which rule.

An operation that stands in no list has no rule, and a network in which relevance would pass through
it has no LRP: a gap with the operation's name.
"""

from collections.abc import Iterable
from typing import NamedTuple

from torch import fx, nn
from zennit import types


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# what only moves, copies or picks values: there the gradient hands relevance on as it should
MOVES = _words(
    """
    adjoint amax amin adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
    alpha_dropout broadcast_to cat channel_shuffle chunk clone concat concatenate contiguous
    double dropout dropout1d dropout2d dropout3d dsplit dstack expand expand_as
    feature_alpha_dropout feature_dropout flatten flip float fliplr flipud getitem hsplit
    hstack index_select masked_fill max_pool1d max_pool2d max_pool3d maximum minimum moveaxis
    movedim narrow native_channel_shuffle pad permute pixel_shuffle pixel_unshuffle ravel
    repeat repeat_interleave reshape reshape_as roll rot90 select split split_with_sizes
    squeeze stack swapaxes swapdims t tensor_split tile to transpose type unbind unflatten
    unfold unsqueeze view view_as vsplit vstack where
    """
)
# functions of each value alone, and normalizations by statistics of the image
PASSES = _words(
    """
    celu clamp clamp_max clamp_min clip elu gelu group_norm hardshrink hardsigmoid hardswish
    hardtanh instance_norm layer_norm leaky_relu local_response_norm log_softmax logsigmoid
    mish neg negative normalize prelu relu relu6 rms_norm rrelu selu sigmoid silu softplus
    softshrink softsign tanh tanhshrink threshold
    """
)
LINEAR = _words(
    """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d avg_pool1d avg_pool2d
    avg_pool3d fold interpolate mean nansum sum upsample upsample_bilinear upsample_nearest
    """
)
CONVOLUTIONS = {"conv1d": nn.Conv1d, "conv2d": nn.Conv2d, "conv3d": nn.Conv3d}
SUMS = {"add": 1, "iadd": 1, "radd": 1, "sub": -1, "isub": -1, "subtract": -1, "rsub": -1}
PRODUCTS = {"mul", "imul", "multiply", "rmul"}
QUOTIENTS = {"div", "divide", "itruediv", "true_divide", "truediv"}
MATRIX_PRODUCTS = {"bmm", "einsum", "imatmul", "linear", "matmul", "mm", "rmatmul"}
ATTENTION = "scaled_dot_product_attention"
LIKE = {
    "expand_as",
    "reshape_as",
    "to",
    "type_as",
    "view_as",
}  # of the second only its shape or type
GATES = {
    "eq",
    "ge",
    "gt",
    "hardsigmoid",
    "le",
    "lt",
    "ne",
    "sigmoid",
    "softmax",
}  # functions whose values say how much gets through
CLIPPED = {"clamp", "clip", "hardtanh", "relu6"}  # gates if they are then scaled, as x -> x / 6
MODULES_THAT_MOVE = (
    nn.Identity, nn.Flatten, nn.Unflatten, nn.modules.dropout._DropoutNd, nn.PixelShuffle,
    nn.PixelUnshuffle, nn.ChannelShuffle, nn.Unfold, types.MaxPool,
    nn.modules.padding._ConstantPadNd, nn.modules.padding._ReflectionPadNd,
    nn.modules.padding._ReplicationPadNd, nn.modules.padding._CircularPadNd,
)  # fmt: skip
MODULES_THAT_PASS = (
    nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.LocalResponseNorm, nn.LogSoftmax, nn.Mish,
    nn.modules.instancenorm._InstanceNorm,
)  # fmt: skip
MODULES_OF_ZENNIT = (types.Linear, types.Activation, types.AvgPool)  # its composites' rules apply
LINEAR_MODULES = (nn.Upsample, nn.Fold)
MODULE_GATES = (nn.Sigmoid, nn.Hardsigmoid, nn.Softmax, nn.Softmax2d)


class Kind(NamedTuple):
    """What an operation is to LRP."""

    name: str
    carriers: tuple[fx.Node, ...] = ()  # the arguments that get relevance


def name_of(node: fx.Node) -> str:
    """The name of a node's function or method, without what says that it works in place."""
    target = node.target if isinstance(node.target, str) else node.target.__name__
    return target.strip("_")


def tensors(values: Iterable) -> list[fx.Node]:
    """The nodes among arguments that follow from the image; lists of them are looked into."""
    found: list[fx.Node] = []
    for value in values:
        if isinstance(value, fx.Node) and value.op != "get_attr":
            found.append(value)
        elif isinstance(value, tuple | list):
            found += tensors(value)
    return found


def kind_of(node: fx.Node, network: nn.Module) -> Kind:
    """What a node is to LRP; its name is "" if there is no rule for it."""
    given = tensors([*node.args, *node.kwargs.values()])
    if node.op in ("placeholder", "output"):
        return Kind(node.op, tuple(given))
    if node.op == "call_module":
        return Kind(_module_kind(network.get_submodule(node.target)), tuple(given[-1:]))
    name = name_of(node)
    if name in ("where", "masked_fill"):  # the condition only chooses
        chosen = node.args[1:] if name == "where" else (node.args[0], *node.args[2:])
        return Kind("move", tuple(tensors(chosen)))
    if name in MOVES:
        return Kind("move", tuple(given[:1] if name in LIKE else given))
    if name in PASSES and len(given) == 1:
        return Kind("pass", tuple(given))
    if name in LINEAR and len(given) == 1:
        return Kind("linear", tuple(given))
    if name in ("max", "min"):
        return Kind("move", tuple(given))
    if name == "batch_norm" and given == [node.args[0]]:
        return Kind("batch_norm", tuple(given))
    if name in CONVOLUTIONS and given == [node.args[0]]:
        return Kind("convolution", tuple(given))
    if name == "linear" and given == [node.args[0]]:
        return Kind("dense", tuple(given))
    if name in SUMS:
        return Kind("sum", tuple(given))
    if name in QUOTIENTS:
        return Kind("pass", tuple(given[:1])) if given[:1] == [node.args[0]] else Kind("")
    if name == ATTENTION:
        return _attention(node)
    if name in PRODUCTS or name in MATRIX_PRODUCTS:
        return _product(node, name, given, network)
    return Kind("")


def _module_kind(module: nn.Module) -> str:
    if isinstance(module, nn.MultiheadAttention):
        plain = module.in_proj_weight is not None and module.bias_k is None
        return "attention" if plain and not module.add_zero_attn else ""
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return "batch_norm"
    for kind, classes in (
        ("zennit", MODULES_OF_ZENNIT), ("move", MODULES_THAT_MOVE), ("pass", MODULES_THAT_PASS),
        ("linear", LINEAR_MODULES),
    ):  # fmt: skip
        if isinstance(module, classes):
            return kind
    return ""


def _attention(node: fx.Node) -> Kind:
    named = dict(zip(("query", "key", "value"), node.args, strict=False)) | node.kwargs
    value = named["value"]
    return Kind("attention function", (value,)) if isinstance(value, fx.Node) else Kind("")


def _product(node: fx.Node, name: str, given: list[fx.Node], network: nn.Module) -> Kind:
    """A product with a constant, with a gate, or of two branches."""
    matrix = name in MATRIX_PRODUCTS
    if len(given) == 1:
        return Kind("linear" if matrix else "pass", tuple(given))
    if len(given) != 2 or (name == "einsum" and len(node.args) != 3):
        return Kind("")
    gates = [_is_gate(part, network) for part in given]
    sizes = [_size(part) for part in given]
    if sum(gates) == 0 and not matrix and sizes[0] != sizes[1]:  # one is repeated over the other
        gates = [size == min(sizes) for size in sizes]
    if sum(gates) == 1:
        signal = given[gates.index(False)]
        return Kind("linear" if matrix else "pass", (signal,))
    return Kind("halves", tuple(given))


def _is_gate(node: fx.Node, network: nn.Module, scaled: bool = False) -> bool:
    """Whether a value is that of a sigmoid or softmax, moved, repeated or scaled by constants."""
    if node.op == "call_module":
        module = network.get_submodule(node.target)
        if isinstance(module, MODULE_GATES):
            return True
        if scaled and isinstance(module, nn.ReLU6 | nn.Hardtanh):
            return True
        moves = isinstance(module, MODULES_THAT_MOVE)
    elif node.op in ("call_function", "call_method"):
        name = name_of(node)
        if name in GATES or (scaled and name in CLIPPED):
            return True
        scales = name in PRODUCTS | QUOTIENTS
        moves = name in MOVES or scales
        scaled = scaled or scales
    else:
        return False
    before = tensors([*node.args, *node.kwargs.values()])
    return moves and len(before) == 1 and _is_gate(before[0], network, scaled)


def _size(node: fx.Node) -> int:
    total = 1
    for side in node.meta["shape"]:
        total *= side
    return total
