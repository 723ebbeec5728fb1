import math
import re
import sys
from functools import partial

import pytest
import torch
from torch import nn

from helpers.inputs import classifiers
from helpers.papers import cams, lrp
from helpers.saliency import controls, cost_meter, gradients, relevance, user_code

MODULE = """
import torch
from torch import nn

NUMBER = 3


def bright(model, images, classes):
    return images.mean(1)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))


def no_network():
    return 7
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The name of a module that lies where the user stands, and that nobody knows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "somebodys.py").write_text(MODULE)
    yield "somebodys"
    sys.modules.pop("somebodys", None)


def test_a_method_is_loaded_by_module_and_name(module):
    images = torch.rand(2, 3, 4, 4)

    loaded = user_code.load_method(f"{module}:bright")

    assert torch.equal(loaded(None, images, None), images.mean(1))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("bright", "is no module:name, such as my_method:explain"),
        ("nowhere_at_all:bright", "there is no module 'nowhere_at_all'; put nowhere_at_all.py"),
        ("somebodys:dark", "somebodys has nothing by the name 'dark'"),
        ("somebodys:NUMBER", "is int; expected a function (model, images, classes)"),
    ],
)
def test_a_method_that_is_not_there_is_named(spec, said, module):
    with pytest.raises(ValueError, match=re.escape(said)):
        user_code.load_method(spec)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("import numpy as np\ntrap = np.trapz_is_gone\n",
         "brought fails while it is imported: AttributeError: .*trapz_is_gone.*brought.py, line 2"),
        ("import deeper_one\n", "brought imports 'not_here_at_all', which is not installed"),
        ("import sys\nsys.exit('usage')\n", "imported: SystemExit: usage .brought.py, line 2"),
        ("assert False\n", "imported: AssertionError:  .brought.py, line 1"),
        ("from torch import no_such_thing\n", "imported: ImportError: cannot import name"),
        ("x = (\n", "brought.py, line 1: .* never closed"),
        ("import broken_one\n", "broken_one.py, line 1: "),
        ("y = 1\0\n", "brought.py.*null bytes"),
        ("def other(): ...\n", "brought has nothing by the name 'explain'; it has: other"),
        ("globals()['other'] = print\n", "has nothing by the name 'explain'; it has: other"),
    ],
)  # fmt: skip
def test_an_error_of_a_users_module_is_told_as_its_own(module, tmp_path, content, said):
    has = "" if "other" in content else "def explain(m, x, c): ...\n"
    (tmp_path / "brought.py").write_text(content + has)
    (tmp_path / "deeper_one.py").write_text("import not_here_at_all\n")
    (tmp_path / "broken_one.py").write_text("def f(:\n")

    with pytest.raises(ValueError, match=said) as caught:
        user_code.load_method("brought:explain")
    assert str(tmp_path) not in str(caught.value)
    for name in ("brought", "deeper_one", "broken_one"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("spec", ["folder/inner.py:explain", "./folder/inner.py:Kind.explain"])
def test_a_method_is_loaded_by_its_path(module, tmp_path, spec):
    (tmp_path / "folder").mkdir()
    text = "def explain(m, x, c):\n    return x\n\n\nclass Kind:\n"
    text += "    explain = staticmethod(explain)\n"
    (tmp_path / "folder" / "inner.py").write_text(text)

    assert user_code.load_method(spec)(None, 7, None) == 7
    sys.modules.pop("inner", None)


def test_a_path_never_gives_another_module_of_the_same_name(module, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twin.py").write_text("def explain(m, x, c): ...\n")
    user_code.load_method("one/twin.py:explain")

    with pytest.raises(ValueError, match=r"another twin\.py was imported before; rename"):
        user_code.load_method("two/twin.py:explain")
    sys.modules.pop("twin", None)


def test_a_loaders_network_comes_frozen_and_in_evaluation_mode(module):
    loaded = user_code.load_network(f"{module}:network")

    assert not loaded.training
    assert not any(weights.requires_grad for weights in loaded.parameters())
    assert next(loaded.parameters()).device == classifiers.default_device()


def test_a_loader_of_no_network_is_refused(module):
    with pytest.raises(ValueError, match="gave int; expected a torch"):
        user_code.load_network(f"{module}:no_network")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("timm:no_such_network", "timm has no network 'no_such_network'"),
        ("torchvision:no_such_network", "torchvision has no network 'no_such_network'"),
        ("no_such_network", "there is no network 'no_such_network'; expected one of"),
    ],
)
def test_an_unknown_network_is_named(spec, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        user_code.load_network(spec)


def test_a_known_name_gives_its_network_at_any_size():
    assert user_code.load_network("tf_efficientnet_lite0").size == 224

    small = user_code.load_network("tf_efficientnet_lite0", 64)

    assert small(torch.rand(1, 3, 64, 64)).shape == (1, 1000)
    assert small.size == 64


def cost_of(explain, network, images, **options):
    return cost_meter.maps_and_cost(
        explain, network, images, torch.tensor([0, 1]), seed=0, **options
    )


def test_passes_are_counted_where_they_are_made(small_network, small_images):
    images = small_images[:2]

    def thrice(model, images, classes):
        for _ in range(3):
            model(images)
        return images.mean(1)

    _, plain = cost_of(thrice, small_network, images)
    _, slope = cost_of(gradients.gradient, small_network, images)
    _, control = cost_of(controls.edges, small_network, images)

    assert (plain.forward, plain.backward) == (6, 0)
    assert (slope.forward, slope.backward) == (2, 2)
    assert (control.forward, control.backward) == (0, 0)


def test_a_backward_pass_that_ends_early_counts(small_network, small_images):
    def cam(model, images, classes):
        recorded = cams.record(model, images, classes, "4")
        return cams.upsample(cams.grad_cam(*recorded), 8)

    _, cost = cost_of(cam, small_network, small_images[:2].float().double())

    assert (cost.forward, cost.backward) == (2, 2)


def test_passes_through_a_copy_of_the_network_count(small_network, small_images):
    rule = lrp.zero(batchnorm="merged")

    _, cost = cost_of(partial(relevance.lrp_map, rule), small_network, small_images[:2])

    assert (cost.forward, cost.backward) == (2, 2)


def test_a_method_that_draws_random_numbers_is_seen_to_draw(small_network, small_images):
    _, gradient = cost_of(gradients.gradient, small_network, small_images[:2])
    _, random = cost_of(controls.random_map, small_network, small_images[:2])

    assert not gradient.drew
    assert random.drew


def test_measuring_leaves_no_hook_even_where_the_method_fails(small_network, small_images):
    with pytest.raises(ValueError, match="expected"):
        cost_of(lambda m, i, c: i, small_network, small_images[:2])

    assert not any(module._forward_hooks for module in small_network.modules())


@pytest.mark.skipif(
    not cost_meter._FORGET.exists(), reason="memory is measured on Linux and on GPUs"
)
def test_memory_is_what_a_method_holds_beyond_what_was_there():
    network, images = nn.Linear(4, 2), torch.rand(2, 3, 4, 4)

    def large(model, images, classes):
        torch.ones(50 * 2**20 // 4)  # 50 MB, written to
        return images.mean(1)

    cost_of(large, network, images, memory=True)  # once for what the first call loads
    _, much = cost_of(large, network, images, memory=True)
    _, little = cost_of(lambda m, i, c: i.mean(1), network, images, memory=True)
    _, unmeasured = cost_of(large, network, images)

    assert 45 < much.megabytes < 80
    assert little.megabytes < 10
    assert math.isnan(unmeasured.megabytes)
