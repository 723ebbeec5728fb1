import io
from importlib import resources

import numpy as np
import pytest
import torch
from PIL import Image
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


def test_packaged_imagenet_weights_recognise_a_photograph():
    network = models.timm_network("tf_efficientnet_lite0", classes=1000, size=224)
    body = network.body
    weights = dict(zip(body.state_dict(), models._packaged("tf_efficientnet_lite0"), strict=True))
    body.load_state_dict(weights)  # the package's own last layer too
    image, label = foolbox_imagenet(0)

    with torch.no_grad():
        assert network.eval()(image).argmax(1).item() == label


def foolbox_imagenet(number):
    folder = resources.files("foolbox") / "data"
    file = next(f for f in folder.iterdir() if f.name.startswith(f"imagenet_{number:02d}_"))
    picture = Image.open(io.BytesIO(file.read_bytes())).convert("RGB")
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    return data.to_unit(pixels), int(file.name.split("_")[-1].split(".")[0])


def test_timm_network_has_a_new_last_layer_that_follows_from_the_seed():
    first, same, other = (
        models.timm_network("tf_efficientnet_lite0", classes=10, size=64, seed=s) for s in (1, 1, 2)
    )

    assert torch.equal(first.body.classifier.weight, same.body.classifier.weight)
    assert not torch.equal(first.body.classifier.weight, other.body.classifier.weight)
    assert torch.equal(first.body.conv_stem.weight, other.body.conv_stem.weight)
    assert first.body.classifier.out_features == 10


def test_enlarging_normalises_and_leaves_an_image_of_the_right_size_alone(generator):
    network = models.Enlarged(nn.Identity(), 8, (0.5, 0.5, 0.5), (0.25, 0.5, 1.0))
    image = torch.rand(1, 3, 8, 8, generator=generator)
    small = torch.rand(1, 3, 4, 4, generator=generator)

    expected = (image - 0.5) / torch.tensor([0.25, 0.5, 1.0]).view(1, 3, 1, 1)
    torch.testing.assert_close(network(image), expected)
    assert network(small).shape == (1, 3, 8, 8)


def test_an_unknown_network_is_refused_with_names_near_it():
    with pytest.raises(ValueError, match=r"no network .resnet1.; near it: .*resnet"):
        models.timm_network("resnet1", classes=10, size=64)


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path):
    network = models.timm_network("tf_efficientnet_lite0", classes=10, size=64)
    models.save_checkpoint(tmp_path / "w.safetensors", models.table2_network(), {})

    with pytest.raises(ValueError, match=r"w\.safetensors does not fit the network"):
        models.load_weights(network, (tmp_path / "w.safetensors").read_bytes(), "w.safetensors")


def test_an_altered_file_of_packaged_weights_is_refused(monkeypatch):
    monkeypatch.setitem(models.PACKAGED_SHA256, "tf_efficientnet_lite0", "0" * 64)

    with pytest.raises(ValueError, match="expected 000000000000"):
        models.timm_network("tf_efficientnet_lite0", classes=10, size=64)
