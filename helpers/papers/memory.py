"""What to do where memory runs out: the same again with half as much at once."""

from collections.abc import Callable

import torch
from torch import Tensor

_WORDS = ("out of memory", "can't allocate memory", "not enough memory")  # of CUDA, of the CPU


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the processor."""
    said = str(error).lower()
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or any(words in said for words in _WORDS)


def halve_when_full(work: Callable[[int], None], size: int) -> int:
    """Call ``work(size)``, with half the size each time memory runs out; the size that did.

    `work` must bear being called again. With a size of 1 the error passes through.
    """
    while True:
        try:
            work(size)
            return size
        except (RuntimeError, MemoryError) as error:
            if size <= 1 or not is_out_of_memory(error):
                raise
        size //= 2  # outside of the clause, whose traceback holds what was allocated
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


class InParts:
    """A function of tensors (N, ...) with a result of N rows, called in parts if memory is short.

    Each row's result must not depend on the other rows. While memory suffices, the function gets
    the tensors as they are; else parts of half the rows, and so on. The size that fits is kept for
    the next calls.
    """

    def __init__(self, function: Callable[..., Tensor]):
        self.function = function
        self.most: int | None = None  # rows at once, once memory has run out

    def __call__(self, *tensors: Tensor) -> Tensor:
        """The function's result for tensors (N, ...) of one length: (N, ...)."""
        count = len(tensors[0])
        parts: list[Tensor] = []

        def work(size: int) -> None:
            parts.clear()
            if size >= count:
                parts.append(self.function(*tensors))
                return
            for rows in zip(*(tensor.split(size) for tensor in tensors), strict=True):
                parts.append(self.function(*rows))

        at_once = min(count, self.most or count)
        fitting = halve_when_full(work, at_once)
        if fitting < at_once:
            self.most = fitting
        return parts[0] if len(parts) == 1 else torch.cat(parts)
