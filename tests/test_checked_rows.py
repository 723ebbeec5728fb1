"""Rows that cannot be are refused where results and claims are read, each by name."""

import pandas as pd
import pytest

from helpers.report import claims
from helpers.store import paths, reading

GOOD = "a,B,1,0,2,5"


def results(folder, *rows):
    text = "\n".join(["key,arm,value,low,high,n", *rows]) + "\n"
    (folder / "trial.csv").write_text(text)
    return claims.results("trial", folder)


def test_a_measured_row_and_one_without_an_observation_are_read(tmp_path):
    assert results(tmp_path, GOOD, "b,A,,,,0", "c,B,,,,5", "d,B,3,3,3,1").n.tolist() == [5, 0, 5, 1]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a,C,1,0,2,5", "the arm is 'C'; expected A or B"),
        ("a,b,1,0,2,5", "the arm is 'b'"),
        ("a,,1,0,2,5", "the arm is 'nan'"),
        ("a,B,abc,0,2,5", "value is 'abc'; expected a number"),
        ("a,B,1,zero,2,5", "low is 'zero'; expected a number"),
        ("a,B,9,0,2,5", "9 does not lie in its interval, 0 to 2"),
        ("a,B,-1,0,2,5", "-1 does not lie in its interval"),
        ("a,B,1,,2,5", "1 does not lie in its interval, nan to 2"),
        ("a,B,1,0,,5", "1 does not lie in its interval, 0 to nan"),
        ("a,B,inf,0,inf,5", "inf does not lie"),
        ("a,B,1,-inf,2,5", "does not lie in its interval, -inf to 2"),
        ("a,B,1,0,2,-3", "n is -3; expected a whole number"),
        ("a,B,1,0,2,2.5", "n is 2.5; expected a whole number"),
        ("a,B,1,0,2,0", "a value, 1, without an observation"),
        (f"{GOOD}\n{GOOD}", "key 'a, B' twice"),
    ],
)
def test_a_row_of_results_that_cannot_be_is_refused(tmp_path, row, says):
    with pytest.raises(reading.Damaged, match=rf"trial\.csv.*{says}"):
        results(tmp_path, "z,B,1,0,2,5", row)


def reported(folder, change):
    table = pd.read_csv(paths.REPORTED / "decam.csv", dtype=str, keep_default_na=False)
    change(table).to_csv(folder / "decam.csv", index=False)
    return claims.reported("decam", folder)


def cell(column, text):
    """The first row's cell becomes another."""

    def change(table):
        table.loc[0, column] = text
        return table

    return change


def test_claims_as_they_are_committed_are_read(tmp_path):
    assert len(reported(tmp_path, lambda table: table)) > 20


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (cell("tolerance_b", ""), "tolerance_b is empty"),
        (cell("tolerance_b", "NA"), "tolerance_b is empty"),
        (cell("tolerance_b", "inf"), "tolerance_b is infinite"),
        (cell("tolerance_b", "-1"), "tolerance_b is -1"),
        (cell("tolerance", "-0.5"), "tolerance is -0.5"),
        (cell("tolerance", "inf"), "tolerance is infinite"),
        (cell("reported", ""), "reported is empty"),
        (cell("reported", "-inf"), "reported is infinite"),
        (cell("reported", "abc"), "reported is 'abc'"),
        (cell("rounds", "two"), "rounds is 'two'"),
        (cell("rounds", "2.5"), "rounds is 2.5"),
        (cell("rounds", "0"), "rounds is 0"),
        (cell("bound", "binomial"), "rounds is empty"),
        (cell("bound", "abve"), "has the bound 'abve'"),
        (cell("needs", "colour"), "needs 'colour'"),
        (lambda table: table.drop(columns="bound"), "lacks the column 'bound'"),
        (lambda table: table.drop(columns="kind"), "lacks the column 'kind'"),
        (lambda table: table.rename(columns={"seen": "sen"}), "has the column 'sen'"),
        (lambda table: table.drop(columns="unit"), "lacks the column 'unit'"),
    ],
)
def test_a_claim_that_nothing_or_anything_would_fit_is_refused(tmp_path, change, says):
    with pytest.raises(ValueError, match=rf"decam\.csv.*{says}"):
        reported(tmp_path, change)
