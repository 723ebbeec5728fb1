"""A device for tests on machines without a GPU: computes on the CPU, and refuses what CUDA refuses.

Tensors say that they are on :data:`DEVICE`. Refused are operations on tensors of two devices
(CUDA's exceptions apply: 0-d tensors of the CPU in pointwise operations, indices of the CPU), a
generator of the CPU for a device tensor, and ``numpy()`` of one. It cannot show memory, speed,
precision, or kernels that differ: no run on it replaces one on a card.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("lazy", 0)  # a type that autograd serves from the CPU's thread
aten = torch.ops.aten
ANYWHERE = {aten.copy_.default, aten._to_copy.default, aten._local_scalar_dense.default}
INDEXING = {
    aten.index.Tensor, aten._unsafe_index.Tensor, aten.index_put.default, aten.index_put_.default,
    aten._index_put_impl_.default,
}  # fmt: skip
SCALARS = {
    aten.where.self, aten.masked_fill.Tensor, aten.masked_fill_.Tensor, aten.fill_.Tensor,
    aten.lerp.Tensor, aten.clamp.Tensor,
}  # fmt: skip
FROM_PYTHON = {torch.tensor, torch.as_tensor, torch.asarray}
_DATA = torch._C.TensorBase.data


class Pretend(Tensor):
    """A tensor on DEVICE; `real` holds its numbers."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    is_cuda = property(lambda self: False)  # what asks for it, asks for CUDA's clocks and memory
    data = property(lambda self: self.detach(), lambda self, new: self._become(new))

    @staticmethod
    def __new__(cls, real: Tensor):
        made = Tensor._make_wrapper_subclass(
            cls, real.size(), strides=real.stride(), storage_offset=real.storage_offset(),
            dtype=real.dtype, device=DEVICE,
        )  # fmt: skip
        made.real_ = real
        return made

    def _become(self, new):
        _DATA.__set__(self, new)
        self.real_ = new.real_

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})

    def numpy(self, *, force=False):
        raise TypeError("can't convert a device tensor to numpy; use Tensor.cpu() first")

    def __array__(self, dtype=None, copy=None):
        self.numpy()

    def __repr__(self, **_):
        return f"{self.real_!r} on {DEVICE}"

    def tolist(self):
        return self.detach().cpu().tolist()


Pretend.__module__ = "torch"  # eagerpy, beneath Foolbox, goes by the module's name


def _real(thing):
    return thing.real_ if isinstance(thing, Pretend) else thing


def _on(place) -> bool:
    return place is not None and torch.device(place).type == DEVICE.type


def _check(func, args, flat, wanted) -> None:
    here = [t for t in flat if isinstance(t, Pretend)]
    there = [t for t in flat if isinstance(t, Tensor) and not isinstance(t, Pretend)]
    drawing = any(isinstance(t, torch.Generator) for t in flat)
    if drawing and (here if wanted is None else _on(wanted)):
        raise RuntimeError(f"a generator of the CPU for a device tensor, in {func}")
    if not here or not there or func in ANYWHERE:
        return
    if func in INDEXING:
        values = args[2] if len(args) > 2 else args[0]
        if not isinstance(args[0], Pretend) or (not isinstance(values, Pretend) and values.dim()):
            raise RuntimeError(f"indices or values on another device, in {func}")
        return
    lenient = torch.Tag.pointwise in func.tags or func in SCALARS
    changes_theirs = func._schema.is_mutable and args[0] is there[0]
    if any(t.dim() or not lenient for t in there) or changes_theirs:
        raise RuntimeError(f"tensors on the device and on the CPU, in {func}")


def _run(func, args, kwargs):
    flat, wanted = tree_flatten((args, kwargs))[0], kwargs.get("device")
    _check(func, args, flat, wanted)
    here = [t for t in flat if isinstance(t, Pretend)]
    if not here and not _on(wanted):
        return func(*args, **kwargs)
    inner = {k: torch.device("cpu") if k == "device" else v for k, v in kwargs.items()}
    inner_args = tree_map(_real, args)
    out = func(*inner_args, **tree_map(_real, inner))
    if func is aten.copy_.default:
        return args[0]
    if func is aten._to_copy.default:
        out = out.clone() if out is inner_args[0] else out
    if wanted is not None and not _on(wanted):
        return out
    back = {id(t.real_): t for t in here}

    def wrap(t):
        return back[id(t)] if id(t) in back else Pretend(t) if isinstance(t, Tensor) else t

    out = tree_map(wrap, out)
    return return_and_correct_aliasing(func, args, kwargs, out) if here else out


class _Factories(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


class _FromPython(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in FROM_PYTHON and _on(kwargs.get("device")) and not isinstance(args[0], Pretend):
            del kwargs["device"]
            return func(*args, **kwargs).to(DEVICE)
        if func is Tensor.new_tensor and isinstance(args[0], Pretend):
            return torch.tensor(*args[1:], **{"dtype": args[0].dtype, **kwargs}).to(DEVICE)
        return func(*args, **kwargs)


@contextmanager
def pretended() -> Iterator[torch.device]:
    """Allow tensors and networks on DEVICE within the block."""
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with _Factories(), _FromPython():
            yield DEVICE
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)
