import math

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save
from torch import nn

from helpers.inputs import checkpoints, cifar, classifiers, conversion, photographs
from helpers.store import paths, reading


def test_table_2_has_the_layers_and_numbers_of_the_paper():
    network = classifiers.dieter_cnn()

    assert len(network) == 26
    weights = [layer.weight.numel() for layer in network if hasattr(layer, "weight")]
    convolutions = [864, 9216, 18_432, 36_864, 73_728, 147_456]
    assert weights == [n for c, b in zip(convolutions, (32, 32, 64, 64, 128, 128), strict=True)
                       for n in (c, b)] + [20_480]  # fmt: skip
    assert sum(p.numel() for p in network.parameters()) == 308_394
    assert network(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_batchnorm_has_keras_constants():
    norms = [m for m in classifiers.dieter_cnn() if isinstance(m, nn.BatchNorm2d)]

    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.01)}


def test_checkpoint_survives_with_its_record(tmp_path):
    torch.manual_seed(0)
    network = classifiers.dieter_cnn()
    file = tmp_path / "c.safetensors"

    checkpoints.save_checkpoint(file, network, {"epochs": 3})

    loaded = checkpoints.load_weights(classifiers.dieter_cnn(), file.read_bytes(), file.name)
    assert checkpoints.checkpoint_record(file) == {"epochs": 3}
    assert torch.equal(loaded[0].weight, network[0].weight)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def test_whatever_bit_of_a_checkpoint_flips_it_is_refused(tmp_path):
    network = nn.Linear(2, 1)
    file = tmp_path / "c.safetensors"
    checkpoints.save_checkpoint(file, network, {"epochs": 3})
    content = file.read_bytes()

    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        file.write_bytes(changed)
        with pytest.raises(ValueError, match=r"c\.safetensors"):
            checkpoints.load_weights(nn.Linear(2, 1), checkpoints.read_checkpoint(file), file.name)


def test_a_checkpoint_without_a_checksum_or_with_nan_is_refused(tmp_path):
    file = tmp_path / "c.safetensors"
    file.write_bytes(save(dict(nn.Linear(2, 1).state_dict())))
    with pytest.raises(ValueError, match=r"c\.safetensors has no checksum"):
        checkpoints.read_checkpoint(file)

    broken = save({"weight": torch.full((1, 2), torch.nan), "bias": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"c\.safetensors holds NaN or infinity in weight"):
        checkpoints.load_weights(nn.Linear(2, 1), broken, "c.safetensors")


@pytest.mark.parametrize("file", sorted(paths.MODELS.glob("*.safetensors")), ids=lambda f: f.name)
def test_one_bit_of_a_committed_network_is_noticed_whoever_reads_it(file):
    assert file.name in reading.sums(paths.MODELS)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1

    with pytest.raises(ValueError, match=rf"{file.name} has SHA-256 .*git checkout -- data/models"):
        checkpoints.load_weights(nn.Linear(1, 1), bytes(content), file.name)


@pytest.mark.parametrize("content", [b"no safetensors", save({"0.weight": torch.zeros(3)})])
def test_weights_that_do_not_fit_are_refused(content):
    with pytest.raises(ValueError, match=r"c\.safetensors does not fit"):
        checkpoints.load_weights(classifiers.dieter_cnn(), content, "c.safetensors")


def test_logits_do_not_depend_on_the_batch_size(trained_network):
    pixels = cifar.foolbox_cifar10().pixels

    whole = classifiers.logits(trained_network, pixels)
    parts = classifiers.logits(trained_network, pixels, batch_size=7)

    assert torch.allclose(whole, parts, atol=1e-4)


def test_our_checkpoint_recognises_foolbox_images(trained_network):
    images = cifar.foolbox_cifar10()

    right = classifiers.logits(trained_network, images.pixels).argmax(1) == images.labels

    assert right.sum() >= 15  # 88.5 % of twenty, less two standard errors


@pytest.fixture(scope="module")
def photos():
    found = photographs.foolbox_imagenet(224)
    return conversion.to_unit(found.pixels), found.labels


@pytest.mark.parametrize("name", classifiers.PACKAGED_SHA256)
def test_packaged_networks_fit_and_recognise_most_of_foolbox_photographs(name, photos):
    images, labels = photos

    network, layer = classifiers.load_imagenet(name)
    body = network.body.state_dict()
    with torch.no_grad():
        right = network(images.to(classifiers.default_device())).argmax(1).cpu() == labels

    packaged = classifiers._packaged(name)
    assert len(packaged) == len(body)
    for tensor, (key, theirs) in zip(packaged, body.items(), strict=True):
        assert torch.equal(tensor, theirs.cpu()), key  # its last layer too
    assert right.sum() >= 16  # 75 % of ImageNet and easier photos: 18 of 20 on lite0
    assert isinstance(network.get_submodule(layer), nn.Module)
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())


def test_an_unknown_network_of_imagenet_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match=r"no network 'resnet51'; expected one of tf_.*resnet50"):
        classifiers.load_imagenet("resnet51")


def test_weights_that_cannot_be_downloaded_are_named_with_what_to_take_instead(monkeypatch):
    def unreachable(name, weights):
        raise OSError(f"no connection for {name}, {weights}")

    monkeypatch.setattr(torchvision.models, "get_model", unreachable)

    with pytest.raises(ValueError, match=r"weights of vgg19 cannot be had.*tf_efficientnet_lite0"):
        classifiers.load_imagenet("vgg19")


def test_the_last_maps_of_torchvisions_networks_are_followed_by_pooling(monkeypatch):
    """Random weights: the layer's output is what a global or a max pooling takes, in space."""
    original = torchvision.models.get_model
    monkeypatch.setattr(
        torchvision.models, "get_model", lambda name, weights: original(name, weights=None)
    )
    sides = {}
    for name in ("resnet50", "mobilenet_v2", "densenet121", "vgg19"):
        network, layer = classifiers.load_imagenet(name)
        handle = network.get_submodule(layer).register_forward_hook(
            lambda module, given, out, name=name: sides.update({name: tuple(out.shape[1:])})
        )
        with torch.no_grad():
            network(torch.rand(1, 3, 224, 224, device=classifiers.default_device()))
        handle.remove()

    assert sides == {
        "resnet50": (2048, 7, 7), "mobilenet_v2": (1280, 7, 7), "densenet121": (1024, 7, 7),
        "vgg19": (512, 14, 14),
    }  # fmt: skip


def own_logits(images):
    """Logits 0, x, 2 x of images of one value x."""
    return images[:, 0, 0, :1] * torch.arange(3.0)


def of_values(*values):
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 3, 2, 2)


def test_bfloat16_rounds_the_answers_and_gives_them_in_float32(small_network, small_images):
    exact, weights = small_network(small_images), small_network.state_dict()
    before = {key: value.clone() for key, value in weights.items()}
    rounded = classifiers.Bfloat16(small_network)(small_images)
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).abs().max() < 0.05 * exact.abs().max()
    assert all(torch.equal(before[key], value) for key, value in weights.items())


def test_class_score_gives_rounds_of_images_their_own_class():
    classes = torch.tensor([2, 1])
    images = of_values(1.0, 2.0, 3.0, 4.0, -1.0, -2.0)  # classes 2, 1, 2, 1, 2, 1

    logit = classifiers.class_score(own_logits, classes, probability=False)(images)
    probability = classifiers.class_score(own_logits, classes, probability=True)(images)

    assert logit.tolist() == [2, 2, 6, 4, -2, -2]
    expected = [
        math.exp(c * x) / sum(math.exp(k * x) for k in range(3))
        for x, c in zip([1, 2, 3, 4, -1, -2], [2, 1] * 3, strict=True)
    ]
    assert probability.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_class_score_refuses_rounds_that_are_not_whole(count):
    score = classifiers.class_score(own_logits, torch.tensor([0, 1]), probability=True)

    with pytest.raises(ValueError, match=f"{count} images are no whole rounds of 2 classes"):
        score(torch.zeros(count, 3, 2, 2))


@pytest.mark.parametrize("classes", [[0, 3], [-1, 2]])
def test_class_score_refuses_a_class_that_the_network_does_not_have(classes):
    score = classifiers.class_score(own_logits, torch.tensor(classes), probability=False)

    with pytest.raises(ValueError, match=r"classes run from .* expected 0 to 2"):
        score(of_values(1.0, 2.0))


@pytest.mark.parametrize("probability", [False, True])
def test_class_score_refuses_outputs_that_are_no_logits(probability):
    ends_in_softmax = classifiers.class_score(
        lambda images: own_logits(images).softmax(1), torch.tensor([0]), probability=probability
    )
    broken = classifiers.class_score(
        lambda images: own_logits(images) * math.nan, torch.tensor([0]), probability=probability
    )

    with pytest.raises(ValueError, match="expected logits: leave off its softmax"):
        ends_in_softmax(of_values(1.0, 2.0))
    with pytest.raises(ValueError, match="logits hold NaN"):
        broken(of_values(1.0, 2.0))


def test_timm_network_has_a_new_last_layer_that_follows_from_the_seed():
    first, same, other = (
        classifiers.timm_network("tf_efficientnet_lite0", classes=10, size=64, seed=s)
        for s in (1, 1, 2)
    )

    assert torch.equal(first.body.classifier.weight, same.body.classifier.weight)
    assert not torch.equal(first.body.classifier.weight, other.body.classifier.weight)
    assert torch.equal(first.body.conv_stem.weight, other.body.conv_stem.weight)
    assert first.body.classifier.out_features == 10


def test_enlarging_normalises_and_leaves_an_image_of_the_right_size_alone(generator):
    network = classifiers.Preprocessed(nn.Identity(), 8, (0.5, 0.5, 0.5), (0.25, 0.5, 1.0))
    image = torch.rand(1, 3, 8, 8, generator=generator)
    small = torch.rand(1, 3, 4, 4, generator=generator)

    expected = (image - 0.5) / torch.tensor([0.25, 0.5, 1.0]).view(1, 3, 1, 1)
    torch.testing.assert_close(network(image), expected)
    assert network(small).shape == (1, 3, 8, 8)


def test_an_unknown_network_is_refused_with_names_near_it():
    with pytest.raises(ValueError, match=r"no network .resnet1.; near it: .*resnet"):
        classifiers.timm_network("resnet1", classes=10, size=64)


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path):
    network = classifiers.timm_network("tf_efficientnet_lite0", classes=10, size=64)
    checkpoints.save_checkpoint(tmp_path / "w.safetensors", classifiers.dieter_cnn(), {})

    with pytest.raises(ValueError, match=r"w\.safetensors does not fit the network"):
        checkpoints.load_weights(
            network, (tmp_path / "w.safetensors").read_bytes(), "w.safetensors"
        )


def test_an_altered_file_of_packaged_weights_is_refused(monkeypatch):
    monkeypatch.setitem(classifiers.PACKAGED_SHA256, "tf_efficientnet_lite0", "0" * 64)

    with pytest.raises(ValueError, match="expected 000000000000"):
        classifiers.timm_network("tf_efficientnet_lite0", classes=10, size=64)


def test_packaged_weights_are_read_without_running_code_in_them(monkeypatch):
    options = []
    load = torch.load
    monkeypatch.setattr(
        torch, "load", lambda *a, **given: options.append(given) or load(*a, **given)
    )

    classifiers._packaged("tf_efficientnet_lite0")

    assert [given["weights_only"] for given in options] == [True]


@pytest.mark.parametrize("name", classifiers.PACKAGED_SHA256)
def test_networks_of_packages_get_images_of_the_size_they_were_trained_at(name):
    assert classifiers.IMAGENET[name][0] == timm.get_pretrained_cfg(name).input_size[-1]
