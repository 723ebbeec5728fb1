"""Photographs that a chapter evaluates, and others on which it settles its own numbers."""

from pathlib import Path

import torch
from torch import Tensor

from helpers.inputs import photographs
from helpers.inputs.photographs import Photographs


def split(
    labels: Tensor, named: list[int], further: int, held_out: int, seed: int
) -> tuple[list[int], list[int]]:
    """Which of a collection's photographs are evaluated, and which are only for settling numbers.

    The first of each `named` class are evaluated first, then others at random until there are
    `further`; the `held_out` next ones at random are never evaluated.

    Parameters
    ----------
    labels
        The classes of the collection, int64 (N,).
    named
        Classes whose photographs must be among the evaluated.

    Raises
    ------
    ValueError
        If the collection has fewer than two in all are asked for, or lacks a named class.
    """
    lacking = [label for label in named if label not in labels.tolist()]
    if lacking and further:
        raise ValueError(f"no photograph of class {lacking[0]} is in the collection")
    first = [labels.tolist().index(label) for label in named] if further else []
    draws = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed)).tolist()
    others = [i for i in draws if i not in set(first)]
    if further + held_out > len(labels):
        raise ValueError(
            f"{further} and {held_out} photographs are asked for, the collection has {len(labels)}"
        )
    evaluated = [*first, *others][:further]
    return evaluated, [i for i in others if i not in set(evaluated)][:held_out]


def load(
    shipped: int, folder: Path | None, named: list[int], further: int, held_out: int, seed: int = 0
) -> tuple[Photographs, Photographs]:
    """The photographs that are evaluated, Foolbox's first, and those that are held out.

    Parameters
    ----------
    shipped
        How many of Foolbox's twenty are evaluated.
    folder
        A collection of ImageNet's classes, one photograph each, or None where there is none: then
        the last of Foolbox's are held out and at most the others evaluated.
    named, further, held_out, seed
        As :func:`split`.

    Raises
    ------
    ValueError
        If fewer than two of Foolbox's twenty would be left.
    """
    foolbox = photographs.foolbox_imagenet()
    if folder is None:
        kept = len(foolbox.names) - held_out
        if kept < 2:
            raise ValueError(
                f"{held_out} photographs are to be held out, and Foolbox has {len(foolbox.names)}: "
                "hold out fewer, or set XAI_DATA"
            )
        last = range(kept, len(foolbox.names))
        return _taken(foolbox, range(min(shipped, kept))), _taken(foolbox, last)
    sample = photographs.load_folder(folder, 1000)
    evaluated, held = split(sample.labels, named, further, held_out, seed)
    parts = [_taken(foolbox, range(shipped)), _taken(sample, evaluated)]
    return _joined(parts), _taken(sample, held)


def _taken(found: Photographs, indices: range | list[int]) -> Photographs:
    chosen = list(indices)
    return Photographs(found.pixels[chosen], found.labels[chosen], [found.names[i] for i in chosen])


def _joined(parts: list[Photographs]) -> Photographs:
    names = [name for part in parts for name in part.names]
    return Photographs(
        torch.cat([p.pixels for p in parts]), torch.cat([p.labels for p in parts]), names
    )
