"""Files that the project makes for itself, and those that a user brings, to be spoiled."""

import hashlib
import io
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torchvision
from PIL import Image
from safetensors.torch import load, save
from torch import nn

from helpers.inputs import (
    checkpoints,
    cifar,
    classifiers,
    dieter2023,
    faces,
    photographs,
    recipes,
    stored_networks,
    training,
)
from helpers.report import costs
from helpers.store import cache, paths, reading
from helpers.trials import training_stages_shards
from reliability import spoil
from reliability.things import Thing

BOXES = "file,x0,y0,x1,y1\na.png,2,4,8,10\nb.png,0,1,19,10\n"
VOC = (
    "<annotation><filename>{}.png</filename>\n<object><name>with_mask</name><bndbox>"
    "<xmin>3</xmin><ymin>5</ymin><xmax>8</xmax><ymax>10</ymax></bndbox></object></annotation>\n"
)


def part(number: int) -> dict[str, torch.Tensor]:
    """A result that is kept."""
    return {"x": torch.arange(600.0).view(2, 300) * number, "y": torch.arange(number)}


def bare(change: Any = None) -> spoil.Spoil:
    """The same tensors in a file without record and checksum, as another program writes them."""

    def spoiled(whole: bytes, chance: random.Random) -> bytes:
        tensors = load(whole)
        name = max(tensors, key=lambda key: tensors[key].numel())
        tensors[name] = change(tensors[name]) if change else tensors[name]
        return save(tensors)

    return spoiled


def instead(file: Path) -> spoil.Spoil:
    """The content of another file of its kind."""
    return lambda whole, chance: file.read_bytes()


TENSORS = spoil.ANY | {
    "without its checksum": bare(),
    "of another shape, no checksum": bare(lambda tensor: tensor.flatten()[:-1].clone()),
    "with NaN, no checksum": bare(lambda tensor: tensor * float("nan")),
}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))


def kept(folder: Path) -> Iterator[Thing]:
    """What runs keep: parts, checkpoints, the optimizer's state, CIFAR-10's copy."""
    for number in (1, 2):
        cache.kept(f"reliability/part{number}", part, number)
    first, second = sorted((paths.CACHE / "reliability").glob("part*.safetensors"))
    swapped = {"another part's content": instead(second)}
    read = lambda: cache.kept("reliability/part1", part, 1)  # noqa: E731
    yield Thing("kept part", first, read, TENSORS | swapped)

    images = cifar.Images(
        torch.randint(0, 255, (32, 3, 8, 8), dtype=torch.uint8), torch.arange(32) % 10
    )
    trained = folder / "training"

    def train(epochs: int) -> tuple:
        fitted = network()
        options = {"epochs": epochs, "batch_size": 16, "seed": 0}
        steps = training.fit(
            fitted, images, trained, momentum=0.9, rate=lambda step: 0.1, **options
        )
        records = [record.get("loss") for _, record in steps]
        return records, dict(fitted.state_dict())

    train(2)
    swapped = {"another epoch's content": instead(trained / "epoch-01.safetensors")}
    for name, file in (
        ("checkpoint", training.epoch_file(trained, 2)),
        ("optimizer's state", trained / training.STATE_FILE),
    ):
        yield Thing(name, file, lambda: train(3), TENSORS | swapped, folder=trained)
    cached = paths.CACHE / "cifar10-test.safetensors"
    pretended_cifar(images)
    cifar.cifar10("test")
    yield Thing("CIFAR-10's copy", cached, lambda: cifar.cifar10("test"), TENSORS)


def pretended_cifar(images: cifar.Images) -> None:
    """Let a few images pass for CIFAR-10's, found by a second way if the kept copy is damaged."""

    def sha256(values: np.ndarray) -> str:
        return hashlib.sha256(np.ascontiguousarray(values)).hexdigest()

    labels = images.labels.numpy().astype(np.uint8)
    cifar.CIFAR10_SHA256 |= {"test": sha256(images.pixels.numpy()), "test labels": sha256(labels)}
    cifar._torchvision_cifar10 = lambda split, root: images


def committed() -> Iterator[Thing]:
    """Networks of ours, their description and their checksums."""
    name = "lrp_adversarial.safetensors"
    file = paths.MODELS / name
    trained = paths.MODELS / "gradcam_training.json"

    def weights() -> nn.Module:
        content = checkpoints.read_checkpoint(file)
        return checkpoints.load_weights(classifiers.dieter_cnn(), content, name)

    yield Thing("committed network", file, weights, TENSORS)
    told = lambda: recipes.committed_training("gradcam_training")  # noqa: E731
    structured = spoil.ANY | spoil.TEXT | spoil.JSON
    yield Thing("a training's description", trained, told, structured)
    sums = paths.MODELS / reading.SUMS

    def whole() -> list[str]:
        names = sorted(entry.name for entry in paths.MODELS.iterdir() if entry != sums)
        return [hashlib.sha256(reading.content(paths.MODELS / name)).hexdigest() for name in names]

    yield Thing("checksums", sums, whole, spoil.ANY | spoil.TEXT, said="SHA256")


def brought(folder: Path) -> Iterator[Thing]:
    """What a user brings: photographs, boxes, true masks, the authors' material, networks."""
    pictures = folder / "photographs"
    for name in ("a.png", "b.png", "c.jpg"):
        _noise(pictures / name, len(name) + ord(name[0]))
    shown = lambda: photographs.load_folder(pictures, 3, size=16)[:2]  # noqa: E731
    for name in ("a.png", "c.jpg"):
        kind = name.partition(".")[2].upper()
        yield Thing(f"photograph ({kind})", pictures / name, shown, spoil.ANY, own=True)
    for annotated in (False, True):
        yield from _located(folder / ("voc" if annotated else "table"), annotated)
    yield from _authors(folder / "data")


def _noise(file: Path, seed: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 255, (20, 40, 3), np.uint8)
    Image.fromarray(values).save(file)


def _located(own: Path, annotated: bool) -> Iterator[Thing]:
    for number, name in enumerate(("a", "b")):
        _noise(own / "images" / f"{name}.png", number)
        mark = np.zeros((20, 40), np.uint8)
        mark[4:10, 2:8] = 255
        (own / "truth").mkdir(exist_ok=True)
        Image.fromarray(mark).save(own / "truth" / f"{name}.png")
        if annotated:
            (own / "annotations").mkdir(exist_ok=True)
            (own / "annotations" / f"{name}.xml").write_text(VOC.format(name))
    read = lambda: faces.load_located(own, 40)  # noqa: E731
    if annotated:
        file = own / "annotations" / "a.xml"
        faults = spoil.ANY | spoil.TEXT
        yield Thing("annotation (VOC)", file, read, faults, said="a.", own=True)
        return
    (own / "boxes.csv").write_text(BOXES)
    faults = spoil.ANY | spoil.TEXT | spoil.CSV
    yield Thing("table of boxes", own / "boxes.csv", read, faults, said=".", own=True)
    yield Thing("true mask", own / "truth" / "a.png", read, spoil.ANY, said="a.png", own=True)


def _authors(data: Path) -> Iterator[Thing]:
    """Files of XAI_DATA, whose SHA-256 is pinned: made here, and pinned for this process."""
    own = data / "dieter2023"
    own.mkdir(parents=True)
    held = io.BytesIO()
    np.savez(held, test_index=np.arange(4), target=np.arange(4))
    (own / "pairs.npz").write_bytes(held.getvalue())
    import lzma

    for number in (0, 1):
        delta = np.full((2, 3, 32, 32), number, np.uint8).tobytes()
        (own / f"delta_{number}.u8.xz").write_bytes(lzma.compress(delta))
    for file in own.iterdir():
        dieter2023.DIETER2023_SHA256[file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    originals = torch.zeros(4, 3, 32, 32, dtype=torch.uint8)
    pairs = lambda: dieter2023.load_adversarials(own, originals)  # noqa: E731
    yield Thing("the authors' pairs", own / "pairs.npz", pairs, spoil.ANY)
    yield Thing("the authors' differences", own / "delta_0.u8.xz", pairs, spoil.ANY)

    name = "squeezenet1_1"
    file = data / "networks" / f"{name}.safetensors"
    file.parent.mkdir()
    file.write_bytes(save(torchvision.models.squeezenet1_1(weights=None).state_dict()))
    stored_networks.SHA256[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    import os

    os.environ["XAI_DATA"] = str(data)
    weights = lambda: stored_networks.load(name, ["a"], 64)[0]  # noqa: E731
    yield Thing("a network of XAI_DATA", file, weights, TENSORS)


def pooled(folder: Path) -> Iterator[Thing]:
    """What several seeds leave: shards of trainings, and the pooled table."""
    recipe = recipes.Recipe("tiny", 64, False, 0.1, 0.9, 16, 3, 100, 2)
    rows = pd.DataFrame(
        [["a", "x=1", 1.5, 0.25, 10], ["b", "x=1", 2.5, 0.5, 20]],
        columns=training_stages_shards.COLUMNS,
    )
    shard = training_stages_shards.Shard(recipe, {"images": 3}, rows)
    training_stages_shards.write(folder, shard)
    file = folder / training_stages_shards.file_name(recipe)
    measured = {"images": 3}  # a shard that is another training's is passed over, and made again
    read = lambda: training_stages_shards.read(folder, recipe, measured) or shard  # noqa: E731
    yield Thing("shard of a training", file, read, spoil.ANY | spoil.TEXT | spoil.JSON)
    table = folder / "pooled" / "elime-seeds.csv"
    table.parent.mkdir()
    table.write_text(
        "key,arm,value,low,high,n,seeds,spread\na,B,2.0,1.5,2.5,7,3,0.25\nb,B,3.0,1.5,4.5,7,2,0.5\n"
    )
    sha256 = hashlib.sha256(table.read_bytes()).hexdigest()
    table.with_suffix(".json").write_text(f'{{"sha256": "{sha256}"}}')
    shown = lambda: costs.seeds_page(table.parent)  # noqa: E731
    yield Thing("pooled seeds", table, shown, spoil.ANY | spoil.TEXT | spoil.CSV)


def clean(folder: Path) -> None:
    """Remove what these made."""
    shutil.rmtree(folder, ignore_errors=True)
