import math

import numpy as np
import pandas as pd
import pytest

from helpers.report import claims
from helpers.report.chapters import (
    haycam,
    haycam_charts,
    haycam_pictures,
    haycam_printed,
    haycam_verdict,
)

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


def test_the_printed_loss_is_read_as_an_error_and_as_a_cross_entropy():
    printed = pd.Series({"loss": 4.42, "accuracy": 96.58})

    text = haycam.classifier("net", (0.7, 60), (0.5, 30), 0.61, printed)

    assert text.startswith("net is correct on **70.0 %** of 60 test images and recognizes the mask")
    assert "50.0 % of the 30 images" in text
    assert (
        "an error of that size (ours: 30.00 %) or a cross-entropy of 0.0442 (ours: 0.6100)" in text
    )


def test_maps_without_a_positive_cell_are_counted_by_method():
    assert "come: none (of 9)." in haycam.empty_maps(512, 7, {"a": 0, "b": 0}, 9)
    assert "come: b 2, c 1 (of 9)." in haycam.empty_maps(512, 7, {"a": 0, "b": 2, "c": 1}, 9)


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
        (0.55, 0.3, "varied less from image to image in the paper than here"),  # theirs: 0.17
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
    maps = [*METHODS, "random", haycam.CENTERED, haycam.PRIOR]
    table = pd.DataFrame({"IoU of boxes": np.linspace(0.1, 0.5, len(maps))}, index=maps)
    if points is not None:
        table["pointing game"] = [*points, 0.1, 0.2, np.nan]
        table["mass inside"] = [*RISING.values(), 0.1, 0.2, np.nan]
        table = table.rename(index={"random": "center"})
    return table


def test_controls_are_told_of_without_pixels():
    text = haycam.localized(level(), METHODS, math.nan)

    assert text.startswith("The best of the six methods, HayCAM+, reaches a mean IoU of **0.350**.")
    assert text.endswith(
        "a centered box of half the side, fixed before the run, reaches 0.450, and the mean of the "
        "other images' true boxes, a supervised prior, 0.500."
    )


@pytest.mark.parametrize(
    ("points", "told"),
    [
        (
            (0.9, 0.1, 0.1, 0.1, 0.1, 0.3),
            "Grad-CAM points at it in 90 % of the images, HayCAM+ in 30 %, the center map in 10 %.",
        ),
        (
            (0.1, 0.1, 0.1, 0.1, 0.1, 0.3),
            "hit. HayCAM+ points at it in 30 % of the images, the center map in 10 %.",
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


def by_class():
    columns = "correlation: mask, no mask", "IoU, class mask", "IoU, class no mask"
    return pd.DataFrame(dict.fromkeys(METHODS, (-0.4, 0.2, 0.1)), index=columns).T


def trainings():
    return pd.DataFrame({"untrained": 0.15, "trained": 0.25}, index=METHODS)


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
    text = haycam.class_free(same, by_class(), trainings(), 30)

    assert told in text
    assert "correlate by -0.40" in text
    assert "HayCAM+ 0.150 before and 0.250 after; Grad-CAM 0.150 before" in text
    assert ("does not depend on the class shows" in text) == bool(same)


def judged(*verdicts, run=1, hold=1, turned=""):
    order = {"key": "order/iou/HayCAM+ > Grad-CAM", "verdict": claims.REPRODUCED}
    rows = [{"key": f"row {place}", "verdict": verdict} for place, verdict in enumerate(verdicts)]
    table = pd.DataFrame([order | {"same_as": "row 0"}, *rows]).fillna({"same_as": ""})
    return table.assign(readings_run=run, readings_hold=hold, turned_by=turned)


ALL = (claims.REPRODUCED, claims.NOT_REPRODUCED, claims.INCONCLUSIVE, claims.NOT_RUN)


def seven(first=70.0, last=5.0, whole=12.0, opposite=3.0):
    columns = "HayCAM+ first", "HayCAM+ last", "the whole order", "the whole order reversed"
    return pd.DataFrame([(first, last, whole, opposite)], columns=columns, index=["net"])


def outcome(**changes):
    usual = {
        "judged": judged(*ALL),
        "network": "net",
        "paper": RISING,
        "ours": pd.Series(FALLING),
        "gain": (0.2, 0.1, 0.3),
        "seven": seven(),
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
    text = haycam_verdict.lead_sentence(outcome(gain=gain))

    assert told in text
    assert text.endswith("in the paper HayCAM+ is better by 0.500.")


@pytest.mark.parametrize(
    ("turned", "told"),
    [
        ("", "It is better in 3 of 8 readings."),
        ("scale", "It is better in 3 of 8 readings, turned most by “scale”."),
    ],
)
def test_the_lead_is_told_over_its_readings(turned, told):
    rows = judged(*ALL, run=8, hold=3, turned=turned)

    assert haycam_verdict.lead_sentence(outcome(judged=rows)).endswith(told)


def test_verdict_holds_both_orders_seven_images_and_what_is_blind():
    text = haycam_verdict.verdict(outcome())

    assert text[0].startswith("Of **4** numbers and orders: 1 reproduced, 1 not reproduced")
    assert text[1].startswith("On net the order by mean IoU is Grad-CAM > Grad-CAM++ > ")
    assert "the paper's is HayCAM+ > HayCAM > " in text[1]
    assert "show HayCAM+ first in 70 % of draws, the whole order in 12 % and its reverse" in text[3]
    assert text[3].endswith("in 3 %.")
    assert text[4] == "EigenCAM and HayCAM+ give the same map for 'mask' and for 'no mask'."


@pytest.mark.parametrize(
    ("same", "told"),
    [
        ([], []),
        (["HayCAM+"], ["HayCAM+ gives the same map for 'mask' and for 'no mask'."]),
    ],
)
def test_methods_without_a_class_are_named_where_there_are_any(same, told):
    assert haycam_verdict.same_sentence(same) == told


def test_a_run_on_portraits_says_so_first():
    drawn = haycam_verdict.verdict(outcome(photographs=False))

    assert "drawn portraits only" in drawn[0]
    assert drawn[1:] == haycam_verdict.verdict(outcome())


def test_chart_of_training_counts_epochs_through_all_phases_of_each_network():
    records = [
        {"epoch": 1, "right": 0.5, "loss": 1.0, "size": 64},
        {"epoch": 1, "right": 0.75, "loss": 0.5, "size": 128},
    ]

    drawn = haycam_charts.training({"a": records, "b": records[:1]}).data

    assert drawn["epoch"].tolist() == [1, 2, 1]
    assert drawn["right"].tolist() == [50, 75, 50]
    assert drawn["network"].tolist() == ["a", "a", "b"]
    assert drawn["pixels"].tolist() == ["64 pixels", "128 pixels", "64 pixels"]
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


def test_the_gallery_has_a_column_a_method_and_captions_of_its_overlaps():
    images = [np.full((8, 8, 3), 0.5)] * 2
    boxes = np.array([[1.0, 1, 5, 5]] * 2)
    shown = haycam_pictures.Shown(-np.ones((2, 8, 8)), boxes, np.array([0.25, 1.0]))

    one = haycam_pictures.gallery(images, boxes, {"a": shown})
    two = haycam_pictures.gallery(images, boxes, {"a": shown, "b": shown})

    assert two.width > one.width > 2 * haycam_pictures.CELL
    assert two.height == one.height > 2 * haycam_pictures.CELL


def test_raw_maps_are_shares_of_their_largest_magnitude():
    images = [np.full((8, 8, 3), 0.5)]
    maps = np.linspace(-1, 1, 16).reshape(1, 4, 4)

    pictures = [haycam_pictures.raw_maps(images, {"a": maps * scale}) for scale in (1, 8)]

    first, second = (np.asarray(picture, dtype=int) for picture in pictures)
    assert np.abs(first - second).max() <= 3  # of 255, a color of the scale
