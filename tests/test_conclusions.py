import itertools
import math

import pandas as pd
import pytest
from test_verdicts import Judged

from helpers.report import claims, comparability, conclusions, verdicts
from helpers.report.verdicts import (
    DEPENDS,
    INCONCLUSIVE,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    NOT_RUN,
    REPRODUCED,
)

R, N, U, D, C, X = REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE, DEPENDS, NOT_COMPARABLE, NOT_RUN


@pytest.mark.parametrize(
    ("quantifier", "found", "expected"),
    [
        ("all", [R, R, R], R),
        ("all", [R, R, N], N),
        ("all", [N, X, C], N),  # one refutation is enough, whatever was not run
        ("all", [R, R, U], U),
        ("all", [R, R, X], U),
        ("all", [R, R, C], U),
        ("all", [R, D, R], D),
        ("all", [R, D, U], U),
        ("all", [X, X], X),
        ("all", [C, X], C),
        ("all", [C, C], C),
        ("any", [R, N, N], R),
        ("any", [R, X, C], R),
        ("any", [N, N], N),
        ("any", [N, U], U),
        ("any", [N, X], U),
        ("any", [N, D], D),
        ("any", [X, X], X),
        ("any", [X, C], C),
        ("most", [R, R, N], R),
        ("most", [R, N, N], N),
        ("most", [R, N], N),  # half is not most
        ("most", [R, R, U, U], U),
        ("most", [R, N, U], U),
        ("most", [R, N, D], D),
        ("most", [N, N, X, X], N),
        ("most", [X, X, X], X),
    ],
)
def test_a_conclusion_follows_from_its_rows(quantifier, found, expected):
    for order in set(itertools.permutations(found)):
        assert conclusions.combined(quantifier, order) == expected


@pytest.mark.parametrize("quantifier", ["all", "any", "most"])
@pytest.mark.parametrize("found", itertools.product(verdicts.VERDICTS, repeat=3))
def test_no_conclusion_is_decided_against_all_its_rows(quantifier, found):
    conclusion = conclusions.combined(quantifier, found)

    if conclusion == R:
        assert R in found
        assert quantifier == "any" or found.count(R) > found.count(N)
    if conclusion == N:
        assert N in found
    if conclusion == D:
        assert D in found


def test_holm_compares_the_smallest_with_a_part_and_the_last_with_all_of_the_level():
    assert conclusions.holm([0.01, 0.04, 0.03]) == [True, False, False]  # 0.03 > 0.05 / 2
    assert conclusions.holm([0.01, 0.04, 0.02]) == [True, True, True]
    assert conclusions.holm([0.02, 0.001, 0.02]) == [True, True, True]
    assert conclusions.holm([0.02, 0.02, 0.02]) == [False, False, False]  # 0.02 > 0.05 / 3
    assert conclusions.holm([]) == []


def test_rows_without_a_decision_belong_to_the_family():
    assert conclusions.holm([0.03]) == [True]
    assert conclusions.holm([0.03, math.nan]) == [False, False]


def order(value, half):
    low, high = value - half, value + half
    found = verdicts.verdict(0, 0, low, high, "above")
    return Judged(found, value, low, high, reported=0, tolerance=0, bound="above")


def test_one_weak_refutation_of_five_does_not_sink_a_conclusion():
    """p of each is about 0.03: alone below 5 %, not below a fifth of it."""
    weak, strong, holds = order(-1.1, 1), order(-3, 1), order(3, 1)

    assert weak.verdict == N
    assert conclusions.of_rows("all", [weak]) == N
    assert conclusions.of_rows("all", [weak, holds, holds, holds, holds]) == U
    assert conclusions.of_rows("all", [strong, holds, holds, holds, holds]) == N


def test_what_every_row_must_show_needs_no_correction():
    weak = order(1.1, 1)

    assert conclusions.of_rows("all", [weak] * 5) == R
    assert conclusions.of_rows("any", [weak] + [order(-3, 1)] * 4) == U
    assert conclusions.of_rows("any", [order(3, 1)] + [order(-3, 1)] * 4) == R


def test_why_says_that_the_correction_decided():
    told = conclusions.told("all", [N, R], U)

    assert told == "needs all of 2: 1 reproduced, 1 not reproduced; by Holm's correction too few"
    assert "Holm" not in conclusions.told("all", [N, R], N)


@pytest.mark.parametrize("text", ["a; b", "some: a", "all:", "all: a; a", ""])
def test_a_rule_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="rests_on"):
        conclusions.rule(text)


# --- judged together ---

ROWS = {
    "key": ["a", "b", "c", "whole"],
    "kind": ["order", "order", "order", "conclusion"],
    "group": "g",
    "says": ["a is more", "b is more", "a is more, again", "all are more"],
    "where": "Table 1",
    "unit": "points",
    "reported": [0, 0, 0, None],
    "tolerance": None,
    "tolerance_b": [0, 0, 0, None],
    "bound": ["above", "above", "above", ""],
    "reason": "an order",
    "needs": ["", "network", "", ""],
    "rests_on": ["", "", "", "all: a; b"],
    "same_as": ["", "", "a", ""],
}


@pytest.fixture
def trial(tmp_path, monkeypatch):
    """A chapter named trial: two orders, one of them twice, and a conclusion."""

    def write(settings="{}", **changes):
        pd.DataFrame({**ROWS, **changes}).to_csv(tmp_path / "trial.csv", index=False)
        (tmp_path / "settings.yaml").write_text(settings)
        read, listed = claims.reported, comparability.deviations.__wrapped__
        monkeypatch.setattr(claims, "reported", lambda chapter: read(chapter, tmp_path))
        monkeypatch.setattr(
            comparability,
            "deviations",
            lambda c, finished="": listed(c, finished, tmp_path / "settings.yaml"),
        )

    return write


def measured(**values):
    rows = [
        claims.measurement(key, "B", value, value - 1, value + 1, 9)
        for key, value in values.items()
    ]
    return pd.DataFrame(rows, columns=["key", "arm", "value", "low", "high", "n"])


def found(judged):
    return judged.set_index("key").verdict.to_dict()


def test_a_conclusion_is_judged_from_the_rows_of_its_arm(trial):
    trial()

    assert found(claims.judge(measured(a=5, b=5), "trial"))["whole"] == R
    assert found(claims.judge(measured(a=5, b=-5), "trial"))["whole"] == N
    assert found(claims.judge(measured(a=5), "trial"))["whole"] == U
    assert found(claims.judge(measured(), "trial"))["whole"] == X
    assert claims.judge(measured(a=5, b=5), "trial").key.tolist() == ROWS["key"]


def test_a_row_set_to_the_wrong_sign_turns_its_conclusion(trial):
    trial(bound=["above", "below", "above", ""])

    assert found(claims.judge(measured(a=5, b=5), "trial"))["whole"] == N


def test_a_row_is_not_comparable_where_a_setting_that_it_needs_differs_and_only_there(trial):
    why = "Another network stands in."
    trial(f"trial:\n  B:\n    network: {why}\n    images: Others were used.\n")

    judged = claims.judge(measured(a=5, b=5), "trial").set_index("key")

    assert (judged.verdict["b"], judged.why["b"]) == (C, why)
    assert judged.verdict["a"] == R
    assert judged.verdict["whole"] == U


def test_what_was_not_measured_is_not_run_even_if_it_could_not_be_compared(trial):
    trial("trial:\n  B:\n    network: Another network stands in.\n")

    assert found(claims.judge(measured(a=5), "trial"))["b"] == X


@pytest.mark.parametrize(
    ("finished", "expected"), [("2026-11-29 23:00 UTC", C), ("2026-11-30 01:00 UTC", R), ("", R)]
)
def test_a_setting_that_a_later_form_has_holds_for_runs_up_to_its_day(trial, finished, expected):
    trial("trial:\n  B:\n    network: {why: Another network., until: 2026-11-29}\n")

    assert found(claims.judge(measured(a=5, b=5), "trial", None, finished))["b"] == expected


@pytest.mark.parametrize(
    ("finished", "expected"), [("2026-11-29 23:00 UTC", R), ("2026-11-30 01:00 UTC", C), ("", C)]
)
def test_a_setting_that_was_changed_later_holds_for_runs_from_its_day_on(trial, finished, expected):
    trial("trial:\n  B:\n    network: {why: Another network., since: 2026-11-30}\n")

    assert found(claims.judge(measured(a=5, b=5), "trial", None, finished))["b"] == expected


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("trial:\n  C:\n    network: No.\n", "expected A or B"),
        ("trial:\n  B:\n    colour: No.\n", "lists 'colour'"),
        ("trial:\n  B:\n    network: no\n", "whole sentence"),
    ],
)
def test_settings_that_say_nothing_are_refused(trial, settings, complaint):
    trial(settings)

    with pytest.raises(comparability.WrongSetting, match=complaint):
        claims.judge(measured(a=5), "trial")


def test_readings_count_before_the_conclusion(trial):
    trial()
    other = [claims.reading("a", "B", {"layer": "x"}, -5, -6, -4, 9)]

    judged = claims.judge(measured(a=5, b=5), "trial", pd.DataFrame(other)).set_index("key")

    assert judged.verdict["a"] == D
    assert (judged.readings_run["a"], judged.readings_hold["a"]) == (2, 1)
    assert judged.main_verdict["a"] == R
    assert judged.verdict["whole"] == D


def test_the_main_reading_counts_once_where_it_is_listed_too(trial):
    trial()
    rows = [
        claims.reading("a", "B", {"layer": layer, "grid": grid}, value, value - 1, value + 1, 9)
        for layer, grid, value in [
            ("last", "own", 5), ("last", "image", 5.5), ("first", "own", -5),
            ("first", "image", -5.5),
        ]
    ]  # fmt: skip

    row = claims.judge(measured(a=5), "trial", pd.DataFrame(rows)).set_index("key").loc["a"]

    assert (row.readings_run, row.readings_hold, row.turned_by) == (4, 2, "layer")
    assert row.why == "holds in 2 of 4 readings; most by layer (last 100%, first 0%)"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"kind": ["order", "order", "opinion", "conclusion"]}, "'c' has the kind 'opinion'"),
        ({"rests_on": ["", "", "", "all: a; z"]}, "points at 'z'"),
        ({"rests_on": ["", "", "all: a", ""]}, "'c': a conclusion rests on rows"),
        ({"same_as": ["", "", "c", ""]}, "points at 'c'"),
        ({"same_as": ["", "a", "b", ""]}, "itself counted elsewhere"),
        ({"needs": ["", "colour", "", ""]}, "'b' needs 'colour'"),
        ({"amended": ["", "yesterday: a slip", "", ""]}, "not like"),
        ({"seen": ["", "perhaps", "", ""]}, "seen is 'perhaps'"),
    ],
)
def test_a_row_that_names_what_there_is_not_is_refused(trial, changes, complaint):
    trial(**changes)

    with pytest.raises(ValueError, match=complaint):
        claims.reported("trial")


def test_a_conclusion_that_rests_on_rows_is_not_measured_itself(trial):
    trial()

    with pytest.raises(ValueError, match="'whole' rests on other rows"):
        claims.judge(measured(whole=1), "trial")


@pytest.mark.parametrize("choices", [{}, {"a=b": "c"}, {"a": "b; c"}])
def test_a_reading_is_named_by_choices_without_the_signs_that_divide_them(choices):
    with pytest.raises(ValueError, match="needs a choice"):
        claims.reading("a", "B", choices, 1, 1, 1, 1)


def test_measurements_keep_readings_apart_and_refuse_one_twice():
    sections = claims.Measurements()
    sections["one"] = [
        claims.measurement("a", "B", 1, 0, 2, 9),
        claims.reading("a", "B", {"layer": "x"}, 3, 2, 4, 9),
    ]

    assert sections.table().value.tolist() == [1]
    assert sections.readings().reading.tolist() == ["layer=x"]

    sections["two"] = sections["one"][1:]
    with pytest.raises(ValueError, match="measured twice under 'layer=x'"):
        sections.readings()
