"""Photographs: those that Foolbox ships, and those of a folder."""

import io
import warnings
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from helpers.inputs import folders, pictures

SKIP = "-p skip_unreadable true"
SMALL = 32  # side to which photographs are cut when they are only checked


class Photographs(NamedTuple):
    """Photographs as uint8 (N, 3, H, W), their classes of ImageNet, int64 (N,), and file names."""

    pixels: Tensor
    labels: Tensor  # -1 where a file's class is not known
    names: list[str]  # with their folders, from the folder that was given
    notes: Sequence[str] = ()  # what was passed over or changed, a sentence each


def foolbox_imagenet(size: int = 224) -> Photographs:
    """The twenty ImageNet photographs that Foolbox ships, as :func:`center_crop` cuts them."""
    folder = resources.files("foolbox") / "data"
    files = sorted((f for f in folder.iterdir() if f.name.startswith("imagenet_")), key=str)
    labels = [int(Path(f.name).stem.split("_")[-1]) for f in files]
    pixels = [center_crop(Image.open(io.BytesIO(f.read_bytes())), size) for f in files]
    return Photographs(torch.stack(pixels), torch.tensor(labels), [f.name for f in files])


def chosen_files(folder: Path, count: int) -> tuple[folders.Listing, list[Path]]:
    """The photographs of a folder, and a fixed random choice of `count` in the order of names.

    Raises
    ------
    FileNotFoundError, ValueError
        If the folder has fewer than two photographs.
    """
    found = folders.listing(Path(folder).expanduser())
    folders.check(found)
    order = torch.randperm(len(found.files), generator=torch.Generator().manual_seed(0))[:count]
    return found, [found.files[i] for i in order.sort().values]


def check_folder(folder: Path, count: int, skip_unreadable: bool = False, whole: int = 32) -> None:
    """Refuse early what a run would refuse; of many photographs the first `whole` are read.

    A photograph of one color is refused too: no part of it can matter more than another. If those
    that cannot be read are skipped, it is enough that two can.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`load_folder`; each message names the file.
    """
    found, chosen = chosen_files(folder, count)
    good = 0
    broken: list[str] = []
    for file in chosen[: None if skip_unreadable else whole]:
        if skip_unreadable and good == folders.FEWEST:
            return
        try:
            _cut(file, found.name(file), SMALL, strict=True)
            good += 1
        except pictures.Unreadable as error:
            if not skip_unreadable:
                raise _with_hint(error) from error
            broken.append(str(error))
    _check_enough(good, len(chosen), broken)


def _cut(file: Path, name: str, size: int, strict: bool) -> tuple[Tensor, list[str]]:
    """A photograph's middle square and what was done to it.

    Raises
    ------
    Unreadable
        If it cannot be read, is too small or, if `strict`, of one color only.
    """
    image, notes = pictures.read_with_notes(file, name)
    pictures.check_size(image, name, size)
    cut = center_crop(image, size)
    if (cut == cut[:, :1, :1]).all():
        if strict:
            raise pictures.Unreadable(
                f"{name} is of one color only, so that no part of it matters more than another; "
                "leave it out"
            )
        notes.append("of one color only")
    if min(image.size) * 7 / 8 < size - 0.5:
        notes.append("enlarged")
    return cut, notes


def _with_hint(error: pictures.Unreadable) -> pictures.Unreadable:
    return pictures.Unreadable(f"{error}; or go on without it: {SKIP}")


def _check_enough(taken: int, chosen: int, broken: list[str]) -> None:
    """Refuse what skipping has left, if that is no two photographs."""
    if broken and taken < folders.FEWEST:
        raise ValueError(
            f"{taken} of {chosen} photographs can be read, expected two or more: {broken[0]}"
        )


def load_folder(
    folder: Path, count: int, size: int = 224, skip_unreadable: bool = False
) -> Photographs:
    """Photographs of a folder, a fixed random choice of `count`, as :func:`center_crop` cuts them.

    Each is read as :func:`helpers.inputs.pictures.read_with_notes` says; folders in the folder are
    read too, and :func:`helpers.inputs.folders.listing` says what is passed over. In files named
    ``<wnid>_<name>``, one a class, the class is the rank of the wnid, as in the collection of 1,000
    that ``XAI_DATA/imagenet-sample`` holds; otherwise it is unknown, -1.

    Parameters
    ----------
    folder
        Its path; ``~`` is the home folder.
    count
        How many are taken; all, if there are fewer, which the notes say.
    size
        Side of the cut in pixels.
    skip_unreadable
        Whether files that cannot be read, and photographs of one color, are left out of the choice
        and named; otherwise the first are refused, and the second named in the notes.

    Raises
    ------
    FileNotFoundError
        If the folder has no photographs.
    ValueError
        If it has one only, or one of them cannot be read.
    """
    found, chosen = chosen_files(folder, count)
    wnids = sorted({f.name.split("_")[0] for f in found.files})
    known = len(wnids) == len(found.files) == 1000 and all(w.startswith("n") for w in wnids)
    taken, pixels, broken = [], [], []
    done: dict[str, list[str]] = {}
    for file in chosen:
        name = found.name(file)
        try:
            cut, notes = _cut(file, name, size, strict=skip_unreadable)
        except pictures.Unreadable as error:
            if not skip_unreadable:
                raise _with_hint(error) from error
            broken.append(str(error))
            continue
        for note in notes:
            done.setdefault(note, []).append(name)
        taken.append(file)
        pixels.append(cut)
    _check_enough(len(taken), len(chosen), broken)
    labels = [wnids.index(f.name.split("_")[0]) if known else -1 for f in taken]
    notes = _notes(found, len(taken), count, broken, done)
    names = [found.name(f) for f in taken]
    return Photographs(torch.stack(pixels), torch.tensor(labels), names, notes)


def _notes(
    found: folders.Listing, taken: int, count: int, broken: list[str], done: dict[str, list[str]]
) -> list[str]:
    """What a page says of a folder, a sentence each: passed over, left out, changed."""
    total = len(found.files) + len(found.passed)
    notes = [f"{taken} of {total} files"]
    if found.passed:
        notes[0] += f"; passed over: {folders.told(found)}"
    if count > len(found.files):
        notes.append(f"asked for {count}, the folder has {len(found.files)}")
    notes += [f"left out: {text}" for text in broken]
    return notes + [
        f"{len(names)} {what} ({folders.some(names)})" for what, names in sorted(done.items())
    ]


def read_rgb(file: Path) -> Image.Image:
    """Read a photograph as RGB, upright and on white: :func:`helpers.inputs.pictures.read_rgb`.

    Raises
    ------
    ValueError
        If it cannot be read; the message has its name.
    """
    return pictures.read_rgb(file)


def center_crop(image: Image.Image, size: int = 224) -> Tensor:
    """The middle square of a photograph, 7/8 of its shorter side, as uint8 (3, size, size).

    As a bicubic resize of the whole photograph to 8/7 of `size` and a cut of its middle.
    """
    image = image.convert("RGB")
    side = round(min(image.size) * 7 / 8)
    left, top = ((length - side) // 2 for length in image.size)
    box = (left, top, left + side, top + side)
    cut = image.resize((size, size), Image.Resampling.BICUBIC, box)
    return torch.from_numpy(np.array(cut)).permute(2, 0, 1).contiguous()


def class_name(label: int, classes: int = 1000) -> str:
    """ImageNet's first word for a class where there are a thousand of them, else its number."""
    if classes != 1000:
        return str(label)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress")  # tqdm looks for notebook widgets
        from timm.data import ImageNetInfo
    return ImageNetInfo().index_to_description(label).split(",")[0]
