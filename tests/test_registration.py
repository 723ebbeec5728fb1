import pandas as pd
import pytest

from helpers.report import claims, registration, scorecard

ROW = {"says": "a is more", "unit": "points", "reported": 0.374, "tolerance_b": 0.05, "bound": ""}


def rows(**changes):
    return pd.DataFrame([{**ROW, "amended": "", **changes}], index=["a"])


def card(**changes):
    return {"finished": "2026-11-21 17:30 UTC", "claims": registration.digests(rows(**changes))}


def test_a_number_has_one_digest_however_it_is_typed():
    assert registration.digest({**ROW, "reported": "0.3740"}) == registration.digest(ROW)
    assert registration.digest({**ROW, "needs": float("nan")}) == registration.digest(ROW)


@pytest.mark.parametrize("name", registration.CONTENT)
def test_every_entry_that_may_change_a_verdict_changes_the_digest(name):
    assert registration.digest({**ROW, name: 7}) != registration.digest(ROW)


@pytest.mark.parametrize("name", ["where", "group", "reason", "seen", "amended"])
def test_other_entries_may_change(name):
    assert registration.digest({**ROW, name: "x"}) == registration.digest(ROW)


def test_a_tolerance_that_changed_after_the_result_must_say_so():
    silent = rows(tolerance_b=0.1)
    early = rows(tolerance_b=0.1, amended="2026-11-20: before the result")
    told = rows(tolerance_b=0.1, amended="2026-11-20: before | 2026-11-30: a slip")

    assert registration.undeclared(rows(), card()) == []
    assert registration.undeclared(silent, card()) == ["a"]
    assert registration.undeclared(early, card()) == ["a"]
    assert registration.undeclared(told, card()) == []
    assert registration.changed(told, card()["claims"]) == ["a"]


def test_a_row_that_changed_after_its_run_was_carried_over_must_say_so_again():
    told = rows(tolerance_b=0.2, amended="2026-11-30: a slip")
    judged_by = registration.digests(rows(tolerance_b=0.1))
    carried = {registration.CARRIED: {"finished": "2027-01-05 10:00 UTC", "claims": judged_by}}

    assert registration.undeclared(told, card()) == []
    assert registration.undeclared(told, card() | carried) == ["a"]
    again = told.assign(amended="2026-11-30: a slip | 2027-01-05: another")
    assert registration.undeclared(again, card() | carried) == []


def test_a_row_that_vanished_must_be_listed():
    nothing = rows().iloc[:0]

    assert registration.vanished(nothing, card(), {}) == ["a"]
    assert registration.vanished(nothing, card(), {"a": "2026-11-30: trivial."}) == []


@pytest.mark.parametrize("text", ["a slip", "30.11.2026: a slip", "2026-11-30:", "2026-11-30: "])
def test_an_amendment_needs_a_date_and_a_reason(text):
    with pytest.raises(ValueError, match="not like"):
        registration.amendments(text)


@pytest.mark.parametrize("chapter", scorecard.chapters())
def test_every_committed_row_that_changed_after_its_result_says_so(chapter):
    table, made = claims.reported(chapter), claims.run_card(chapter)
    listed = registration.withdrawn(chapter)

    assert registration.undeclared(table, made) == [], "fill in `amended` with date and reason"
    assert registration.vanished(table, made, listed) == [], "list them in withdrawn.yaml"
    assert not set(listed) & set(table.index)
    assert all(registration.amendments(reason) for reason in listed.values())


@pytest.mark.parametrize("chapter", scorecard.chapters())
def test_every_committed_card_keeps_what_its_results_were_judged_by(chapter):
    made = claims.run_card(chapter)

    assert set(claims.results(chapter).key) <= set(made["claims"])


@pytest.mark.parametrize("chapter", scorecard.chapters())
def test_every_committed_row_says_when_it_was_registered_and_what_had_been_seen(chapter):
    table = claims.reported(chapter)

    assert table.registered.str.fullmatch(r"\d{4}-\d{2}-\d{2}").all()
    assert table.seen.isin(registration.SEEN).all()
    assert table.measured_by.str.match(r"paper$|ours: \w").all()


def test_a_result_of_before_its_rows_measure_changed_does_not_count(tmp_path):
    file = tmp_path / "redefined.yaml"
    file.write_text('chapter:\n  a: "2026-11-30: agreement beyond chance."\n')

    assert registration.redefined("chapter", "2026-11-29 10:00 UTC", file) == {
        "a": "agreement beyond chance."
    }
    assert registration.redefined("chapter", "2026-11-30 10:00 UTC", file) == {}
    assert registration.redefined("chapter", "", file) == {}
    assert registration.redefined("other", "2026-11-29", file) == {}


@pytest.mark.parametrize("chapter", scorecard.chapters())
def test_what_was_measured_otherwise_is_not_run_and_says_what_is_measured_now(chapter):
    table = claims.scorecard(chapter)
    anew = registration.redefined(chapter, claims.run_card(chapter).get("finished", ""))

    assert set(anew) <= set(table.key)
    rows = table[table.key.isin(anew)]
    assert (rows.verdict == claims.NOT_RUN).all()
    assert all(anew[row.key] in row.why_not_run for row in rows.itertuples())
