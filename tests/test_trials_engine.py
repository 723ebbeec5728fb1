import sys
from functools import partial

import pytest
import torch

from helpers.saliency import contract, controls, gradients, lrp_network
from helpers.store import cache, paths
from helpers.trials import battery, conditions, engine, methods, settings


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")


@pytest.fixture
def clean(small_network, small_images):
    return conditions.clean(small_network.float(), small_images[:2].float())


def built_in(name, explain, kind="gradient"):
    return methods.Method(name, kind, explain, key=name)


def test_a_cell_holds_the_maps_of_the_method(clean):
    cell = engine.run_cell(built_in("Gradient", gradients.gradient), clean, seed=0)

    expected = gradients.gradient(clean.network, clean.images, clean.classes)
    assert torch.equal(cell.maps, expected)
    assert cell.cost[1:3].tolist() == [2, 2]  # images forward and backward
    assert not cell.drew


def test_a_cell_is_made_once(clean):
    calls = []

    def explain(model, images, classes):
        calls.append(1)
        return images.mean(1)

    method = methods.Method("counts", "gradient", explain, key="counts")
    first, second = (engine.run_cell(method, clean, seed=0) for _ in range(2))

    assert len(calls) == 1
    assert torch.equal(first.maps, second.maps)


@pytest.mark.parametrize("whose", ["method", "network"])
def test_a_cell_of_what_cannot_be_told_apart_leaves_no_file(clean, whose):
    once = f"{cache.ONCE}123"
    method = built_in("Gradient", gradients.gradient)._replace(
        **({"key": once} if whose == "method" else {})
    )
    condition = clean._replace(key=once) if whose == "network" else clean

    maps = engine.run_cell(method, condition, seed=0).maps

    assert torch.equal(maps, engine.run_cell(built_in("G", gradients.gradient), clean, seed=0).maps)
    assert len(list(paths.CACHE.rglob("*.safetensors"))) == 1  # the second one's


@pytest.mark.parametrize(
    "change",
    [
        {"images": torch.zeros(2, 3, 8, 8)},
        {"classes": torch.tensor([2, 2])},
        {"key": "another network"},
        {"name": "another condition"},  # draws anew
        {"draw": 1},
    ],
)
def test_a_cell_of_another_condition_is_made_anew(clean, change):
    calls = []

    def explain(model, images, classes):
        calls.append(1)
        return images.mean(1)

    method = methods.Method("counts", "gradient", explain, key="counts")
    engine.run_cell(method, clean, seed=0)
    engine.run_cell(method, clean._replace(**change), seed=0)

    assert len(calls) == 2


def test_a_built_in_method_that_fails_ends_the_run(clean):
    def fails(model, images, classes):
        raise ValueError("no such layer")

    with pytest.raises(RuntimeError, match="Occlusion failed under 'clean'") as caught:
        engine.run_cell(built_in("Occlusion", fails), clean, seed=0)

    assert "no such layer" in str(caught.value.__cause__)


def test_a_built_in_method_that_fails_on_a_users_network_is_a_gap_with_its_whole_traceback(clean):
    def fails(model, images, classes):
        raise RuntimeError("stack expects each tensor to be equal size")

    cell = engine.run_cell(built_in("LRP", fails), clean._replace(brought=True), seed=0)

    assert cell.reason == "RuntimeError: stack expects each tensor to be equal size"
    assert "in fails" in cell.traceback


def test_every_condition_of_a_users_network_knows_whose_it_is_and_our_checkpoints_are_ours(clean):
    sizes = settings.parse(settings.of_profile("smoke") | {"cifar_count": 2})

    cases = battery.base_conditions(clean._replace(brought=True), sizes)

    ours = {name for name, case in cases.items() if not case.brought}
    assert ours == {name for name in cases if name.startswith("epoch")}
    assert ours


def test_a_disk_that_is_full_is_no_gap(clean, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engine.cache.files, "write_tensors", full)

    with pytest.raises(OSError, match="No space left"):
        engine.run_cell(methods.brought(lambda m, i, c: i.mean(1) + 0.5), clean, seed=0)


def test_a_built_in_method_that_does_not_apply_is_a_gap(clean):
    def refuses(model, images, classes):
        raise contract.NotApplicable("the network cannot be traced")

    cell = engine.run_cell(built_in("LRP", refuses), clean, seed=0)

    assert cell == engine.Gap("the network cannot be traced", "")


def test_lrp_does_not_apply_to_a_network_that_branches(small_network):
    class Branching(torch.nn.Module):
        def forward(self, images):
            return images.sum((2, 3)) if images.sum() > 0 else -images.sum((2, 3))

    with pytest.raises(contract.NotApplicable, match="Branching cannot be traced"):
        lrp_network.prepared(Branching(), torch.rand(1, 3, 8, 8))


def test_a_users_method_that_fails_is_a_gap_with_its_whole_traceback(clean):
    def inner():
        raise KeyError("layer4")

    def fails(model, images, classes):
        inner()

    cell = engine.run_cell(methods.brought(fails), clean, seed=0)

    assert cell.reason == "KeyError: 'layer4'"
    assert "in inner" in cell.traceback
    assert "in fails" in cell.traceback


def test_an_error_without_words_is_a_gap_too(clean):
    def fails(model, images, classes):
        raise AssertionError

    assert engine.run_cell(methods.brought(fails), clean, seed=0).reason == "AssertionError"


def test_maps_of_a_wrong_shape_are_a_users_gap(clean):
    cell = engine.run_cell(methods.brought(lambda m, i, c: i), clean, seed=0)

    assert "expected (2, 8, 8)" in cell.reason


def test_further_draws_are_run_for_methods_only_that_draw(clean):
    calls = {"random": 0, "brightness": 0}

    def counted(name, explain, model, images, classes):
        calls[name] += 1
        return explain(model, images, classes)

    cases = {c.name: c for c in [clean, *conditions.further_draws(clean, 3)]}
    both = [
        built_in("random", partial(counted, "random", controls.random_map)),
        built_in("brightness", partial(counted, "brightness", controls.brightness)),
    ]
    cells = dict(engine.run_cells(both, cases, seed=0))

    assert calls == {"random": 3, "brightness": 1}
    assert not torch.equal(cells["random", "clean"].maps, cells["random", "clean, draw 2"].maps)
    assert torch.equal(cells["brightness", "clean"].maps, cells["brightness", "clean, draw 3"].maps)


def test_the_seed_of_a_condition_is_that_of_the_committed_runs(clean):
    """So that random methods draw what they drew when the committed results were made."""
    assert engine.cell_seed(clean, 0) == int("88324817547b213f", 16) % 2**31
    assert engine.cell_seed(clean._replace(name="clean, draw 2", draw=1), 0) == engine.cell_seed(
        clean, 1
    )


TWO = """
def first(model, images, classes):
    return images.mean(1)


def second(model, images, classes):
    return -images.mean(1)


class Explainer:
    def __init__(self, sign):
        self.sign = sign

    def __call__(self, model, images, classes):
        return self.sign * images.mean(1)


plus, minus = Explainer(1), Explainer(-1)
"""


@pytest.fixture
def two(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "two_methods.py").write_text(TWO)
    yield __import__("two_methods")
    sys.modules.pop("two_methods", None)


@pytest.mark.parametrize(("one", "other"), [("first", "second"), ("plus", "minus")])
def test_two_methods_of_one_file_never_meet_each_others_maps(two, clean, one, other):
    cells = [
        engine.run_cell(methods.brought(getattr(two, name)), clean, seed=0) for name in (one, other)
    ]

    assert torch.equal(cells[0].maps, -cells[1].maps)


def test_partials_of_one_method_with_other_options_never_meet(clean):
    def scaled(model, images, classes, factor):
        return factor * images.mean(1)

    cells = [
        engine.run_cell(methods.brought(partial(scaled, factor=f)), clean, seed=0) for f in (1, 2)
    ]

    assert torch.equal(2 * cells[0].maps, cells[1].maps)


def test_an_object_whose_content_cannot_be_told_is_never_read_from_the_cache(monkeypatch):
    def refuse(*arguments):
        raise TypeError("cannot be told apart")

    monkeypatch.setattr(cache.digests, "whole_digest", refuse)
    one, other = (methods.brought(lambda m, i, c: i.mean(1)) for _ in range(2))

    assert one.key != other.key


def test_what_is_no_function_is_no_method():
    with pytest.raises(ValueError, match="the method is int; expected a function"):
        methods.brought(3)


def test_the_budget_reaches_the_black_boxes_and_is_part_of_their_key():
    from helpers.trials import settings

    small = settings.parse(settings.of_profile("smoke"))
    names = {m.name: m for m in methods.registered(small)}
    more = {m.name: m for m in methods.registered(small._replace(evaluations=99))}

    assert names["RISE"].explain.keywords == {"evaluations": small.evaluations}
    assert names["RISE"].key != more["RISE"].key
    assert names["Gradient"].key == more["Gradient"].key
    half = methods.registered(small._replace(precision="bfloat16"))
    assert not any(m.half_precision for m in names.values())
    assert {m.name for m in half if m.half_precision} == {
        "RISE", "LIME", "E-LIME", "DE-CAM",
    }  # fmt: skip
