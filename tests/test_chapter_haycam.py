import math

import numpy as np
import pandas as pd
import pytest

from helpers.report import claims
from helpers.report.chapters import haycam, haycam_charts, haycam_printed, haycam_verdict

METHODS = ["Grad-CAM", "Grad-CAM++", "LayerCAM", "EigenCAM", "HayCAM", "HayCAM+"]
RISING = dict(zip(METHODS, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), strict=True))
FALLING = dict(zip(METHODS, (0.6, 0.5, 0.4, 0.3, 0.2, 0.1), strict=True))


def test_order_goes_from_the_largest_value_to_the_smallest_and_shows_equals():
    assert haycam.ranked({"a": 1, "b": 3, "c": 2}) == "b > c > a"
    assert haycam.ranked({"a": 1, "b": 3, "c": 1}) == "b > a = c"
    assert haycam.ranked(pd.Series({"a": 1})) == "a"


@pytest.mark.parametrize(
    ("area", "told"),
    [
        (math.nan, "with a known box."),
        (0.1004, "with a known box and known pixels, which are 10.0 % of the image on average."),
    ],
)
def test_pixels_are_spoken_of_only_where_they_are_known(area, told):
    text = haycam.faces_used(60, 30, 25, area)

    assert text == f"60 test images, of which 30 wear a mask; 25 images {told}"


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (4.42, "differ by exactly one point, so one of them is probably a slip."),
        (3.92, "differ by 0.50 points."),
        (3.42, "which is an error of 3.42 %."),
    ],
)
def test_the_printed_loss_is_compared_with_the_error_of_the_printed_accuracy(loss, told):
    printed = pd.Series({"loss": loss, "accuracy": 96.58})

    text = haycam.classifier("net", False, (0.7, 60), (0.5, 30), printed)

    assert text.endswith(told)
    assert "**70.0 %** of 60 test images" in text
    assert "50.0 % of the 30 images" in text


def test_the_start_of_the_network_is_told():
    printed = pd.Series({"loss": 4.42, "accuracy": 96.58})

    starts = [
        haycam.classifier("net", pretrained, (1, 2), (1, 2), printed)
        for pretrained in (True, False)
    ]

    assert "started from ImageNet weights." in starts[0]
    assert "started from random weights, not from ImageNet's." in starts[1]


def test_maps_without_a_positive_cell_are_counted_by_method():
    assert "come: none (of 9)." in haycam.empty_maps(512, 7, {"a": 0, "b": 0}, 9)
    assert "come: b 2, c 1 (of 9)." in haycam.empty_maps(512, 7, {"a": 0, "b": 2, "c": 1}, 9)


@pytest.mark.parametrize(
    ("after", "epochs", "told"),
    [
        (None, 3, "60 new drawn portraits, and its maps are shown."),
        (0.98, 1, "its copy that saw 300 drawings once is right on 98 %"),
        (0.98, 3, "its copy that saw 300 drawings 3 times is right on 98 %"),
    ],
)
def test_the_network_of_the_pictures_is_told(after, epochs, told):
    assert told in haycam.portraits_recognized(0.5, 60, after, 300, epochs)


def test_both_orders_stand_beside_their_rank_correlation():
    assert haycam.rank_correlation(pd.Series(RISING), RISING) == pytest.approx(1)
    text = haycam.order(RISING, pd.Series(FALLING))

    assert "the paper's order by IoU: HayCAM+ > HayCAM > EigenCAM" in text
    assert "ours: Grad-CAM > Grad-CAM++" in text
    assert "**-1.00**" in text


def test_table_of_images_ends_in_mean_and_deviation_of_all_of_them():
    iou = pd.DataFrame({"a": [0.0, 0.5, 1.0]}, index=["image 1", "image 2", "image 3"])

    table = haycam.overlap_table({"IoU": iou, "Dice": iou * 2}, first=2)

    assert list(table.index) == ["image 1", "image 2", "mean", "deviation"]
    assert table["IoU", "a"].tolist() == [0, 0.5, 0.5, 0.5]
    assert table["Dice", "a"]["deviation"] == 1


def by_rule(*winners):
    rows = {}
    for number, winner in enumerate(winners):
        rows[f"{number}"] = {
            name: 0.9 - 0.1 * number if name == winner else 0.1 for name in METHODS
        }
    return pd.DataFrame(rows).T[METHODS]


@pytest.mark.parametrize(
    ("winners", "told"),
    [
        (("HayCAM+", "HayCAM+"), "at **2 of 2** thresholds. With"),
        (("HayCAM+", "HayCAM"), "at **1 of 2** thresholds; the best at the others: HayCAM. With"),
        (
            ("LayerCAM", "HayCAM", "HayCAM"),
            "at **0 of 3** thresholds; the best at the others: HayCAM, LayerCAM. With",
        ),
    ],
)
def test_thresholds_at_which_haycam_plus_is_best_are_counted(winners, told):
    text = haycam.thresholds(by_rule(*winners))

    assert text.startswith(f"HayCAM+ is the best of the six {told}")


def test_each_method_is_compared_at_the_threshold_that_suits_it():
    text = haycam.thresholds(by_rule("LayerCAM", "HayCAM+"))

    assert "LayerCAM 0.900 (at 0)" in text
    assert "HayCAM+ 0.800 (at 1), and the order is LayerCAM > HayCAM+ > " in text


def test_threshold_table_gives_the_best_method_and_the_rank_correlation():
    table = haycam.threshold_table(pd.DataFrame([RISING, FALLING], index=["0.2", "0.5"]), RISING)

    assert table["best"].tolist() == ["HayCAM+", "Grad-CAM"]
    assert table["rank correlation with the paper"].tolist() == [1, -1]


@pytest.mark.parametrize(
    ("lead", "told"), [(0.1, "is smaller than"), (0.25, "is equal to"), (0.9, "is larger than")]
)
def test_spread_of_the_signs_is_compared_with_the_papers_lead(lead, told):
    by_sign = pd.Series({("scores", "raw"): 0.25, ("eigenvectors", "raw"): 0.5})

    text = haycam.signs(by_sign, lead, {"raw": "as it is"})

    assert text.startswith("*Two maps that all fit the paper's text.*")
    assert "from **0.250** (scores, raw) to **0.500** (eigenvectors, raw)" in text
    assert f"{lead:.4f}, {told} this spread. raw: as it is." in text


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([2, 3, 5], "take 2 to 5 components, 3 in the median image."),
        ([4, 4], "take 4 components in every image."),
    ],
)
def test_number_of_components_is_told_with_its_range(counts, told):
    by_number = pd.DataFrame(
        {"HayCAM": [0.3, 0.1], "HayCAM+": [0.1, 0.2]}, index=["1 component", "2 components"]
    )

    text = haycam.components(0.9, counts, by_number)

    assert text.startswith(f"90 % of the variance {told}")
    assert "for HayCAM+ is 2 components (0.200)." in text


def test_deviation_follows_from_the_means_of_iou_and_dice():
    iou = 0.5 + 0.01 * np.array([-1.0, 1.0])  # of deviation 0.01
    dice = haycam_printed.dice_of(iou)

    implied = haycam_printed.implied_deviation(iou.mean(), dice.mean())

    assert implied == pytest.approx(0.01, rel=1e-3)
    assert haycam_printed.implied_deviation(0.5, haycam_printed.dice_of(0.5)) == 0
    assert haycam_printed.implied_deviation(0.5, 0.9) == 0  # above the ceiling


def printed(iou, dice, discussion=0.37):
    keys = {f"iou/{name}": iou for name in METHODS} | {f"dice/{name}": dice for name in METHODS}
    return pd.Series(keys | {"iou/HayCAM+/discussion": discussion})


def images(deviation):
    iou = pd.DataFrame({name: 0.4 + deviation * np.array([-1.0, 1.0]) for name in METHODS})
    return iou, haycam_printed.dice_of(iou)


@pytest.mark.parametrize(
    ("dice", "deviation", "told"),
    [
        (0.55, 0.3, "far more alike than ours"),  # theirs: 0.17
        (0.45, 0.1, "varied more from image to image in the paper than here"),  # theirs: 0.41
        (0.55, 0.123, "The two ranges overlap"),  # deviation of two: 0.123 * sqrt(2)
    ],
)
def test_deviations_of_paper_and_ours_are_compared_as_they_are(dice, deviation, told):
    reported = printed(0.4, dice)
    iou, ours = images(deviation)
    if "overlap" in told:
        reported["dice/HayCAM"] = 0.56
        iou["HayCAM"] = [0.3, 0.32]

    table = haycam_printed.implied_table(reported, iou, ours)
    text = haycam_printed.implied(table, reported)

    assert told in text
    assert "Each Dice is below its ceiling" in text


def test_a_dice_above_its_ceiling_is_told():
    reported = printed(0.4, 0.5)
    reported["dice/LayerCAM"] = 0.6

    text = haycam_printed.implied(haycam_printed.implied_table(reported, *images(0.2)), reported)

    assert text.startswith("The Dice of LayerCAM is above its ceiling")
    assert "Each Dice" not in text


@pytest.mark.parametrize(
    ("abstract", "discussion", "told"),
    [
        (0.4, 0.37, "both are possible"),
        (0.4, 0.3, "only the first is possible"),
        (0.3, 0.4, "only the second is possible"),
        (0.3, 0.29, "neither is possible"),
    ],
)
def test_both_printed_numbers_are_held_against_the_printed_dice(abstract, discussion, told):
    reported = printed(abstract, 0.53, discussion)  # the Dice of an IoU of 0.36

    text = haycam_printed.implied(haycam_printed.implied_table(reported, *images(0.2)), reported)

    assert f"with the printed Dice of 0.5300 {told}" in text


def test_the_implied_table_stands_by_method_with_ours_beside_it():
    iou, dice = images(0.1)

    table = haycam_printed.implied_table(printed(0.4, 0.55), iou, dice)

    row = table.loc["LayerCAM"]
    assert list(table.index) == METHODS
    assert row["Dice of the mean IoU"] == pytest.approx(0.8 / 1.4)
    assert row["deviation of ours"] == pytest.approx(0.1 * 2**0.5)  # of a sample
    assert row["the same from our means"] == pytest.approx(0.1, rel=0.02)  # of the two images


def level(points=None):
    maps = [*METHODS, "random", "center", "average box"]
    table = pd.DataFrame({"IoU of boxes": np.linspace(0.1, 0.5, len(maps))}, index=maps)
    if points is not None:
        table["pointing game"] = [*points, 0.1, 0.2, np.nan]
        table["mass inside"] = [*RISING.values(), 0.1, 0.2, np.nan]
    return table


def test_controls_are_told_of_without_pixels():
    text = haycam.localized(level(), METHODS, math.nan)

    assert "an IoU of **0.500**, the best of the six methods (HayCAM+) 0.350" in text
    assert text.endswith("the center map reaches 0.450.")


@pytest.mark.parametrize(
    ("points", "told"),
    [
        (
            (0.9, 0.1, 0.1, 0.1, 0.1, 0.3),
            "Grad-CAM points at it in 90 % of the images, HayCAM+ in 30 %, the center map in 20 %.",
        ),
        (
            (0.1, 0.1, 0.1, 0.1, 0.1, 0.3),
            "hit. HayCAM+ points at it in 30 % of the images, the center map in 20 %.",
        ),
    ],
)
def test_the_pointing_game_names_its_best_map_once(points, told):
    text = haycam.localized(level(points), METHODS, 0.1)

    assert told in text
    assert "By mass inside the order is HayCAM+ > HayCAM > " in text


def test_table_of_means_keeps_the_order_of_the_maps():
    rows = [("z", "IoU", 0.1), ("a", "IoU", 0.2), ("z", "points", 0.3)]

    table = haycam.table_of_means(pd.DataFrame(rows, columns=["map", "measure", "value"]))

    assert list(table.index) == ["z", "a"]
    assert table.loc["z"].tolist() == [0.1, 0.3]


def test_the_best_layer_of_each_method_is_told():
    rows = [("one", "a", 0.1), ("two", "a", 0.3), ("one", "b", 0.4), ("two", "b", 0.2)]
    by_layer = pd.DataFrame(rows, columns=["layer", "map", "IoU of boxes"]).assign(cells="1 x 1")

    assert haycam.best_layers(by_layer, ["b", "a"]) == (
        "The best layer of each: b one (0.400), a two (0.300)."
    )
    assert haycam.layer_table(by_layer, ["b", "a"]).values.tolist() == [[0.4, 0.1], [0.2, 0.3]]


def by_class():
    columns = (
        "correlation: mask, no mask", "IoU, class mask", "IoU, class no mask",
        "IoU, untrained network",
    )  # fmt: skip
    numbers = (-0.4, 0.2, 0.1, 0.15)
    return pd.DataFrame(dict.fromkeys(METHODS, numbers), index=columns).T


@pytest.mark.parametrize(
    ("same", "told"),
    [
        ([], "the map of no method is the same"),
        (["EigenCAM"], "the maps of **EigenCAM** are the same"),
        (["EigenCAM", "HayCAM+"], "the maps of **EigenCAM and HayCAM+** are the same"),
        (METHODS[3:], "the maps of **EigenCAM, HayCAM and HayCAM+** are the same"),
    ],
)
def test_maps_that_are_blind_to_the_class_are_told_by_name(same, told):
    text = haycam.class_free(same, by_class(), 30)

    assert told in text
    assert "correlate by -0.40" in text
    assert ("blind to the class" in text) == bool(same)


def judged(*verdicts):
    return pd.DataFrame({"verdict": verdicts})


ALL = (claims.REPRODUCED, claims.NOT_REPRODUCED, claims.INCONCLUSIVE, claims.NOT_RUN)


def outcome(**changes):
    usual = {
        "judged": judged(*ALL),
        "paper": RISING,
        "ours": pd.Series(FALLING),
        "gain": (0.2, 0.1, 0.3),
        "by_rule": by_rule("HayCAM+", "HayCAM"),
        "by_sign": pd.Series({("scores", "raw"): 0.25, ("eigenvectors", "raw"): 0.5}),
        "level": level((0.9, 0.1, 0.1, 0.1, 0.1, 0.3)),
        "same": ["EigenCAM", "HayCAM+"],
        "photographs": True,
    }
    return haycam_verdict.Outcome(**usual | changes)


@pytest.mark.parametrize(
    ("gain", "told"),
    [
        ((0.2, 0.1, 0.3), "HayCAM+ is better than Grad-CAM by 0.200 [0.100, 0.300]"),
        ((-0.2, -0.3, -0.1), "HayCAM+ is worse than Grad-CAM by 0.200 [-0.300, -0.100]"),
        ((0.02, -0.1, 0.1), "cannot be told apart: they differ by +0.020 [-0.100, 0.100]"),
        ((-0.02, -0.1, 0.0), "cannot be told apart: they differ by -0.020 [-0.100, 0.000]"),
    ],
)
def test_better_and_worse_are_said_only_where_the_interval_excludes_zero(gain, told):
    text = " ".join(haycam_verdict.verdict(outcome(gain=gain)))

    assert told in text
    assert "in the paper HayCAM+ is better by 0.500. It is the best of the six at 1 of 2" in text


def test_verdict_holds_both_orders_the_spread_of_signs_and_the_fixed_box():
    text = " ".join(haycam_verdict.verdict(outcome()))

    assert "by IoU is Grad-CAM > Grad-CAM++ > " in text
    assert "the paper's is HayCAM+ > HayCAM > " in text
    assert "between 0.250 and 0.500; a fixed box that never looks at the image has 0.500." in text


def test_a_run_on_portraits_says_so_first():
    drawn = haycam_verdict.verdict(outcome(photographs=False))

    assert "drawn portraits only" in drawn[0]
    assert drawn[1:] == haycam_verdict.verdict(outcome())
    assert "drawn portraits only" in haycam_verdict.finding(outcome(photographs=False))
    assert "drawn portraits" not in haycam_verdict.finding(outcome())


def test_finding_tells_of_pixels_and_classes_where_they_were_measured():
    points = "Grad-CAM's highest cell lies on it in 90 % of the images, HayCAM+'s in 30 %."
    blind = "EigenCAM and HayCAM+ give the same map for 'mask' and for 'no mask'."

    assert haycam_verdict.finding(outcome()).endswith(f"{points} {blind}")
    assert haycam_verdict.finding(outcome(level=level())) == blind
    assert haycam_verdict.finding(outcome(same=[])).endswith(points)
    assert haycam_verdict.finding(outcome(same=["HayCAM+"])).endswith(
        "HayCAM+ gives the same map for 'mask' and for 'no mask'."
    )


def test_finding_falls_back_to_tally_and_lead():
    text = haycam_verdict.finding(outcome(level=level(), same=[]))

    assert text.startswith("Of **4** numbers and orders: 1 reproduced, 1 not reproduced")
    assert "better than Grad-CAM by 0.200" in text


def test_chart_of_training_counts_epochs_through_all_phases():
    records = [
        {"epoch": 1, "right": 0.5, "loss": 1.0, "size": 64},
        {"epoch": 1, "right": 0.75, "loss": 0.5, "size": 128},
    ]

    drawn = haycam_charts.training(records).data

    assert drawn["epoch"].tolist() == [1, 2]
    assert drawn["right"].tolist() == [50, 75]
    assert drawn["pixels"].tolist() == ["64 pixels", "128 pixels"]
    assert records[0]["right"] == 0.5


def test_chart_of_thresholds_leaves_out_otsu_which_is_no_share():
    rows = [("0.2", "a", 0.3, 0.2, 0.4), ("Otsu", "a", 0.5, 0.4, 0.6)]
    swept = pd.DataFrame(rows, columns=["cut", "method", "IoU", "low", "high"])

    chart = haycam_charts.thresholds(swept, ["a"])

    assert chart.data["cut"].tolist() == [0.2]
    assert chart.description.startswith("Mean IoU of boxes")


def test_chart_of_localization_has_a_panel_a_measure_and_marks_controls():
    rows = [("a", "IoU", 0.3, 0.2, 0.4), ("edges", "IoU", 0.1, 0, 0.2), ("a", "points", 1, 1, 1)]
    measured = pd.DataFrame(rows, columns=["map", "measure", "value", "low", "high"])

    chart = haycam_charts.localization(measured, ["a"])

    assert [panel.title for panel in chart.vconcat] == ["IoU", "points"]
    assert chart.data["kind"].tolist() == ["method", "control", "method"]
