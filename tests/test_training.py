import itertools

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from helpers.inputs import cifar, conversion, training


def network():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(4, 2),
    )  # fmt: skip


@pytest.fixture
def images(generator):
    labels = torch.arange(40) % 2
    noise = torch.randint(0, 100, (40, 3, 8, 8), generator=generator)
    return cifar.Images((noise + 150 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels)


def mirrored(batch, generator):
    return torch.where(torch.rand(len(batch), 1, 1, 1, generator=generator) < 0.5, batch, 1 - batch)


SETTINGS = {"batch_size": 16, "rate": lambda step: 0.1 / (1 + step), "augment": mirrored, "seed": 3}


def test_two_steps_follow_the_equations_of_momentum(tmp_path, images):
    two = cifar.Images(images.pixels[:2], images.labels[:2])
    trained = nn.Sequential(nn.Flatten(), nn.Linear(192, 2)).double()
    plain = nn.Linear(192, 2).double()
    plain.load_state_dict(trained[1].state_dict())
    inputs = conversion.to_unit(two.pixels).double().flatten(1)
    velocity = 0
    for rate in (0.5, 0.25):
        loss = nn.functional.cross_entropy(plain(inputs), two.labels)
        (gradient,) = torch.autograd.grad(loss, plain.weight)
        velocity = 0.9 * velocity + gradient
        (bias,) = torch.autograd.grad(
            nn.functional.cross_entropy(plain(inputs), two.labels), plain.bias
        )
        fall = bias if rate == 0.5 else 0.9 * fall + bias  # noqa: F821
        with torch.no_grad():
            plain.weight -= rate * velocity
            plain.bias -= rate * fall

    trained[0] = nn.Sequential(nn.Flatten(), Doubled())
    fit = training.fit(
        trained, two, tmp_path, epochs=2, batch_size=2, rate=lambda step: 0.5 / (1 + step)
    )
    list(fit)

    torch.testing.assert_close(trained[1].weight, plain.weight)
    torch.testing.assert_close(trained[1].bias, plain.bias)


class Doubled(nn.Module):
    def forward(self, x):
        return x.double()


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_training_that_was_killed_ends_like_an_unbroken_one(tmp_path, images, momentum):
    unbroken, killed, resumed = network(), network(), network()
    settings = {**SETTINGS, "epochs": 4, "momentum": momentum}
    whole = list(training.fit(unbroken, images, tmp_path / "a", **settings))

    started = training.fit(killed, images, tmp_path / "b", **settings)
    list(itertools.islice(started, 3))  # epochs 0, 1 and 2; then the process dies
    rest = list(training.fit(resumed, images, tmp_path / "b", **settings))

    for key, value in unbroken.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key
    assert [record["loss"] for _, record in rest[1:]] == [r["loss"] for _, r in whole[1:]]
    for epoch in range(5):
        files = [load_file(training.epoch_file(tmp_path / f, epoch)) for f in "ab"]
        assert all(torch.equal(files[0][key], files[1][key]) for key in files[0])


def test_an_epoch_whose_momentum_was_not_written_is_trained_again(tmp_path, images):
    unbroken, resumed = network(), network()
    list(training.fit(unbroken, images, tmp_path / "a", epochs=2, **SETTINGS))
    list(training.fit(network(), images, tmp_path / "b", epochs=1, **SETTINGS))
    training.epoch_file(tmp_path / "b", 2).write_bytes(b"written, but its momentum was not")

    list(training.fit(resumed, images, tmp_path / "b", epochs=2, **SETTINGS))

    assert torch.equal(unbroken[0].weight, resumed[0].weight)


def test_a_finished_training_is_read_and_not_repeated(tmp_path, images):
    done = network()
    first = list(training.fit(done, images, tmp_path, epochs=2, **SETTINGS))
    written = [file.stat().st_mtime_ns for file in sorted(tmp_path.iterdir())]

    again = network()
    second = list(training.fit(again, images, tmp_path, epochs=2, **SETTINGS))

    assert second == first
    assert [file.stat().st_mtime_ns for file in sorted(tmp_path.iterdir())] == written
    assert torch.equal(done[0].weight, again[0].weight)


def test_training_leaves_the_global_generator_alone(tmp_path, images):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)

    fresh = nn.Sequential(nn.Conv2d(3, 2, 8), nn.Dropout(0.5), nn.Flatten())
    torch.manual_seed(5)
    list(training.fit(fresh, images, tmp_path, epochs=1, **SETTINGS))

    assert torch.equal(torch.rand(1), expected)


def test_training_refuses_the_checkpoint_of_another_network(tmp_path, images):
    list(training.fit(network(), images, tmp_path, epochs=1, **SETTINGS))
    other = nn.Sequential(nn.Conv2d(3, 2, 8), nn.Flatten())

    with pytest.raises(ValueError, match=r"epoch-01\.safetensors does not fit the network"):
        list(training.fit(other, images, tmp_path, epochs=1, **SETTINGS))


def test_a_loss_that_is_not_finite_is_reported_with_its_epoch(tmp_path, images):
    settings = {**SETTINGS, "rate": lambda step: 1e30}

    with pytest.raises(ValueError, match="loss of epoch 1 is nan; take a smaller learning rate"):
        list(training.fit(network(), images, tmp_path, epochs=3, **settings))
