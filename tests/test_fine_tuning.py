"""Networks with ImageNet weights and a new last layer."""

import pytest
import torch
from torch import nn

from helpers.inputs import classifiers, fine_tuning
from helpers.store import paths


@pytest.fixture
def small():
    body = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.Dropout(0.5))
    return fine_tuning.FixedNorms(body, 4, (0.5,) * 3, (0.5,) * 3)


def test_norms_stay_in_evaluation_while_all_else_trains(small):
    small.train()

    assert small.training
    assert small.body[2].training
    assert not small.body[1].training
    assert not small.eval().training


def test_a_step_of_training_moves_weights_and_no_statistics(small):
    before = small.body[1].running_mean.clone(), small.body[0].weight.clone()
    small.train()

    small(torch.rand(2, 3, 4, 4)).square().sum().backward()
    torch.optim.SGD(small.parameters(), lr=0.1).step()

    assert torch.equal(small.body[1].running_mean, before[0])
    assert not torch.equal(small.body[0].weight, before[1])


def test_a_new_head_keeps_the_maps_of_the_imagenet_network(generator):
    name = "tf_efficientnet_lite0"
    images = torch.rand(2, 3, 64, 64, generator=generator)
    old = fine_tuning.unchanged(name, 64)
    new = fine_tuning.with_new_head(name, classes=2, size=64, seed=1).eval()

    with torch.no_grad():
        maps = [net.body.forward_features((images - net.mean) / net.std) for net in (old, new)]
        logits = new(images)

    assert torch.equal(*maps)
    assert logits.shape == (2, 2)
    assert all(weight.requires_grad for weight in new.parameters())
    assert {*dict(new.named_modules())} >= {*fine_tuning.LAYERS[name]}


def test_one_seed_gives_one_new_layer():
    heads = [
        fine_tuning.with_new_head(
            "tf_efficientnet_lite0", classes=2, size=64, seed=seed
        ).body.classifier.weight
        for seed in (1, 1, 2)
    ]

    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_an_unknown_network_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no network 'vgg19'.*tf_efficientnet_lite0"):
        fine_tuning.unchanged("vgg19", 64)


def test_a_network_of_a_missing_folder_is_not_at_hand(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "xai_data", lambda: tmp_path)
    assert not fine_tuning.is_at_hand("tf_mobilenetv2_100")
    assert fine_tuning.is_at_hand("tf_efficientnet_lite0")

    (tmp_path / "networks").mkdir()
    (tmp_path / "networks/tf_mobilenetv2_100.safetensors").touch()
    assert fine_tuning.is_at_hand("tf_mobilenetv2_100")
    monkeypatch.setattr(paths, "xai_data", lambda: None)
    assert not fine_tuning.is_at_hand("tf_mobilenetv2_100")


def test_imagenets_masks_have_their_places_in_the_packaged_classes():
    assert sorted(fine_tuning.MASKS.values()) == [570, 643, 691, 796]
    assert classifiers.PACKAGED_SHA256.keys() & fine_tuning.LAYERS.keys()
