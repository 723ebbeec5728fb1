import numpy as np
import pandas as pd
import pytest

from helpers.report import claims
from helpers.report.chapters import lrp_adversarial_thesis as thesis
from helpers.report.chapters import lrp_adversarial_words as words

NAMES = ["1 in 1%", "1 in 10%", "1% in 1%", "1% in 10%", "10% in 10%"]
KNOWN = set(claims.reported("lrp_adversarial").index)


def of_sum(counts, statistic):
    return (statistic(counts.sum(0)),) * 3


def of_values(values, sources, statistic):
    return (statistic(values),) * 3


def mean(values):
    kept = values[np.isfinite(values)]
    value = float(kept.mean()) if kept.size else np.nan
    return value, value - 1, value + 1, kept.size


def by_key(found):
    table = pd.DataFrame(found)
    if "reading" not in table:
        table["reading"] = np.nan
    return table.fillna({"reading": ""}).set_index(["key", "reading"])


def test_rows_have_keys_of_claims_and_readings_of_their_choices():
    """What every function here gives is a claim, and each choice stands in its row."""
    reported = claims.reported("lrp_adversarial")
    grid = np.ones((2, 2, 4), dtype=int)
    rules = ["LRP-0", "LRP-ε 0.1", "LRP-ε 1", "LRP-αβ 1"]
    counts = {rule: {"grid": grid} for rule in rules}
    last = lambda total: total[..., -1].astype(float)  # noqa: E731
    found = [
        *thesis.with_epsilon("A", counts, last, last, last, of_sum),
        *thesis.shapes("A", counts, last, last, last, of_sum),
        *thesis.alike("A", "LRP-ε 1", ["mean"], np.zeros((1, 3, 1)), mean, np.zeros((3, 1)), KNOWN),
        *thesis.same_reach(
            "A", "LRP-ε 1", np.zeros((1, 3, 3, 5)),
            ["attacked", "noise, same reach", "decision strengthened, same reach"], NAMES, mean,
        ),
        *thesis.turns("A", "LRP-ε 1", dict.fromkeys(["xy", "zy"], (0, 0, 0, 1)), "xy"),
        *thesis.reversal(
            "A", "LRP-ε 1", np.zeros((1, 3, 2, 2)), np.zeros((1, 3, 2)), ["a", "b"], [31, 307], mean
        ),
        *thesis.contours("A", "LRP-ε 1", np.zeros((1, 3, 2, 2)), mean),
        *thesis.bird_as_truck("A", np.array([True]), np.ones(1), np.zeros(1), of_values),
    ]  # fmt: skip

    for row in found:
        assert row["key"] in reported.index
        choices = [part.split("=")[0] for part in row.get("reading", "").split("; ") if part]
        assert set(choices) <= set(reported.readings[row["key"]].split("; ")), row["key"]


def test_a_deviation_that_grows_in_between_does_not_decline_at_each_step():
    """Deviations 3, 4, 1: the smallest fall is -1, from first to last it is 2."""
    counts = {f"LRP-ε {i}": {"grid": np.array([[[0, d], [0, d]]])} for i, d in enumerate([3, 4, 1])}
    read = lambda total: total[..., 1].astype(float)  # noqa: E731

    table = by_key(thesis.with_epsilon("B", counts, read, lambda t: -read(t), read, of_sum))

    assert table.value["deviation_declines/originals", ""] == -1
    assert table.value["deviation_declines/originals", f"steps={thesis.ENDS}"] == 2
    assert table.value["irrelevant_grow/adversarials", f"steps={thesis.ENDS}"] == 200
    assert table.value["tail_grows/originals", ""] == -3


def test_symmetric_rules_have_a_symmetry_row_and_others_one_of_skewness():
    counts = {rule: {"grid": np.ones((1, 2, 2))} for rule in ("LRP-0", "LRP-αβ 2")}
    tail = lambda total: total[..., 0] * 3  # noqa: E731

    table = by_key(
        thesis.shapes("A", counts, lambda t: t[..., 0], tail, lambda t: t[..., 0] * 0.1, of_sum)
    )

    keys = {key for key, _ in table.index}
    assert {"symmetry/originals/LRP-0", "skewness/adversarials/LRP-αβ 2"} <= keys
    assert table.value["order_of_magnitude/originals", ""] == pytest.approx(30)


def test_reach_is_the_attack_less_its_control_paired_by_original():
    overlaps = np.zeros((1, 2, 2, 5))
    overlaps[0, :, 0, 2] = 0.2, 0.4
    overlaps[0, :, 1, 2] = 0.5, np.nan
    pairs = ["attacked", "noise, same reach"]
    overlaps = np.concatenate([overlaps, overlaps[:, :, 1:]], axis=2)

    table = by_key(
        thesis.same_reach(
            "A", "LRP-ε 1", overlaps, [*pairs, "decision strengthened, same reach"], NAMES, mean
        )
    )

    row = table.loc["reach/LRP-ε 1/noise", ""]
    assert (row.value, row.n) == (pytest.approx(-30), 1)  # the pair without a control is left out
    assert table.loc["reach/LRP-ε 1/noise", "components followed=10% in 10%"].value == 0


def test_reversal_is_the_maps_order_less_a_random_one():
    back, random = np.zeros((1, 4, 1, 2)), np.zeros((1, 4, 2))
    back[0, :3, 0, 1], random[0, :1, 1] = 1, 1

    table = by_key(thesis.reversal("A", "LRP-ε 1", back, random, ["relevance"], [31, 307], mean))

    assert table.value["reversal/LRP-ε 1", ""] == 50
    assert table.value["reversal/LRP-ε 1", "order=relevance; components=31"] == 0


def test_contours_are_own_edges_less_those_of_another_image():
    agreement = np.array([[[[0.5, 0.4], [0.2, 0.1]]]])

    table = by_key(thesis.contours("A", "LRP-ε 1", agreement, mean))

    assert table.value["contours/LRP-ε 1", ""] == pytest.approx(0.3)
    assert table.value["contours/LRP-ε 1", "measure=top tenth of the pixels"] == pytest.approx(0.3)


def test_birds_as_trucks_stand_beside_all_pairs_and_nothing_without_one():
    chosen, overlaps = np.array([True, False, False]), np.array([0.5, 0.8, np.nan])
    estimate = lambda values, _, f: (f(values),) * 3  # noqa: E731

    (row,) = thesis.bird_as_truck("A", chosen, overlaps, np.arange(3), estimate)

    assert row["value"] == pytest.approx(100 * (0.5 - 0.65))
    assert (
        thesis.bird_as_truck("A", chosen, overlaps, np.arange(3), lambda *_: (0, np.nan, 1)) == []
    )
    assert thesis.bird_as_truck("A", ~chosen & False, overlaps, np.arange(3), estimate) == []


def test_a_row_without_an_interval_is_its_value_and_one_without_a_value_is_not_run():
    assert thesis.row("k", "A", (1.0, np.nan, np.nan, 1))["low"] == 1
    empty = thesis.row("k", "A", (np.nan, np.nan, np.nan, 5))
    assert empty["n"] == 0
    assert thesis.observed([empty]) == []


# Sentences


def test_factors_sentence_names_each_share():
    kinds = {
        "attacked: image and class": 29, "class alone, original": 51,
        "class alone, adversarial": 52, "image alone, first class": 30, "image alone, target": 31,
        "noise, same reach": 45, "decision strengthened, same reach": 34, "noise, same size": 84,
    }  # fmt: skip
    frame = pd.DataFrame({"pairs": list(kinds), "share": list(kinds.values())})

    text = words.factors_sentence(frame.assign(rule="r", overlap="1% in 1%"), "r")

    assert "share 29 % of the top 1 %" in text
    assert "share 51 % (original) or 52 % (adversarial)" in text
    assert "30 % for the first class and 31 % for the target" in text
    assert "leaves 45 % in place" in text
    assert "decision 34 %, and noise of the attack's size 84 %" in text


def test_reach_sentence_counts_what_is_used():
    reach = np.array([[6.0, 6], [1, 1], [6, 6], [3, 3], [6, 6]])
    scales = np.array([[1.0, 1], [5, np.nan], [1, 1], [4, 4]])
    stays = np.array([[True, True], [True, True], [True, True], [True, False]])

    text = words.reach_sentence(reach, scales, stays)

    assert "is 6.0 under the attack, 1.0 under noise" in text
    assert "scaled by 5.0 and 4.0" in text
    assert "stays in 50 and 50 %" in text


def test_size_sentence_goes_from_the_lowest_to_the_highest():
    bins = pd.DataFrame({"rule": "r", "share": [59.0, 40, 26]})

    assert words.size_sentence(bins, "x").endswith("by r from 59 to 26 %.")


def test_solver_sentence_compares_or_says_what_was_not_run():
    ours = pd.DataFrame({"success": [True, True], "distance": [0.001, 0.003], "probability": 0.6})
    other = pd.DataFrame(
        {"success": [True, False], "distance": [0.004, np.nan], "probability": 0.9}
    )

    text = words.solver_sentence(ours, other)

    assert "SciPy's L-BFGS-B succeeds in 50.0 % of 2 pairs" in text
    assert "0.50 times as large" in text
    failed = words.solver_sentence(ours, other.assign(success=False, distance=np.nan))
    assert "SciPy's L-BFGS-B succeeds in 0.0 % of 2 pairs; ours" in failed
    assert "nan" not in failed
    assert "as large" not in failed
    assert "not run" in words.solver_sentence(ours[:0], other[:0])


def test_agreement_sentence_gives_own_and_other_edges():
    rows = [("r", edges, measure, 100 * share)
            for edges, share in (("own image", 0.5), ("another image", 0.15))
            for measure in ("Spearman", "top tenth")]  # fmt: skip

    text = words.agreement_sentence(
        pd.DataFrame(rows, columns=["rule", "edges", "measure", "share"])
    )

    assert "another image: r 0.50 and 0.15." in text


def test_shift_sentence_sets_chance_beside_each_distance():
    text = words.shift_sentence({"a": 10, "b": 55}, {"a": 15, "b": 140})

    assert "a: 10 places, 15 if they were random; b: 55 places, 140" in text


def test_large_changes_are_counted():
    text = words.large_changes_sentence(np.array([0.01, 0.02, 0.06]), 0.05)

    assert text.startswith("1 of 3 adversarials change by more than 5 %")
    assert "median one by 2.00 %" in text


def test_levels_sentence_gives_three_shares():
    text = words.levels_sentence(np.array([0.441, 0.479, 0.0069]), "A")

    assert "44.1 %" in text
    assert "47.9 % are unchanged and 0.7 % are one level brighter" in text
