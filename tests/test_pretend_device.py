"""What the notebooks compute is the same on a device, stays there, and mixes no two devices."""

import copy

import foolbox
import pytest
import torch
from device_calls import CALLS, GIVE_HOST, PHOTOS, A, C, X, moved, network
from pretend_device import DEVICE, Pretend, pretended
from torch import nn
from torch.utils._pytree import tree_leaves

from helpers.inputs import cifar, training
from helpers.papers import lbfgs
from helpers.saliency import controls, gradients
from helpers.store import paths
from helpers.trials import battery, conditions, engine, methods, settings


def test_the_device_refuses_what_cuda_refuses():
    with pretended():
        here = A.to(DEVICE)
        for mixing in (
            lambda: here + A,
            lambda: torch.cat([here, A]),
            lambda: here.scatter_(0, torch.zeros(1, 6, 4, 4, dtype=torch.int64), 1.0),
            lambda: torch.rand(3, device=DEVICE, generator=torch.Generator()),
        ):
            with pytest.raises(RuntimeError):
                mixing()
        with pytest.raises(TypeError):
            here.numpy()
        assert torch.equal((here + 1).cpu(), A + 1)
        assert torch.equal(here[torch.tensor([0, 2])].cpu(), A[[0, 2]])


@pytest.mark.parametrize("name", CALLS)
def test_a_helper_gives_on_the_device_what_it_gives_on_the_cpu(name):
    call, tensors = CALLS[name]
    expected = call(network(), *tensors)
    with pretended():
        found = call(network().to(DEVICE), *moved(tensors, DEVICE))
        assert name in GIVE_HOST or all(isinstance(one, Pretend) for one in tree_leaves(found))
        found = moved(found, "cpu")
    torch.testing.assert_close(found, moved(expected, "cpu"))


def attacked(model, images, targets, place):
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device=str(place))
    goal = foolbox.criteria.TargetedMisclassification(targets)
    return lbfgs.LBFGSAttack(maxiter=3)(wrapped, images, goal, epsilons=None)[0]


@pytest.mark.parametrize("where", ["device", "CPU"])
def test_the_attack_runs_on_the_device_wherever_its_targets_are(where):
    model = nn.Sequential(network(), nn.Softmax(1)).eval()
    expected = attacked(model, X, C + 1, "cpu")
    with pretended():
        targets = C + 1 if where == "CPU" else (C + 1).to(DEVICE)
        found = attacked(copy.deepcopy(model).to(DEVICE), X.to(DEVICE), targets, DEVICE)
        assert isinstance(found, Pretend)
        found = found.cpu()
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("optimizer", training.OPTIMIZERS)
def test_an_epoch_of_training_ends_alike_and_goes_on_from_its_files(tmp_path, optimizer):
    images = cifar.Images((255 * X).byte(), C)
    options = {"epochs": 2, "batch_size": 2, "rate": lambda step: 0.01, "optimizer": optimizer}
    plain = network().requires_grad_(True)
    told = list(training.fit(plain, images, tmp_path / "cpu", **options))
    with pretended():
        for epochs in (1, 2):  # the second call reads what the first has written
            there = network().to(DEVICE).requires_grad_(True)
            short = options | {"epochs": epochs}
            records = list(training.fit(there, images, tmp_path / "device", **short))
        weights = {key: value.cpu() for key, value in there.state_dict().items()}

    assert [e for e, _ in records] == [0, 1, 2]
    assert records[-1][1]["loss"] == pytest.approx(told[-1][1]["loss"], rel=1e-4)
    torch.testing.assert_close(weights, plain.state_dict(), rtol=1e-4, atol=1e-5)


def test_the_trials_run_on_the_device_through_every_condition(tmp_path, monkeypatch):
    small = settings.parse(
        settings.of_profile("smoke") | {"stages": "20", "precision": "float32", "levels": "1"}
    )
    explained = [
        methods.Method("Gradient", "gradient", gradients.gradient, key="Gradient"),
        methods.Method("random", "control", controls.random_map, key="random"),
    ]

    def values(model, images, place):
        monkeypatch.setattr(paths, "CACHE", tmp_path / place)
        made = battery.base_conditions(conditions.clean(model, images), small)
        cells = dict(engine.run_cells(explained, made, small.seed))
        assert not [cell for cell in cells.values() if isinstance(cell, engine.Gap)]
        assert {cell.maps.device.type for cell in cells.values()} == {"cpu"}
        return {
            (test, method): scored.scores
            for test, trial in battery.TRIALS.items()
            if test != "cost"
            for method, scored in battery.score_all(trial, explained, cells, made, small).items()
        }

    photos = PHOTOS[:2]  # noise has no superpixels
    expected = values(network(), photos, "cpu")
    with pretended():
        found = values(network().to(DEVICE), photos.to(DEVICE), "device")

    assert {key: len(scores) for key, scores in found.items()} == {
        key: len(scores) for key, scores in expected.items()
    }
    assert any(expected.values())
