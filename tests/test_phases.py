"""Training in phases: what each phase sees, and that a finished training is read."""

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from helpers.inputs import cifar, classifiers, phases
from helpers.store import paths

COUNT = 6
LOG = "SHAPES_SEEN"  # names a file: what lies on the disk is no part of a training's key


class Body(nn.Module):
    """The mean color through one layer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 2)

    def forward(self, images):
        with Path(os.environ[LOG]).open("a") as file:
            file.write(f"{len(images)} of {images.shape[-1]}\n")
        return self.layer(images.mean((2, 3)))


def network():
    return classifiers.Preprocessed(Body(), 8, (0.5,) * 3, (0.5,) * 3)


def pictures(side):
    generator = torch.Generator().manual_seed(side)
    pixels = torch.randint(256, (COUNT, 3, side, side), generator=generator, dtype=torch.uint8)
    return cifar.Images(pixels, torch.tensor([0, 1] * (COUNT // 2)))


def crop(images, generator, *, size):
    return images[:, :, :size, :size]


TWO = [phases.Phase(8, 4, 2, 3, 0.1), phases.Phase(10, 8, 1, 2, 0.1)]


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    monkeypatch.setenv(LOG, str(tmp_path / "seen"))
    return tmp_path


def seen(kept):
    """The shapes that the network has seen since this was last asked."""
    file = kept / "seen"
    shapes = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return shapes


def test_each_phase_has_its_size_batch_and_epochs(kept):
    trained, records = phases.train_or_load("small", network(), pictures, TWO, crop)

    assert seen(kept) == ["3 of 4"] * 4 + ["2 of 8"] * 3
    assert [record["size"] for record in records] == [4, 4, 8]
    assert not any(weight.requires_grad for weight in trained.parameters())


def test_a_network_has_its_own_size_after_training_at_another(kept):
    for _ in "made", "read":
        trained, _ = phases.train_or_load("small", network(), pictures, TWO[:1], crop)

        assert trained.size == 8


def test_a_finished_training_is_read_with_the_same_weights(kept):
    first, _ = phases.train_or_load("small", network(), pictures, TWO, crop)
    seen(kept)

    second, _ = phases.train_or_load("small", network(), pictures, TWO, crop)

    assert seen(kept) == []
    assert torch.equal(first.body.layer.weight, second.body.layer.weight)
    assert not torch.equal(first.body.layer.weight, network().body.layer.weight)


def test_an_interrupted_training_goes_on_from_its_last_epoch(kept):
    whole, _ = phases.train_or_load("small", network(), pictures, TWO, crop)
    last = next(kept.glob("small/*/phase-1"))
    for file in last.iterdir():
        file.unlink()
    seen(kept)

    again, _ = phases.train_or_load("small", network(), pictures, TWO, crop)

    assert seen(kept) == ["2 of 8"] * 3  # the first phase is not made again
    assert torch.equal(whole.body.layer.weight, again.body.layer.weight)


def test_phases_without_an_epoch_are_passed_over_and_none_is_refused(kept):
    none = TWO[0]._replace(epochs=0)

    _, records = phases.train_or_load("small", network(), pictures, [none, TWO[1]], crop)

    assert [record["size"] for record in records] == [8]
    with pytest.raises(ValueError, match="no epoch to train"):
        phases.train_or_load("small", network(), pictures, [none], crop)
