"""A test of a user's own, and methods and networks in numbers, through the Python interface."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from helpers import trials
from helpers.inputs import conversion
from helpers.report.chapters import cross_examination_yours as page
from helpers.trials import __main__ as command_line
from helpers.trials import battery, conditions, methods, own_test, quick, settings
from helpers.trials.engine import Maps
from helpers.trials.scores import TestFailed

SMALL = settings.parse(settings.of_profile("smoke"))


def bright(model, images, classes):
    return images.mean(1)


def dark(model, images, classes):
    return -images.mean(1)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(16, 5),
    ).eval()  # fmt: skip


def clean(images):
    every = torch.ones(len(images), dtype=torch.bool)
    classes = torch.zeros(len(images), dtype=torch.long)
    return conditions.Condition("clean", network(), "key", images, classes, "", every)


def scored(test, images=None):
    images = torch.rand(2, 3, 8, 8) if images is None else images
    maps = {"clean": Maps(images.mean(1), torch.zeros(4), False)}
    trial = own_test.load(test)
    return trial, trial.scores(maps, {"clean": clean(images)}, SMALL)


def test_own_test_gives_its_number_for_each_image():
    def first_pixel(maps, network, images):
        return maps["clean"][:, 0, 0] + images[:, 0, 0, 0]

    images = torch.rand(3, 3, 8, 8)
    trial, (score,) = scored(first_pixel, images)

    expected = images.mean(1)[:, 0, 0] + images[:, 0, 0, 0]
    np.testing.assert_allclose(score.values[:, 0], expected.numpy(), rtol=1e-6)
    assert (trial.name, trial.better, score.better) == ("your test: first_pixel", 1, 1)


@pytest.mark.parametrize(
    "result",
    [[1, 2], (1.0, 2.0), np.array([1, 2]), torch.tensor([1.0, 2.0]), torch.tensor([[1], [2]]),
     [torch.tensor(1.0), torch.tensor(2.0)]],
)  # fmt: skip
def test_numbers_may_come_as_list_array_or_tensor(result):
    assert own_test.numbers_of(result, 2).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        ([1, 2, 3], r"shape \(3,\); expected 2 numbers"),
        (torch.zeros(2, 4), r"shape \(2, 4\)"),
        (0.5, r"shape \(\)"),
        ("high", "gave str"),
        (None, r"shape|gave NoneType"),
        ([1, float("inf")], "infinity"),
        (torch.zeros(2, dtype=torch.complex64), "gave Tensor"),
    ],
)
def test_what_is_no_number_an_image_is_refused(result, complaint):
    with pytest.raises(ValueError, match=complaint):
        own_test.numbers_of(result, 2)


def test_own_test_that_fails_is_a_gap_with_its_error_and_the_others_go_on():
    def broken(maps, network, images):
        return 1 / 0

    trial = own_test.load(broken)
    images = torch.rand(2, 3, 8, 8)
    maps = Maps(images.mean(1), torch.zeros(4), False)

    with pytest.raises(TestFailed, match="broken: ZeroDivisionError: division by zero"):
        trial.scores({"clean": maps}, {"clean": clean(images)}, SMALL)
    found = battery._score(trial, "m", {("m", "clean"): maps}, {"clean": clean(images)}, SMALL)
    assert found == battery.MethodScores([], "broken: ZeroDivisionError: division by zero")


def test_own_test_cannot_change_the_maps_that_others_get():
    def scribbles(maps, network, images):
        maps["clean"].zero_()
        return [0, 0]

    images = torch.rand(2, 3, 8, 8)
    maps = Maps(images.mean(1), torch.zeros(4), False)
    own_test.load(scribbles).scores({"clean": maps}, {"clean": clean(images)}, SMALL)

    assert torch.equal(maps.maps, images.mean(1))


def test_own_test_that_trains_the_network_is_a_gap():
    def trains(maps, network, images):
        network.train()
        return [0, 0]

    with pytest.raises(TestFailed, match="changed the mode"):
        scored(trains)


@pytest.mark.parametrize(
    ("attribute", "value", "complaint"),
    [
        ("better", 2, "better is 2"),
        ("needs", "clean", "needs are 'clean'"),
        ("needs", [1], "needs"),
    ],
)
def test_what_a_test_says_of_itself_must_make_sense(attribute, value, complaint):
    def test(maps, network, images):
        return [0, 0]

    setattr(test, attribute, value)

    with pytest.raises(ValueError, match=complaint):
        own_test.load(test)


def test_condition_that_is_not_there_is_refused_before_any_work():
    def test(maps, network, images):
        return [0, 0]

    test.needs = ["weather"]

    with pytest.raises(ValueError, match="the condition 'weather'; there are: clean"):
        own_test.load(test).needs({"clean": None})


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (None, []),
        ("", []),
        (bright, ["Yours"]),
        ([bright, dark], ["Yours: bright", "Yours: dark"]),
        ([bright, bright], ["Yours: bright", "Yours: bright (2)"]),
        ({"B": bright}, ["Yours: B"]),
        ("test_own_test:bright", ["Yours"]),
        (
            "test_own_test:bright, test_own_test:dark",
            ["Yours: test_own_test:bright", "Yours: test_own_test:dark"],
        ),
    ],
)
def test_one_method_is_yours_and_several_have_names(given, names):
    assert [method.name for method in methods.brought_all(given)] == names


def test_method_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="lost"):
        methods.brought_all("test_own_test:bright,test_own_test:lost")


def patches(count=3, side=40):
    """Images (N, H, W, 3) of four colored squares each, which have superpixels."""
    colors = np.random.default_rng(0).random((count, 2, 2, 3), dtype=np.float32)
    return colors.repeat(side // 2, axis=1).repeat(side // 2, axis=2)


def test_images_without_superpixels_are_refused_before_any_work():
    small = np.full((2, 16, 16, 3), 0.5, dtype=np.float32)  # of one color

    with pytest.raises(ValueError, match="image 0 has no superpixels to choose from"):
        trials.run(bright, network=network(), images=small)


@pytest.fixture(scope="module")
def report():
    def width(maps, network, images):
        return (maps["clean"] > maps["clean"].mean((1, 2), keepdim=True)).float().mean((1, 2))

    return trials.run(
        {"light": bright, "shade": dark},
        network={"one": network(), "other": network()},
        images=patches(),
        test=width, side=40, attack_size=0.2,
    )  # fmt: skip


def test_several_methods_and_networks_stand_in_one_table_with_the_own_test(report):
    table = report.table
    assert set(table.network) == {"one", "other"}
    assert {"Yours: light", "Yours: shade", "random", "centre"} <= set(table.method)
    assert set(table.test) == {*battery.TRIALS, "your test: width"}
    assert list(table.columns) == [
        "network", "method", "test", "paper", "measure", "better", "value", "interval", "n",
        "floor", "ceiling", "gap",
    ]  # fmt: skip


def test_equal_networks_give_equal_numbers_whatever_they_are_called(report):
    table = report.table[report.table.test != "cost"]
    one, other = (table[table.network == name].value.to_numpy() for name in ("one", "other"))

    np.testing.assert_array_equal(one, other)


def test_floor_is_the_best_control_and_ceiling_the_best_value(report):
    rows = report.table[report.table.network == "one"]
    for test, group in rows.groupby("test"):
        controls = group[group.method.isin(["random", "centre", "edges", "brightness"])].value
        better = group.better.iloc[0]
        assert group.floor.nunique() <= 1
        if controls.notna().any():
            assert group.floor.iloc[0] == (controls.max() if better == 1 else controls.min())
        assert test in quick.CEILINGS or group.ceiling.isna().all()


def test_report_shows_itself_with_every_text_escaped(report):
    odd = report._replace(notes=["<script>alert(1)</script>"])

    assert "Yours: light" in str(report)
    assert "<script>" not in odd._repr_html_()
    assert "<table" in odd._repr_html_()


@pytest.mark.parametrize(
    ("images", "complaint"),
    [
        (torch.rand(3, 8, 8), r"images are \(3, 8, 8\)"),
        (torch.rand(2, 1, 8, 8), r"images are \(2, 1, 8, 8\)"),
        (torch.zeros(0, 3, 8, 8), r"\(0, 3, 8, 8\)"),
        (torch.rand(2, 3, 8, 8) * 255, r"expected \[0, 1\]"),
        (torch.rand(2, 3, 8, 8) - 0.5, r"expected \[0, 1\]"),
        (torch.full((2, 3, 8, 8), float("nan")), "NaN"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.int64), "int64"),
    ],
)
def test_images_that_have_no_one_reading_are_refused(images, complaint):
    with pytest.raises(ValueError, match=complaint):
        conversion.unit_images(images)


def test_images_of_bytes_and_of_colors_last_are_read_as_what_they_are():
    pixels = torch.randint(0, 256, (2, 3, 8, 6), dtype=torch.uint8)

    assert torch.equal(conversion.unit_images(pixels), pixels / 255)
    assert torch.equal(conversion.unit_images(pixels.permute(0, 2, 3, 1)), pixels / 255)


def test_users_methods_among_the_others_by_hand():
    rows = [("Yours", "yours", 2.0), ("LIME", "black box", 3.0), ("edges", "control", 1.0)]
    places = pd.DataFrame(rows, columns=["method", "kind", "value"]).assign(
        test="t", measure="m", better=1, low=0.0, high=4.0, n=5, place=[2, 1, 3], of=3, gap=""
    )

    (row,) = page.among_others(places, ["Yours"]).to_dict("records")

    assert row["rank"] == "2 of 3"
    assert (row["best method"], row["best control"]) == ("LIME (3)", "edges (1)")
    assert row["95 % interval"] == "[0, 4]"


def test_gap_of_a_users_method_is_said_in_the_table():
    nan = float("nan")
    places = pd.DataFrame(
        [{"method": "Yours", "kind": "yours", "value": nan, "low": nan, "high": nan, "test": "t",
          "measure": "m", "better": 1, "n": 0, "place": nan, "of": 0, "gap": "it broke"}]
    )  # fmt: skip

    assert page.among_others(places, ["Yours"]).value.tolist() == ["gap: it broke"]
    assert page.among_others(places, []).empty


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nosuch:f"], "there is no module 'nosuch'"),
        (["test_own_test:lost"], "test_own_test has nothing by the name 'lost'"),
        (["test_own_test:bright", "--images", "nowhere"], "there is no folder nowhere"),
        (["test_own_test:bright", "--images", __file__], "is a file; expected a folder"),
        (["test_own_test:bright", "--network", "resnet18"], "no network 'resnet18'; expected one"),
        (["test_own_test:bright", "--beside", "Foo"], "there is no method 'Foo'"),
        (["test_own_test:bright", "--test", "test_own_test:lost"], "nothing by the name 'lost'"),
    ],
)
def test_command_line_ends_with_one_sentence(words, sentence, capsys):
    assert command_line.main(words) == 2

    told = capsys.readouterr()
    assert told.out == ""
    assert sentence in told.err
    assert len(told.err.splitlines()) == 1
