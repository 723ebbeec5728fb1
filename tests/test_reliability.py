"""The page Reliability says what its record holds, and faults are told apart rightly."""

import json
import random
from pathlib import Path

import pytest
from reliability import damages, forgeries, kills, record, spoil, things

from helpers.report import reliability
from helpers.store import paths, reading

CASES = [
    ["kills", "a run", "SIGKILL, number 1", "survived", ""],
    ["damages", "a table", "empty", "detected", "t.csv is empty"],
    [
        "damages",
        "a table",
        "one digit | <b>changed</b>",
        "lost",
        "read as if `nothing` had happened",
    ],
    ["bad inputs", "f(x)", "NaN in it", "raw error", "IndexError: {no} $x$"],
    ["damages", "a <table>", "one digit changed (1)", "cannot be known", "another value"],
]


def written(folder: Path, cases=CASES, **changes):
    told = {"commit": "abc123", "digest": reliability.digest(), "finished": "2026-11-30 17:00 UTC",
            "seconds": 1200, "cores": 2, "mutations not tried": 0, **changes}  # fmt: skip
    file = folder / "reliability.json"
    file.write_text(reliability.as_text(told, cases))
    return file


def test_the_page_counts_each_kind_and_names_what_nobody_noticed(tmp_path):
    page = reliability.page(written(tmp_path))

    assert "| kills: a run, a matrix of runs, a training or a write ended at" in page
    assert "| 1 | 0 | 1 | 0 | 0 | 0 |" in page  # kills
    assert "| 3 | 1 | 0 | 0 | 1 | 1 |" in page  # damages
    assert "| 1 | 0 | 0 | 1 | 0 | 0 |" in page  # bad inputs
    lost, rest = page.split("## Ended by a raw error")
    raw, unknown = rest.split("## Cannot be known")
    assert "| damages | a &lt;table&gt; | one digit changed (1) | another value |" in unknown
    assert r"one digit \| &lt;b&gt;changed&lt;/b&gt; | read as if \`nothing\` had" in lost
    assert r"IndexError: \{no\} \$x\$" in raw
    assert "t.csv is empty" not in page
    assert "Commit abc123, 2026-11-30 17:00 UTC, 20 min on 2 cores." in page
    assert "warning" not in page


def test_a_record_of_other_code_says_of_which_commit_it_is(tmp_path):
    page = reliability.page(written(tmp_path, digest="another"))

    assert page.startswith(
        ":::{warning}\nThe code has changed since: these are the numbers of commit"
    )


def test_where_nothing_was_lost_the_page_says_so_and_without_a_record_how_to_get_one(tmp_path):
    page = reliability.page(written(tmp_path, CASES[:2], **{"mutations not tried": 3}))

    assert page.count("None.") == 2
    assert "3 mutations were not tried" in page
    assert "No record yet: `make test-slow` writes it." in reliability.page(tmp_path / "none.json")


@pytest.mark.parametrize("case", [["kill", "a", "b", "lost", ""], ["kills", "a", "b", "fine", ""]])
def test_a_record_with_a_kind_or_outcome_that_is_none_is_refused(tmp_path, case):
    with pytest.raises(reading.Damaged, match=r"reliability\.json has \['kill"):
        reliability.page(written(tmp_path, [case]))


def test_the_committed_record_holds_every_kind_and_its_page_the_same_numbers():
    told = reliability.read()
    page = reliability.page()

    assert {case[0] for case in told["cases"]} == set(reliability.KINDS)
    for row in reliability.counts(told["cases"]):
        numbers = [row["injected"], *(row[outcome] for outcome in reliability.OUTCOMES)]
        assert sum(numbers[1:]) == numbers[0] >= 10, row["kind"]
        assert f"| {row['kind']}: {row['what']} | {' | '.join(map(str, numbers))} |" in page
    assert page.count("\n| ") - page.count("\n| ---") >= sum(
        case[3] in ("lost", "raw error") for case in told["cases"]
    )


def test_the_digest_of_code_follows_from_code_and_not_from_words(tmp_path):
    for name, text in (("a", "x = 1\n"), ("b", "x = 1  # one\n"), ("c", "x = 2\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.py").write_text(text)
    one, same, other = (reliability.digest(tmp_path / name) for name in "abc")

    assert one == same != other
    assert len(one) == 16


# --- how a case is judged ---


def ours():
    reading.text(Path("nothing.csv"))


def raw():
    [][1]


@pytest.mark.parametrize(
    ("call", "wrong", "names", "outcome"),
    [
        (ours, "", "nothing.csv", record.DETECTED),
        (ours, "", "another.csv", record.RAW),  # names another file
        (raw, "", "", record.RAW),
        (lambda: json.loads("{"), "", "", record.RAW),
        (lambda: 1, "", "", record.SURVIVED),
        (lambda: 1, "another value", "", record.LOST),
    ],
)
def test_only_a_sentence_of_ours_that_names_the_thing_counts_as_detected(
    call, wrong, names, outcome
):
    assert record.judged(call, lambda given: wrong, names)[0] == outcome


def test_an_error_of_python_in_a_line_of_ours_is_raw():
    assert record.judged(lambda: reading.check_sum(None, None, "a"), str)[0] == record.RAW


def test_a_case_that_was_tried_is_not_tried_again_and_one_of_other_code_is(tmp_path):
    called = []

    def attempt():
        called.append(1)
        return record.LOST, "/home/somebody/x.csv was\nbelieved"

    for code in ("one", "one", "two"):
        tried = record.Tried(tmp_path / "r.jsonl", "damages", code)
        tried.case("a file", "empty", attempt)
        tried.case("a file", "cannot be done", lambda: ("", ""))

    assert len(called) == 2
    told = "…/x.csv was believed"
    assert tried.of_this_code() == [record.Case("damages", "a file", "empty", "lost", told)]


def test_a_believed_file_is_lost_unless_something_else_tells(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("key,value\na,1\n")
    spoils = spoil.ANY | spoil.TEXT | spoil.CSV

    def thing(**more):
        return things.Thing("a table", file, file.read_bytes, spoils, said="", **more)

    good = things.plain(file.read_bytes())
    assert damages.attempt(thing(), "a row twice", good)[0] == record.LOST
    told = thing(notices=lambda: ["a hash tells"])
    assert damages.attempt(told, "a row twice", good) == (record.DETECTED, "a hash tells")
    assert file.read_text() == "key,value\na,1\n"  # put back


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("one digit changed (1)", record.UNKNOWABLE), ("a row twice", record.LOST)],
)
def test_only_one_value_changed_in_a_users_own_file_cannot_be_known(tmp_path, fault, outcome):
    file = tmp_path / "a.csv"
    file.write_text("key,value\na,1\n")
    thing = things.Thing("a", file, file.read_bytes, spoil.TEXT | spoil.CSV, said="", own=True)

    assert damages.attempt(thing, fault, things.plain(file.read_bytes()))[0] == outcome


@pytest.mark.parametrize("fault", spoil.ANY | spoil.TEXT | spoil.CSV)
def test_every_fault_changes_a_file_and_does_so_again_in_the_same_way(fault):
    whole = b"key,value,n\na,1.5,3\nb,2.5,4\n"
    change = (spoil.ANY | spoil.TEXT | spoil.CSV)[fault]

    once, again = (change(whole, random.Random(1)) for _ in range(2))

    assert once == again != whole


def test_a_forged_digit_is_one_digit():
    whole = (paths.RESULTS / "decam.csv").read_bytes()
    forged = spoil.one_digit(whole, random.Random(0))

    (place,) = (n for n in range(len(whole)) if whole[n] != forged[n])
    assert chr(whole[place]).isdigit()
    assert chr(forged[place]).isdigit()


def test_a_forgery_that_no_guard_notices_is_lost_and_the_file_is_put_back(tmp_path):
    file = tmp_path / "a"
    file.write_text("1")

    assert forgeries.attempt([file], lambda: file.write_text("2"), list)[0] == record.LOST
    guard = lambda: [file.read_text()]  # noqa: E731
    assert forgeries.attempt([file], lambda: file.write_text("2"), guard) == ("detected", "2")
    assert file.read_text() == "1"


def test_a_torn_part_and_litter_are_found(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"x" * 20)
    (tmp_path / "b.tmp").write_text("x")

    assert "a.safetensors" in kills.torn(tmp_path)[0]
    assert kills.left(tmp_path) == ["b.tmp was left"]
    assert kills.verdict([])[0] == record.SURVIVED
    assert kills.verdict(["torn"]) == (record.LOST, "torn")
