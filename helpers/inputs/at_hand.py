"""Networks and photographs that a run can have: what is missing is left out and told."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from helpers.inputs import classifiers, photographs, stored_networks


def networks(names: Sequence[str]) -> dict[str, nn.Module]:
    """Networks of ImageNet by name, without those whose weights would lie in ``XAI_DATA``.

    What is left out is printed with its reason.

    Raises
    ------
    ValueError
        If a name is unknown, other weights cannot be had, or no network is left.
    """
    found: dict[str, nn.Module] = {}
    missing = []
    for name in names:
        try:
            found[name] = classifiers.load_imagenet(name).network
        except ValueError as error:
            if name not in stored_networks.SHA256:
                raise
            missing.append(f"{name} is left out: {error}")
    if not found:
        raise ValueError("no network is left: " + "; ".join(missing))
    print(*missing, sep="\n", end="\n" if missing else "")
    return found


class Right(NamedTuple):
    """Photographs that all networks classify correctly."""

    pixels: Tensor  # uint8 (N, 3, H, W)
    labels: Tensor  # int64 (N,)
    own: int  # how many of them, the first ones, are Foolbox's
    counts: dict[str, dict[str, tuple[int, int]]]  # source to network to right ones and all


def classified_correctly(
    models: Mapping[str, nn.Module],
    count: int,
    folder: Path | None = None,
    first: Callable[[Tensor], Tensor] = torch.zeros_like,
) -> Right:
    """The photographs that all networks classify correctly: Foolbox's, then those of a folder.

    Parameters
    ----------
    models
        Networks by name.
    count
        How many photographs at most.
    folder
        Of more photographs, of which three times as many are looked at as are lacking; none if it
        is not there.
    first
        Labels (N,) to a number each: of Foolbox's photographs, those with smaller numbers come
        first.
    """
    parts: list[tuple[Tensor, Tensor]] = []
    counts = {}
    own = 0
    for source in ("Foolbox's", "the sample's"):
        lacking = count - own
        if not parts:
            found = photographs.foolbox_imagenet()
        elif lacking > 0 and folder is not None and folder.is_dir():
            found = photographs.load_folder(folder, 3 * lacking)
        else:
            break
        right = {
            name: classifiers.logits(model, found.pixels, batch_size=20).argmax(1) == found.labels
            for name, model in models.items()
        }
        counts[source] = {name: (int(r.sum()), len(r)) for name, r in right.items()}
        fitting = torch.stack(list(right.values())).all(0).nonzero()[:, 0]
        if not parts:
            fitting = fitting[first(found.labels[fitting]).argsort(stable=True)]
        parts.append((found.pixels[fitting[:lacking]], found.labels[fitting[:lacking]]))
        own = len(parts[0][1])
    pixels, labels = (torch.cat(part) for part in zip(*parts, strict=True))
    return Right(pixels, labels, own, counts)
