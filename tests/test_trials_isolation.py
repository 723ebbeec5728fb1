"""A user's method cannot change what others get: each case is put back, or refused with words."""

import functools
import gc
import os
import random
import sys
import types
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.saliency import contract, cost_meter
from helpers.store import paths
from helpers.trials import conditions, engine, guard, methods, remarks, surroundings

CLASSES = torch.tensor([0, 1])


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")


@pytest.fixture
def images(small_images):
    return small_images[:2].float()


@pytest.fixture
def network(small_network):
    small = small_network.float()
    small.table = torch.ones(3)
    small.options = {"sizes": [1, 2], "deep": {"rate": np.ones(2)}}
    small.config = types.SimpleNamespace(rate=1.0, parts=[1])
    return small


def tables(model):
    return model.table.tolist(), repr(model.options), repr(model.config)


SETTINGS = {
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "default device": lambda: torch.set_default_device("meta"),
    "gradients": lambda: torch.set_grad_enabled(False),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "deterministic": lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    "precision": lambda: torch.set_float32_matmul_precision("medium"),
    "anomaly": lambda: torch.autograd.set_detect_anomaly(True),
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
    "autocast on the GPU": lambda: torch.set_autocast_enabled("cuda", True),
    "cuDNN": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "TF32": lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
    "NumPy's errors": lambda: np.seterr(divide="raise"),
    "folder": lambda: os.chdir("/"),
    "environment": lambda: os.environ.update(SOMETHING="else"),
    "module path": lambda: sys.path.insert(0, "/nowhere"),
    "recursion": lambda: sys.setrecursionlimit(sys.getrecursionlimit() + 7),
    "garbage": gc.disable,
}


def test_every_setting_that_is_put_back_is_tried():
    assert set(SETTINGS) == set(surroundings.SWITCHES)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_of_the_process_is_put_back(name, fails, network, images):
    read, _ = surroundings.SWITCHES[name]
    before = read()

    def explain(model, images, classes):
        maps = images.mean(1)
        SETTINGS[name]()
        assert read() != before
        if fails:
            raise KeyError("layer4")
        return maps

    try:
        guard.run_guarded(explain, network, images, CLASSES)
    except KeyError:
        assert fails

    assert read() == before


def test_filters_of_warnings_and_what_is_printed_are_put_back(network, images, capsys):
    filters, streams = list(warnings.filters), (sys.stdout, sys.stderr)

    def explain(model, images, classes):
        warnings.simplefilter("ignore")
        print("step 1 of 9")
        print("noise", file=sys.stderr)
        sys.stdout = sys.stderr
        return images.mean(1)

    with remarks.collected() as said:
        guard.run_guarded(explain, network, images, CLASSES)

    assert list(warnings.filters) == filters
    assert (sys.stdout, sys.stderr) == streams
    assert capsys.readouterr() == ("", "")
    assert said == ["it prints, which is left off the page; the first line: step 1 of 9"]


def fill_table(model, images):
    model.table.zero_()


def change_deep(model, images):
    model.options["deep"]["rate"][0] = 7


def append_size(model, images):
    model.options["sizes"].append(3)


def change_config(model, images):
    model.config.rate = 2.0


def change_config_deep(model, images):
    model.config.parts.append(2)


def half(model, images):
    model.half()


def reshape_weight(model, images):
    model[0].weight.data = torch.zeros(1)


def nan_to_zero(model, images):
    model[1].running_mean[0] = 0


def rename_layer(model, images):
    model._modules["new"] = model._modules.pop("0")


def hook_all(model, images):
    nn.modules.module.register_module_forward_hook(lambda module, given, output: output)


def guided(model, images):
    nn.ReLU.forward = lambda self, x: x * 0


def new_call(model, images):
    nn.Conv2d.__call__ = lambda self, x: x * 0


def patch_functional(model, images):
    F.relu = lambda x, inplace=False: x * 0


def patch_torch(model, images):
    torch.relu = lambda x: x * 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (fill_table, "the attribute table of the network"),
        (change_deep, "the attribute options of the network"),
        (append_size, "the attribute options of the network"),
        (change_config, "the attribute config of the network"),
        (change_config_deep, "the attribute config of the network"),
        (half, "the parts buffers of 1 and 11 more"),
        (reshape_weight, "the values of 0.weight"),
        (nan_to_zero, "the values of 1.running_mean"),
        (rename_layer, "the parts modules of the network"),
        (hook_all, "hooks of all modules"),
        (guided, "forward of ReLU"),
        (new_call, "__call__ of Conv2d"),
        (patch_functional, "relu of torch.nn.functional"),
        (patch_torch, "relu of torch"),
    ],
)
def test_a_method_that_changes_the_network_or_torch_is_refused_and_all_is_put_back(
    change, words, network, images
):
    if change is nan_to_zero:
        network[1].running_mean[0] = torch.nan
    logits, held, tables_before = network(images), network.state_dict(), tables(network)
    values = [value.clone() for value in held.values()]

    def explain(model, images, classes):
        change(model, images)
        return torch.rand(2, 8, 8)

    with pytest.raises(guard.LeftTraces, match=words):
        guard.run_guarded(explain, network, images, CLASSES)

    assert tables(network) == tables_before
    for value, before in zip(network.state_dict().values(), values, strict=True):
        assert torch.allclose(value, before, equal_nan=True)
        assert value.dtype == before.dtype
    assert torch.allclose(network(images), logits, equal_nan=True)


def test_a_gradient_that_was_there_is_put_back(network, images):
    network.requires_grad_(True)
    network(images).sum().backward()
    before = network[0].weight.grad.clone()

    def explain(model, images, classes):
        model(images).sum().backward()
        return images.mean(1)

    guard.run_guarded(explain, network, images, CLASSES)

    assert torch.equal(network[0].weight.grad, before)


class Remembers(nn.Module):
    """Keeps its last features, as many networks do for later use."""

    def __init__(self, network):
        super().__init__()
        self.network, self.features, self.calls = network, None, []

    def forward(self, images):
        self.features = self.network[0](images)
        self.calls.append(len(images))
        return self.network(images)


def test_what_a_network_remembers_by_itself_is_no_trace_of_a_method(network, images):
    remembers = Remembers(network).eval()

    def explain(model, images, classes):
        model(images)
        return images.mean(1)

    guard.run_guarded(explain, remembers, images, CLASSES)

    assert remembers.features is None
    assert remembers.calls == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit])
def test_an_interruption_passes_through_and_all_is_put_back(error, network, images):
    def explain(model, images, classes):
        model.train()
        torch.set_grad_enabled(False)
        raise error

    clean = conditions.clean(network, images)
    with pytest.raises(error):
        engine.run_cell(methods.brought(explain), clean, seed=0)

    assert torch.is_grad_enabled()
    assert not network.training


def unseeded(model, images, classes):
    return torch.from_numpy(np.random.default_rng().random(images[:, 0].shape))


def from_the_system(model, images, classes):
    return torch.tensor(list(os.urandom(images[:, 0].numel()))).view(images[:, 0].shape)


class Counts:
    def __init__(self):
        self.calls = 0

    def __call__(self, model, images, classes):
        self.calls += 1
        return images.mean(1) * (1 if self.calls % 2 else -1)


class RemembersImages:
    def __init__(self):
        self.mean = None

    def __call__(self, model, images, classes):
        before, self.mean = self.mean, images.mean(1)
        return self.mean if before is None else before


@pytest.mark.parametrize("explain", [unseeded, from_the_system, Counts(), RemembersImages()])
def test_what_differs_for_one_seed_is_refused_and_loses_all_cells(explain, network, images):
    clean = conditions.clean(network, images)
    cases = {c.name: c for c in [clean, clean._replace(name="other", images=images.flip(3))]}

    cells = dict(engine.run_cells([methods.brought(explain)], cases, seed=0))

    assert {type(cell) for cell in cells.values()} == {engine.Gap}
    assert all("other maps at a second call with the same seed" in c.reason for c in cells.values())


@pytest.mark.parametrize(
    "draw",
    [
        lambda shape: torch.rand(shape),
        lambda shape: torch.from_numpy(np.random.rand(*shape)),  # noqa: NPY002
        lambda shape: torch.tensor([random.random() for _ in range(shape.numel())]).view(shape),
        lambda shape: torch.from_numpy(
            np.random.default_rng(np.random.randint(9999)).random(shape)  # noqa: NPY002
        ),
    ],
)
def test_what_draws_from_a_global_generator_repeats_counts_as_drawing_and_moves_on(
    draw, network, images
):
    clean = conditions.clean(network, images)
    cases = {c.name: c for c in [clean, *conditions.further_draws(clean, 2)]}
    method = methods.brought(lambda model, images, classes: draw(images[:, 0].shape))

    cells = dict(engine.run_cells([method], cases, seed=0))

    first, second = cells["Yours", "clean"], cells["Yours", "clean, draw 2"]
    assert first.drew
    assert not torch.equal(first.maps, second.maps)
    again = contract.checked_maps(
        method.explain, network, images, clean.classes, seed=engine.cell_seed(clean, 0)
    )
    assert torch.equal(first.maps, again)


def test_a_method_that_is_refused_late_loses_the_cells_that_it_had(network, images):
    clean = conditions.clean(network, images)
    cases = {c.name: c for c in [clean, clean._replace(name="other", images=images * 0.5)]}

    def explain(model, images, classes):
        if images.max() < 0.5:
            model.train()
        return images.mean(1)

    cells = dict(engine.run_cells([methods.brought(explain)], cases, seed=0))

    assert set(cells) == {("Yours", "clean"), ("Yours", "other")}
    assert all("the mode of the network" in cell.reason for cell in cells.values())


def test_a_network_that_remembers_costs_no_further_pass_and_hides_no_hook(network, images):
    remembers = Remembers(network).eval()

    def explain(model, images, classes):
        model(images)
        return images.mean(1)

    def leaves_hook(model, images, classes):
        model.network[0].register_forward_hook(lambda module, given, output: output * 0)
        return explain(model, images, classes)

    brought = methods.brought(explain)
    _, cost = cost_meter.maps_and_cost(brought.explain, remembers, images, CLASSES, seed=0)

    assert cost.forward == len(images)
    assert not cost.drew
    with pytest.raises(guard.LeftTraces, match=r"hooks of network\.0"):
        guard.run_guarded(leaves_hook, remembers, images, CLASSES)


def test_what_torch_replaces_of_itself_at_an_import_is_no_trace(network, images, monkeypatch):
    kept = torch.manual_seed
    monkeypatch.setattr(torch, "manual_seed", torch.manual_seed)

    def explain(model, images, classes):
        torch.manual_seed = torch.compiler.disable(torch.seed)  # as importing torch._dynamo does
        return images.mean(1)

    guard.run_guarded(explain, network, images, CLASSES)

    assert torch.manual_seed is not kept


def test_a_patch_that_wears_torchs_name_is_seen(network, images):
    def explain(model, images, classes):
        @torch.no_grad()
        @functools.wraps(F.relu)
        def silent(x, inplace=False):
            return x * 0

        F.relu = silent
        return images.mean(1)

    kept = F.relu
    with pytest.raises(guard.LeftTraces, match=r"relu of torch.nn.functional"):
        guard.run_guarded(explain, network, images, CLASSES)

    assert F.relu is kept
