import itertools

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from helpers.inputs import checkpoints, cifar, conversion, training


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


@pytest.mark.parametrize(
    "options",
    [
        {"momentum": 0.0},
        {"momentum": 0.9},
        {"optimizer": "adam"},
        {"optimizer": "adam", "autocast": torch.bfloat16, "weight_decay": 0.1},
    ],
)
def test_training_that_was_killed_ends_like_an_unbroken_one(tmp_path, images, options):
    unbroken, killed, resumed = network(), network(), network()
    settings = {**SETTINGS, "epochs": 4, **options}
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


def test_two_steps_of_adam_follow_its_equations(tmp_path, images):
    two = cifar.Images(images.pixels[:2], images.labels[:2])
    trained = nn.Sequential(nn.Sequential(nn.Flatten(), Doubled()), nn.Linear(192, 2).double())
    weight, bias = trained[1].weight.detach().clone(), trained[1].bias.detach().clone()
    inputs = conversion.to_unit(two.pixels).double().flatten(1)
    first = second = 0
    for step, rate in ((1, 0.5), (2, 0.25)):
        weight.requires_grad_()
        bias.requires_grad_()
        loss = nn.functional.cross_entropy(nn.functional.linear(inputs, weight, bias), two.labels)
        slope = torch.cat([g.flatten() for g in torch.autograd.grad(loss, [weight, bias])])
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        move = (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
        weight = weight.detach() - rate * move[:384].view(2, 192)
        bias = bias.detach() - rate * move[384:]

    fit = training.fit(
        trained, two, tmp_path, epochs=2, batch_size=2, optimizer="adam",
        rate=lambda step: 0.5 / (1 + step),
    )  # fmt: skip
    list(fit)

    torch.testing.assert_close(trained[1].weight, weight)
    torch.testing.assert_close(trained[1].bias, bias)


def test_the_state_of_one_optimizer_is_refused_by_the_other(tmp_path, images):
    list(training.fit(network(), images, tmp_path, epochs=1, **SETTINGS))

    with pytest.raises(ValueError, match="is of sgd, not of adam; take another folder"):
        list(training.fit(network(), images, tmp_path, epochs=2, optimizer="adam", **SETTINGS))


def test_an_unknown_optimizer_is_refused(tmp_path, images):
    with pytest.raises(ValueError, match="optimizer is 'rmsprop'; expected one of sgd, adam"):
        next(training.fit(network(), images, tmp_path, epochs=1, optimizer="rmsprop", **SETTINGS))


def test_autocast_computes_in_its_type_and_keeps_the_weights_in_theirs(tmp_path, images):
    seen = []

    class Watched(nn.Module):
        def forward(self, x):
            seen.append(x.dtype)
            return x

    watched = nn.Sequential(nn.Conv2d(3, 4, 8), Watched(), nn.Flatten(), nn.Linear(4, 2))
    list(training.fit(watched, images, tmp_path, epochs=1, autocast=torch.bfloat16, **SETTINGS))

    assert set(seen) == {torch.bfloat16}
    assert {weight.dtype for weight in watched.parameters()} == {torch.float32}


def test_the_rate_rises_for_a_tenth_of_the_steps_and_then_falls_to_zero():
    rates = [training.rise_and_decay(step, steps=20, peak=3.0) for step in range(21)]

    assert rates[0] == pytest.approx(1.5)
    assert rates[1] == pytest.approx(3.0)
    assert rates[2] == pytest.approx(3.0)
    assert rates[11] == pytest.approx(1.5)
    assert rates[20] == 0


def test_an_epoch_whose_optimizer_was_not_written_is_trained_again(tmp_path, images):
    unbroken, resumed = network(), network()
    list(training.fit(unbroken, images, tmp_path / "a", epochs=2, **SETTINGS))
    list(training.fit(network(), images, tmp_path / "b", epochs=1, **SETTINGS))
    training.epoch_file(tmp_path / "b", 2).write_bytes(b"written, but its optimizer was not")

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


class Seen(nn.Module):
    """A linear network that remembers the first pixel of each image it was trained on."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.head, self.order = nn.Linear(192, 2), []

    def forward(self, x):
        if self.training:
            self.order += (255 * x[:, 0, 0, 0]).round().int().tolist()
        return self.head(x.flatten(1))


@pytest.fixture
def numbered(images):
    """The images, their first pixel being their number."""
    pixels = images.pixels.clone()
    pixels[:, 0, 0, 0] = torch.arange(40).to(torch.uint8)
    return images._replace(pixels=pixels)


STILL = {"batch_size": 16, "rate": lambda step: 0.0}  # batches of 16, 16 and 8


def test_every_epoch_shows_all_images_in_an_order_of_its_own(tmp_path, numbered):
    trained = Seen()
    list(training.fit(trained, numbered, tmp_path, epochs=2, **STILL))

    first, second = trained.order[:40], trained.order[40:]
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second


def test_a_record_holds_the_mean_loss_and_accuracy_over_all_images(tmp_path, numbered):
    trained = Seen()
    logits = trained.head(conversion.to_unit(numbered.pixels).flatten(1))
    *_, (_, record) = training.fit(trained, numbered, tmp_path, epochs=1, **STILL)

    expected = nn.functional.cross_entropy(logits, numbered.labels).item()
    assert record["loss"] == pytest.approx(expected, rel=1e-5)
    assert record["right"] == (logits.argmax(1) == numbered.labels).float().mean()


def test_a_network_is_in_evaluation_mode_between_epochs(tmp_path, numbered):
    trained = Seen()
    for epoch, _ in training.fit(trained, numbered, tmp_path, epochs=2, **STILL):
        assert not trained.training or epoch == 0


def test_images_are_augmented_where_that_is_asked_for(tmp_path, numbered):
    trained = Seen()
    list(
        training.fit(
            trained, numbered, tmp_path, epochs=1, augment=lambda batch, _: 1 - batch, **STILL
        )
    )

    assert sorted(trained.order) == [255 - number for number in reversed(range(40))]


def test_weight_decay_takes_its_share_of_the_weights_in_a_step(tmp_path, numbered):
    plain, decayed = Seen(), Seen()
    before = plain.head.weight.detach().clone()
    settings = {"epochs": 1, "batch_size": 40, "rate": lambda step: 0.1}
    list(training.fit(plain, numbered, tmp_path / "a", **settings))
    list(training.fit(decayed, numbered, tmp_path / "b", weight_decay=0.5, **settings))

    torch.testing.assert_close(plain.head.weight - decayed.head.weight, 0.1 * 0.5 * before)


def test_dropout_follows_from_the_seed_whatever_was_drawn_before(tmp_path, images):
    trained = [network(), network()]
    for number, each in enumerate(trained):
        torch.manual_seed(number)
        list(training.fit(each, images, tmp_path / str(number), epochs=1, **SETTINGS))

    assert torch.equal(trained[0][0].weight, trained[1][0].weight)


def test_an_epoch_counts_as_done_only_when_its_weights_are_written(tmp_path, images, monkeypatch):
    save = checkpoints.save_checkpoint

    def killed(file, *rest):
        if file.name == "epoch-01.safetensors":
            raise KeyboardInterrupt
        save(file, *rest)

    monkeypatch.setattr(checkpoints, "save_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        list(training.fit(network(), images, tmp_path, epochs=1, **SETTINGS))

    assert not (tmp_path / training.STATE_FILE).exists()
