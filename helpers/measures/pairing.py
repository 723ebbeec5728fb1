"""Which image is compared with which: one of several, or another one of the same class."""

import torch
from torch import Tensor


def partners(labels: Tensor, same: bool) -> Tensor:
    """For each image the next one of the same class, or of another, (N,); round the end.

    Where there is none, it is the image itself. `labels` are (N,).

    Raises
    ------
    ValueError
        If labels are not one whole number an image.
    """
    if labels.ndim != 1 or labels.is_floating_point():
        raise ValueError(
            f"labels are {labels.dtype} {tuple(labels.shape)}; expected one whole number an image"
        )
    count = len(labels)
    distance = (torch.arange(count)[:, None] - torch.arange(count)) % count  # from image to image
    alike = (labels[:, None] == labels) == same
    itself = torch.eye(count, dtype=torch.bool)
    return distance.where(alike, 2 * count).masked_fill(itself, count).argmin(1)


def one_of_each(source: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A random item of each source, in the order of the sources, and all other items.

    `source` (N,) is the number of the source that an item belongs to.
    """
    order = torch.rand(len(source), generator=generator).argsort().tolist()
    last = {int(source[i]): i for i in order}
    chosen = [i for _, i in sorted(last.items())]
    rest = set(order) - set(chosen)
    others = [i for i in order if i in rest]
    return torch.tensor(chosen, dtype=torch.long), torch.tensor(others, dtype=torch.long)
