"""What seven images can show, and what the printed numbers say: sentences for every outcome."""

import numpy as np
import pandas as pd
import pytest

from helpers.report import claims
from helpers.report.chapters import haycam_printed, haycam_samples

PAPER = {"c": 0.1, "a": 0.4, "b": 0.3, "b too": 0.2996}


def test_methods_that_the_paper_hardly_sets_apart_share_a_place():
    assert haycam_samples.groups(PAPER) == [["a"], ["b", "b too"], ["c"]]


def test_orders_of_draws_are_counted_by_network():
    certain = pd.DataFrame({"c": [0.1] * 9, "a": 0.9, "b": 0.5, "b too": 0.6})
    draws = {
        "net": haycam_samples.drawn(certain, seed=0),
        "other": haycam_samples.drawn(-certain, seed=0),
    }

    table = haycam_samples.orders_table(draws, PAPER)

    assert list(table) == ["a first", "a last", "the whole order", "the whole order reversed"]
    assert table.loc["net"].tolist() == [100, 0, 100, 0]
    assert table.loc["other"].tolist() == [0, 100, 0, 100]


def test_pairs_show_the_lead_its_error_and_how_often_it_turns():
    overlaps = pd.DataFrame({"a": [0.0, 1.0] * 10, "b": 0.4})
    means = pd.DataFrame({"a": [0.5, 0.3, 0.4, 0.6], "b": 0.4})

    row = haycam_samples.pairs_table(overlaps, means, [("a", "b")], PAPER).loc["a - b"]

    assert row["the paper"] == pytest.approx(0.1)
    assert row["ours, all images"] == pytest.approx(0.1)
    assert row["standard error of seven"] == pytest.approx(overlaps.a.std() / 7**0.5)
    assert row["first above second (% of draws)"] == 50
    assert row["reversed (% of draws)"] == 25


def test_fewer_images_than_seven_are_all_taken():
    few = pd.DataFrame({"a": [0.2, 0.4], "b": [0.1, 0.1]})

    assert np.allclose(haycam_samples.drawn(few, seed=0), [0.3, 0.1])


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        (96, 0, "even few images would show a first"),
        (3, 2, "seldom show a at either end"),
        (3, 60, "even few images would seldom show a first"),
        (40, 3, "by the choice of images alone"),
    ],
)
def test_what_seven_images_show_is_told(first, last, told):
    row = {"a first": first, "a last": last, "the whole order": 7, "the whole order reversed": 1}
    pairs = pd.DataFrame({"a - b": {"the paper": 0.0253, "standard error of seven": 0.08}}).T

    text = haycam_samples.told(pd.DataFrame([row]), pairs, "a", 316)

    assert f"drawn 10,000 times from our 316, show a first in {first} % of the draws" in text
    assert "whole order in 7 %, and its reverse in 1 %" in text
    assert "lead of a over b is 0.0253, less than one standard error" in text
    assert told in text


def test_a_lead_above_the_standard_error_is_told_as_such():
    row = {"a first": 1, "a last": 1, "the whole order": 7, "the whole order reversed": 1}
    pairs = pd.DataFrame({"a - b": {"the paper": 0.3, "standard error of seven": 0.08}}).T

    assert "0.3000, more than one" in haycam_samples.told(pd.DataFrame([row]), pairs, "a", 9)


def test_the_share_of_masks_by_hand():
    """Of ten images one wears a mask: 50 % and 100 % correct make 95 %."""
    assert haycam_printed.masked_share(95, 50, 100) == pytest.approx(0.1)


def test_the_papers_numbers_add_up_and_imply_few_masks():
    reported = claims.reported("haycam").reported

    text = haycam_printed.sums(reported)

    assert text.startswith(
        "18,400 + 200 + 4,540 = 23,140, which is the 23,140 images of Sect. 3.1."
    )
    assert "only if 7.2 % of its test images wear a mask (between 6.5 and 7.8 %" in text


def test_sums_that_do_not_add_up_are_told(monkeypatch):
    monkeypatch.setattr(haycam_printed, "ALL_IMAGES", 23_141)

    assert "which is not the 23,141" in haycam_printed.sums(claims.reported("haycam").reported)


def test_means_of_the_earlier_paper_are_found_again():
    reported = claims.reported("haycam").reported

    text = haycam_printed.used_before(reported)

    assert text.startswith("4 of the mean IoUs (Grad-CAM, Grad-CAM++, EigenCAM, HayCAM) are those")
    assert haycam_printed.used_before(reported * 2).startswith("None of the mean IoUs")
