"""The graph of a network's operations for given images, as `torch.fx` nodes with known sizes.

Unlike plain symbolic tracing it carries the values along, so that code which asks for sizes, types
or the number of dimensions is followed; only code that asks for the content of an image is not.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, fx, nn
from torch.fx import _symbolic_trace
from torch.fx import proxy as fx_proxy

VALUE = "value"  # the key of a node's value in its meta data, while the graph is made


class BranchesOnInput(TypeError):
    """The network's code asks for the content of its input, so its graph depends on the image."""


def trace(network: nn.Module, images: Tensor) -> fx.Graph:
    """The graph of a network in evaluation mode for images (N, C, H, W), batch size included.

    Modules of torch.nn stay one node; all others are followed inside, so that each operation of
    theirs is a node. Each node knows its output's shapes: ``node.meta["shape"]``, a tuple, or a
    list of tuples where there are several tensors.

    Raises
    ------
    BranchesOnInput
        If what the code does depends on what the image shows.
    TypeError
        If it holds scripted or traced code, of which the operations cannot be seen.
    Exception
        Whatever else the network's code raises.
    """
    if any(isinstance(module, torch.jit.ScriptModule) for module in network.modules()):
        raise TypeError("it is scripted or traced, and shows no operations")
    unwrapped = mock.patch.dict(_symbolic_trace._wrapped_fns_to_patch, clear=True)
    with without_hooks(network), torch.no_grad(), unwrapped:  # functions of libraries, seen inside
        graph = _Tracer(images.detach().clone()).trace(network)
    for node in graph.nodes:
        if node.op == "output":
            continue
        node.meta["shape"] = _shapes(node.meta.pop(VALUE, None))
    return graph


@contextmanager
def without_hooks(network: nn.Module) -> Iterator[None]:
    """No module's forward hooks run within the block, so that nothing is counted or changed."""
    kept = []
    for module in network.modules():
        if isinstance(module, torch.jit.ScriptModule):
            continue  # it takes no hooks
        kept.append((module, dict(module._forward_hooks), dict(module._forward_pre_hooks)))
        counted = [key for key, hook in module._forward_hooks.items() if not _is_weight_hook(hook)]
        for key in counted:
            del module._forward_hooks[key]
        for key, hook in list(module._forward_pre_hooks.items()):
            if not _is_weight_hook(hook):
                del module._forward_pre_hooks[key]
    try:
        yield
    finally:
        for module, after, before in kept:
            module._forward_hooks.clear()
            module._forward_hooks.update(after)
            module._forward_pre_hooks.clear()
            module._forward_pre_hooks.update(before)


def _is_weight_hook(hook: Callable) -> bool:
    """Whether a hook computes a layer's weights, as those of weight and spectral norm do."""
    return type(hook).__module__.startswith("torch.nn.utils")


def is_leaf(module: nn.Module) -> bool:
    """Whether a module stays one node: those of torch.nn that are no containers, and timm's `same`.

    A subclass with a forward pass of its own is followed inside, because it may change weights.
    """
    kinds = type(module).__mro__
    own = next(kind for kind in kinds if "forward" in vars(kind))
    if own.__module__.startswith(("torch.nn", "torch.ao.nn")):
        return not isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict)
    plain = isinstance(module, nn.LayerNorm | nn.GroupNorm) and not list(module.children())
    return own.__name__ == "Conv2dSame" or plain


class _Known(fx.Proxy):
    """A value under way: sizes and types are answered, the content is not."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.node.meta[VALUE], name)
        if callable(found):
            return fx_proxy.Attribute(self, name)
        if isinstance(found, Tensor):
            if name in _METHODS:
                return self.tracer.create_proxy("call_method", _METHODS[name], (self,), {})
            return self.tracer.create_proxy("call_function", getattr, (self, name), {})
        return found

    def __len__(self) -> int:
        return len(self.node.meta[VALUE])

    def __iter__(self) -> Iterator:
        return (self[index] for index in range(len(self)))

    def __bool__(self) -> bool:
        return self.tracer.to_bool(self)

    def __index__(self) -> int:
        raise BranchesOnInput("it takes a number out of what it computes from the image")

    __int__ = __float__ = __index__


_NEW = {torch.zeros_like, torch.ones_like, torch.full_like, torch.empty_like}
_LIKE = {"to", "type_as", "expand_as", "view_as", "reshape_as"}  # take a shape or type from another
_METHODS = {"T": "t", "mT": "adjoint", "data": "detach"}  # attributes that are operations


class _Tracer(fx.Tracer):
    def __init__(self, images: Tensor):
        super().__init__()
        self.images = images
        self.is_computing = False  # a value, not the graph

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        return is_leaf(module)

    def call_module(self, module, forward, args, kwargs):
        if self.is_computing:
            return forward(*args, **kwargs)
        return super().call_module(module, forward, args, kwargs)

    def getattr(self, attr, attr_val, parameter_proxy_cache):
        """Parameters as they are: what is computed from them alone is a constant of the graph."""
        return attr_val

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Known(node, self)

    def to_bool(self, obj: fx.Proxy) -> bool:
        raise BranchesOnInput("what it does depends on what the image shows")

    def create_proxy(self, kind, target, args, kwargs, name=None, type_expr=None, *more):
        """A node with its value; what is no tensor comes back as it is, not as a node."""
        made = super().create_proxy(kind, target, args, kwargs, name, type_expr, *more)
        value = self._value(made.node)
        if kind != "output" and (_is_constant(target, args) or not _holds_tensors(value)):
            self.graph.erase_node(made.node)
            return value
        made.node.meta[VALUE] = value
        return made

    def create_node(self, kind, target, args, kwargs, name=None, type_expr=None):
        node = super().create_node(kind, target, args, kwargs, name, type_expr)
        if kind == "get_attr":
            node.meta[VALUE] = attribute(self.root, target)
        return node

    def _value(self, node: fx.Node) -> Any:
        if node.op == "output":
            return None
        if node.op == "placeholder":
            return self.images if node is next(iter(self.graph.nodes)) else _default(node)
        if node.op == "get_attr":
            return node.meta[VALUE]
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda needed: needed.meta[VALUE])
        self.is_computing = True
        try:
            if node.op == "call_module":
                return self.root.get_submodule(node.target)(*args, **kwargs)
            if node.op == "call_method":
                return getattr(args[0], node.target)(*args[1:], **kwargs)
            return node.target(*args, **kwargs)
        finally:
            self.is_computing = False


def _default(node: fx.Node) -> Any:
    """What a further argument of the network's forward pass is where nobody gives it."""
    return node.args[0] if node.args else None


def _is_constant(target: Any, args: tuple) -> bool:
    """Whether an operation takes only the shape or the type of what comes from the image."""
    if isinstance(target, str):
        return target.startswith("new_") or (target in _LIKE and isinstance(args[0], Tensor))
    return target in _NEW


def attribute(root: nn.Module, target: str) -> Any:
    """What stands in a module under a dotted name."""
    found: Any = root
    for part in target.split("."):
        found = getattr(found, part)
    return found


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(isinstance(part, Tensor) for part in value)
    return isinstance(value, Tensor)


def _shapes(value: Any) -> Any:
    if isinstance(value, Tensor):
        return tuple(value.shape)
    if isinstance(value, tuple | list):
        return [_shapes(part) for part in value]
    return None
