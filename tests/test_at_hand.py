"""What a run can have of networks and photographs."""

import pytest
import torch
from torch import nn

from helpers.inputs import at_hand, classifiers, photographs


@pytest.fixture
def twenty(monkeypatch):
    """Twenty pictures that hold their number, labels 390 to 409; a folder of the same."""
    pixels = torch.zeros(20, 3, 4, 4, dtype=torch.uint8)
    pixels[:, 0, 0, 0] = torch.arange(20)
    own = photographs.Photographs(pixels, torch.arange(390, 410), [str(n) for n in range(20)])
    monkeypatch.setattr(photographs, "foolbox_imagenet", lambda: own)
    asked = []

    def load_folder(folder, count):
        asked.append(count)
        return photographs.Photographs(pixels[:count], torch.arange(390, 390 + count), [])

    monkeypatch.setattr(photographs, "load_folder", load_folder)
    return asked


class Knows(nn.Module):
    """Names the pictures of some numbers, and nothing else."""

    def __init__(self, numbers):
        super().__init__()
        self.numbers = numbers
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, images):
        numbers = (255 * images[:, 0, 0, 0]).round().long()
        known = torch.tensor([int(n) in self.numbers for n in numbers])
        return torch.eye(500)[torch.where(known, 390 + numbers, 0)] + self.bias


def test_only_what_every_network_classifies_correctly_is_taken_in_the_order_asked_for(twenty):
    models = {"a": Knows({1, 3, 9, 12}), "b": Knows({3, 9, 12, 15})}

    found = at_hand.classified_correctly(models, 20, first=lambda labels: labels < 400)

    assert found.labels.tolist() == [402, 393, 399]
    assert found.own == 3
    assert found.counts == {"Foolbox's": {"a": (4, 20), "b": (4, 20)}}
    assert found.pixels[:, 0, 0, 0].tolist() == [12, 3, 9]


def test_what_is_lacking_comes_from_the_folder_and_is_not_counted_as_foolboxs(twenty, tmp_path):
    models = {"a": Knows({1, 3})}

    found = at_hand.classified_correctly(models, 3, folder=tmp_path)

    assert twenty == [3]  # three times the one that lacks
    assert found.own == 2
    assert found.labels.tolist() == [391, 393, 391]
    assert found.counts["the sample's"] == {"a": (1, 3)}


def test_no_more_photographs_are_taken_than_asked_for(twenty, tmp_path):
    found = at_hand.classified_correctly({"a": Knows({1, 3, 5})}, 2, folder=tmp_path)

    assert len(found.labels) == found.own == 2
    assert twenty == []


def test_networks_whose_weights_lie_in_xai_data_are_left_out_with_the_reason(monkeypatch, capsys):
    monkeypatch.delenv("XAI_DATA", raising=False)
    model = nn.Identity()

    def load(name):
        if name == "squeezenet1_1":
            raise ValueError("its weights are not there")
        return classifiers.ClassifierWithLayer(model, "layer")

    monkeypatch.setattr(classifiers, "load_imagenet", load)

    found = at_hand.networks(["tf_efficientnet_lite0", "squeezenet1_1"])

    assert found == {"tf_efficientnet_lite0": model}
    assert "squeezenet1_1 is left out: its weights are not there" in capsys.readouterr().out
    with pytest.raises(ValueError, match="no network is left: squeezenet1_1 is left out"):
        at_hand.networks(["squeezenet1_1"])
