import pytest
import torch
from safetensors.torch import save
from torch import nn

from helpers import data, models


def test_table_2_has_the_layers_and_numbers_of_the_paper():
    network = models.table2_network()

    assert len(network) == 26
    weights = [layer.weight.numel() for layer in network if hasattr(layer, "weight")]
    convolutions = [864, 9216, 18_432, 36_864, 73_728, 147_456]
    assert weights == [n for c, b in zip(convolutions, (32, 32, 64, 64, 128, 128), strict=True)
                       for n in (c, b)] + [20_480]  # fmt: skip
    assert sum(p.numel() for p in network.parameters()) == 308_394
    assert network(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_batchnorm_has_keras_constants():
    norms = [m for m in models.table2_network() if isinstance(m, nn.BatchNorm2d)]

    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.01)}


def test_checkpoint_survives_with_its_record(tmp_path):
    torch.manual_seed(0)
    network = models.table2_network()
    file = tmp_path / "c.safetensors"

    models.save_checkpoint(file, network, {"epochs": 3})

    loaded = models.load_weights(models.table2_network(), file.read_bytes(), file.name)
    assert models.checkpoint_record(file) == {"epochs": 3}
    assert torch.equal(loaded[0].weight, network[0].weight)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


@pytest.mark.parametrize("content", [b"no safetensors", save({"0.weight": torch.zeros(3)})])
def test_weights_that_do_not_fit_are_refused(content):
    with pytest.raises(ValueError, match=r"c\.safetensors does not fit"):
        models.load_weights(models.table2_network(), content, "c.safetensors")


def test_logits_do_not_depend_on_the_batch_size(trained_network):
    pixels = data.foolbox_cifar10().pixels

    whole = models.logits(trained_network, pixels)
    parts = models.logits(trained_network, pixels, batch_size=7)

    assert torch.allclose(whole, parts, atol=1e-4)


def test_our_checkpoint_recognises_foolbox_images(trained_network):
    images = data.foolbox_cifar10()

    right = models.logits(trained_network, images.pixels).argmax(1) == images.labels

    assert right.sum() >= 15  # 88.5 % of twenty, less two standard errors
