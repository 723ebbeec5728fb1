import pandas as pd
import pytest

from helpers.report import claims
from helpers.store import paths


def table(folder, chapter="trial", **changes):
    rows = {
        "key": ["right", "overlap"],
        "group": ["accuracy", "ranking"],
        "says": ["images classified correctly", "overlap of the top 1 %"],
        "where": ["Sect. 3.1", "Table 5"],
        "unit": ["images", "%"],
        "reported": [8902, 44.14],
        "tolerance": [0, 0.5],
        "tolerance_b": [100, 2],
        "reason": ["a count", "rounding"],
    }
    pd.DataFrame({**rows, **changes}).to_csv(folder / f"{chapter}.csv", index=False)


def measured(*rows):
    return pd.DataFrame(rows, columns=["key", "arm", "value", "low", "high", "n"])


@pytest.fixture
def trial(tmp_path, monkeypatch):
    """Claims of a chapter named trial, in place of the book's own."""
    table(tmp_path)
    read = claims.reported
    monkeypatch.setattr(claims, "reported", lambda chapter: read(chapter, tmp_path))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (9.5, 10.5, "reproduced"),
        (9.0, 11.0, "reproduced"),
        (11.1, 12.0, "not reproduced"),
        (7.0, 8.9, "not reproduced"),
        (10.5, 11.5, "inconclusive"),
        (8.0, 12.0, "inconclusive"),
        (11.0, 12.0, "inconclusive"),
    ],
)
def test_verdict_of_ten_plus_or_minus_one(low, high, expected):
    assert claims.verdict(10, 1, low, high) == expected


def test_exact_count_is_reproduced_only_by_itself():
    assert claims.verdict(8902, 0, 8902, 8902) == "reproduced"
    assert claims.verdict(8902, 0, 8901, 8901) == "not reproduced"


@pytest.mark.parametrize(
    ("tolerance", "low", "high", "complaint"),
    [
        (-1, 0, 1, "tolerance is -1"),
        (1, 2, 1, "upside down"),
        (float("nan"), 0, 1, "tolerance is NaN"),
        (1, float("nan"), 1, "low is NaN"),
        (1, 0, float("nan"), "high is NaN"),
    ],
)
def test_verdict_rejects_what_makes_no_sense(tolerance, low, high, complaint):
    with pytest.raises(ValueError, match=complaint):
        claims.verdict(10, tolerance, low, high)


@pytest.mark.usefixtures("trial")
def test_judging_keeps_claims_without_a_measurement():
    judged = claims.judge(measured(["right", "A", 8902, 8902, 8902, 10_000]), "trial")

    assert dict(zip(judged.key, judged.verdict, strict=True)) == {
        "right": "reproduced",
        "overlap": "not run",
    }


@pytest.mark.usefixtures("trial")
def test_judging_holds_each_arm_to_its_own_tolerance():
    rows = measured(["overlap", "A", 45.5, 45, 46, 9], ["overlap", "B", 45.5, 45, 46, 9])

    judged = claims.judge(rows, "trial").dropna(subset="arm").set_index("arm")

    assert judged.verdict.to_dict() == {"A": "not reproduced", "B": "reproduced"}


@pytest.mark.usefixtures("trial")
def test_measurement_of_an_unknown_claim_is_rejected():
    with pytest.raises(ValueError, match="'colour' is no claim of trial"):
        claims.judge(measured(["colour", "A", 1, 1, 1, 1]), "trial")


def test_claims_with_equal_keys_are_rejected(tmp_path):
    table(tmp_path, key=["right", "right"])

    with pytest.raises(ValueError, match="'right' twice"):
        claims.reported("trial", tmp_path)


@pytest.mark.parametrize(
    ("bound", "low", "high", "expected"),
    [
        ("above", 0.1, 9e9, "reproduced"),
        ("above", 0.0, 1.0, "inconclusive"),
        ("above", -2.0, -0.1, "not reproduced"),
        ("above", 0.0, 0.0, "not reproduced"),
        ("below", -3.0, -0.1, "reproduced"),
        ("below", -1.0, 0.0, "inconclusive"),
        ("below", 0.1, 2.0, "not reproduced"),
    ],
)
def test_a_bound_is_met_on_its_side_alone(bound, low, high, expected):
    assert claims.verdict(0, 0, low, high, bound) == expected


def test_a_bound_with_a_tolerance_must_be_passed_by_it():
    assert claims.verdict(10, 2, 11, 11.9, "above") == "not reproduced"
    assert claims.verdict(10, 2, 12.1, 13, "above") == "reproduced"


def test_a_side_that_is_neither_is_refused():
    with pytest.raises(ValueError, match="'above', 'below' or nothing"):
        claims.verdict(0, 0, 1, 2, "higher")


def test_a_claim_without_a_tolerance_for_the_authors_material_is_the_independent_arms_alone(
    tmp_path, monkeypatch
):
    table(tmp_path, tolerance=[None, 0.5])
    read = claims.reported
    monkeypatch.setattr(claims, "reported", lambda chapter: read(chapter, tmp_path))

    judged = claims.judge(measured(), "trial")

    assert judged.tolerance.tolist() == [100, 0.5]


def test_scorecard_has_a_row_for_each_arm_that_a_claim_allows(tmp_path, monkeypatch):
    table(tmp_path, chapter="trial", tolerance=[None, 0.5])
    read = claims.reported
    monkeypatch.setattr(claims, "reported", lambda chapter: read(chapter, tmp_path))
    monkeypatch.setattr(
        claims, "results", lambda chapter: measured(["overlap", "B", 45.5, 45, 46, 9])
    )

    card = claims.scorecard("trial")

    assert list(zip(card.key, card.arm, card.verdict, strict=True)) == [
        ("right", "B", "not run"),
        ("overlap", "A", "not run"),
        ("overlap", "B", "reproduced"),
    ]


def scaled(limit=4, **claim):
    row = {"reported": 10, "tolerance": 2, "bound": "", "value": 13, "low": 12, "high": 14}
    made = claims.standardized(pd.DataFrame([{**row, **claim}]), limit)
    return made[["x", "x_low", "x_high", "floor", "ceiling"]].iloc[0].tolist()


def test_difference_is_counted_in_tolerances():
    assert scaled() == [1.5, 1, 2, -1, 1]


def test_difference_from_a_bound_is_counted_in_half_widths_of_our_interval():
    above = scaled(bound="above", tolerance=0, low=11, high=15)
    below = scaled(bound="below", tolerance=0, low=11, high=15)

    assert above == [1.5, 0.5, 2.5, 0, 4]
    assert below == [1.5, 0.5, 2.5, -4, 0]


def test_a_bound_to_be_passed_by_a_tolerance_starts_there():
    assert scaled(bound="above")[3:] == [1, 4]
    assert scaled(bound="below")[3:] == [-4, -1]


def test_what_had_to_be_met_exactly_is_met_or_infinitely_far():
    assert scaled(tolerance=0, value=10, low=10, high=10)[:3] == [0, 0, 0]
    assert scaled(tolerance=0, value=9, low=9, high=9)[:3] == [-4, -4, -4]


@pytest.mark.parametrize("chapter", [file.stem for file in paths.REPORTED.glob("*.csv")])
def test_on_the_one_scale_each_verdict_can_be_seen(chapter):
    shown = claims.standardized(claims.scorecard(chapter), 4).dropna(subset="value")
    shown = shown[shown.verdict != "not comparable"]

    within = (shown.floor <= shown.x_low) & (shown.x_high <= shown.ceiling)
    apart = (shown.x_high < shown.floor) | (shown.ceiling < shown.x_low)
    assert (within == (shown.main_verdict == "reproduced")).all()
    assert (apart == (shown.main_verdict == "not reproduced")).all()


def test_an_equality_that_is_reproduced_shows_the_interval_that_decided_it():
    rows = pd.DataFrame({
        "bound": ["equal", "equal"], "reported": 0.0, "tolerance": 0.2, "rounds": float("nan"),
        "unit": "", "value": [0.0, 0.0], "low": [-0.21, -0.3], "high": [0.21, 0.3],
    })  # fmt: skip

    shown = claims.standardized(rows, 4)

    assert shown.x_high[0] == pytest.approx(0.21 / 0.2 * 1.6449 / 1.9600, rel=1e-3)
    assert shown.x_high[1] == pytest.approx(1.5)  # undecided: the 95 % interval


def test_claims_without_a_needed_column_are_rejected(tmp_path):
    pd.DataFrame({"key": ["right"]}).to_csv(tmp_path / "trial.csv", index=False)

    with pytest.raises(ValueError, match="lacks the column 'group'"):
        claims.reported("trial", tmp_path)


def test_chapter_that_never_ran_has_no_results_and_no_card(tmp_path):
    assert claims.results("trial", tmp_path).empty
    assert claims.run_card("trial", tmp_path) == {}


def test_measurements_have_the_columns_that_results_need(tmp_path):
    rows = pd.DataFrame([claims.measurement("right", "A", 8902, 8902, 8902, 10_000)])
    rows.to_csv(tmp_path / "trial.csv", index=False)

    assert claims.results("trial", tmp_path).to_dict("records") == rows.to_dict("records")


@pytest.mark.usefixtures("trial")
@pytest.mark.parametrize(
    ("value", "n", "verdict", "why"),
    [
        (8902, 1, "reproduced", ""),
        (8902, 0, "not run", "no observation"),
        (float("nan"), 5, "not run", "no observation"),
        (float("nan"), 0, "not run", "no observation"),
    ],
)
def test_a_claim_without_an_observation_is_not_run_and_says_why(value, n, verdict, why):
    judged = claims.judge(measured(["right", "A", value, value, value, n]), "trial")

    row = judged.set_index("key").loc["right"]
    assert (row.verdict, row.why_not_run) == (verdict, why)
    assert pd.isna(row.value) == (verdict == "not run")


@pytest.mark.usefixtures("trial")
def test_a_claim_that_was_not_measured_gives_no_reason():
    assert claims.judge(measured(), "trial").why_not_run.tolist() == ["", ""]


@pytest.mark.usefixtures("trial")
def test_judging_refuses_a_value_without_an_interval():
    with pytest.raises(ValueError, match="low is NaN"):
        claims.judge(measured(["right", "A", 1, float("nan"), float("nan"), 1]), "trial")


@pytest.mark.usefixtures("trial")
def test_judging_refuses_a_claim_that_is_measured_twice_for_one_arm():
    row = ["right", "A", 8902, 8902, 8902, 10]

    with pytest.raises(ValueError, match="'right' is measured twice for arm A"):
        claims.judge(measured(row, row), "trial")
    assert len(claims.judge(measured(row, ["right", "B", *row[2:]]), "trial")) == 3


@pytest.mark.parametrize("n", [0, -1])
def test_a_value_from_no_observation_is_refused(n):
    with pytest.raises(ValueError, match=f"n = {n} observations"):
        claims.measurement("right", "A", 0.0, 0.0, 0.0, n)


def test_one_observation_is_enough_for_a_value_and_none_for_a_gap():
    nan = float("nan")

    assert claims.measurement("right", "A", 3, 3, 3, 1)["value"] == 3
    assert claims.measurement("right", "A", nan, nan, nan, 0)["n"] == 0


def test_a_section_measured_again_replaces_what_it_held():
    sections = claims.Measurements()
    for value in (1, 2):
        sections["Table 1"] = [claims.measurement("right", "A", value, value, value, 1)]
    sections["Table 2"] = [claims.measurement("right", "B", 3, 3, 3, 1)]

    assert sections.table()[["key", "arm", "value"]].to_numpy().tolist() == [
        ["right", "A", 2],
        ["right", "B", 3],
    ]


def test_a_claim_measured_in_two_sections_is_refused():
    sections = claims.Measurements()
    for name in ("Table 1", "Table 2"):
        sections[name] = [claims.measurement("right", "A", 1, 1, 1, 1)]

    with pytest.raises(ValueError, match="measured twice for arm A; measure it in one section"):
        sections.table()


def test_measurements_of_nothing_have_the_columns_of_results():
    assert claims.Measurements().table().columns.tolist() == measured().columns.tolist()


def test_a_bound_from_above_with_a_tolerance_must_be_passed_by_it_too():
    assert claims.verdict(10, 2, 8.1, 9, "below") == "not reproduced"
    assert claims.verdict(10, 2, 7, 7.9, "below") == "reproduced"
