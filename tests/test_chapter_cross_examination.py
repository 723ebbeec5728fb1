import json

import numpy as np
import pandas as pd
import pytest

from helpers.report import claims
from helpers.report.chapters import cross_examination as show
from helpers.report.chapters import cross_examination_charts as charts
from helpers.report.chapters import cross_examination_pictures as pictures

NAN = float("nan")


def rows(*methods, better=1):
    table = pd.DataFrame(methods, columns=["method", "kind", "value"])
    return table.assign(low=table.value, high=table.value, better=better, measure="IoU", gap="")


def test_gaps_are_listed_with_a_folded_traceback_and_every_text_escaped():
    html = show.gaps(
        [
            show.GapRow("Yours", "clean", "KeyError: <a>", "Traceback <b>"),
            show.GapRow("LRP", "clean", "cannot be traced", ""),
        ],
        24,
    )

    assert "2 of 24 cells are gaps" in html
    assert (
        "<summary>Yours, clean: KeyError: &lt;a&gt;</summary><pre>Traceback &lt;b&gt;</pre>" in html
    )
    assert "<li>LRP, clean: cannot be traced</li>" in html


def test_no_gap_is_said_in_words():
    assert show.gaps([], 1200) == "<p>All 1,200 cells have maps.</p>"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            rows(("A", "gradient", 0.5), ("edges", "control", 0.25)),
            "first of 2 is **A** (0.5 [0.5, 0.5]); the best control is edges (0.25), rank 2.",
        ),
        (rows(("A", "gradient", 0.5)), "first of 1 is **A** (0.5 [0.5, 0.5]); no control was run."),
        (
            rows(("A", "gradient", 1), ("edges", "control", 1)),
            "first of 2 are **A and edges** (1 [1, 1]); a control is among the first.",
        ),
        (
            rows(("A", "gradient", 0.5), ("edges", "control", 0.25), better=-1),
            "first of 2 is **edges** (0.25 [0.25, 0.25]); a control is among the first.",
        ),
        (rows(("A", "gradient", NAN)), "No method has a value in this test."),
    ],
)
def test_the_outcome_of_a_test(table, words):
    assert show.outcome(table).endswith(words)


def test_a_mean_over_no_method_is_not_a_number_in_the_sentences():
    assert "not measured (attacked)" in show.attack(0, {"attacked": NAN})
    assert "0.50 (noise); over the stages of training not measured (epoch 3)" in show.corruption(
        {"noise": 0.5}, {3: NAN}
    )
    assert "-0.10 (50 % of the layers)" in show.randomization({0.5: -0.1})


def test_agreement_names_the_pairs_most_and_least_alike():
    pairs = {("a", "b"): 0.5, ("a", "c"): -0.5, ("b", "c"): NAN}

    sentence = show.agreement(pairs, (0.1, -0.2, 0.3))

    assert "Most alike are a and b (+0.50), least alike a and c (-0.50)." in sentence
    assert "**+0.10** [-0.20, +0.30]" in sentence


def test_agreement_of_one_pair_and_of_none():
    assert "least alike" not in show.agreement({("a", "b"): 0.5}, (0.5, 0.5, 0.5))
    none = "No two tests have ranks to compare."
    assert show.agreement({("a", "b"): NAN}, (NAN, NAN, NAN)) == none
    assert show.agreement({}, (NAN, NAN, NAN)) == none


@pytest.mark.parametrize(
    ("best", "words"),
    [
        ({"a": ("edges", 0.5), "b": ("centre", 0.4)}, "better half of 1 of 2 tests: a."),
        ({"a": ("edges", 0.49)}, "No control is in the better half of any test."),
        ({}, "No control was run."),
    ],
)
def test_where_controls_stand(best, words):
    assert show.controls(best).endswith(words)


def test_overall_ranks_methods_and_names_the_best_control():
    sentence = show.overall(
        {"A": 0.2, "B": 0.9, "edges": 0.5}, ["edges"], {"all": (0.1, -0.1, 0.3)}
    )

    assert "At the top are B (0.90), edges (0.50), A (0.20); the best control is edges" in sentence
    assert "+0.10 [-0.10, +0.30] over all" in sentence
    alone = show.overall({"A": 0.2}, [], {"all": (NAN, NAN, NAN)})
    assert "no control was run" in alone
    assert "not measured over all" in alone


def judged(**counts):
    words = {
        "held": claims.REPRODUCED, "failed": claims.NOT_REPRODUCED,
        "unclear": claims.INCONCLUSIVE, "absent": claims.NOT_RUN,
    }  # fmt: skip
    return pd.DataFrame({"verdict": [words[k] for k, n in counts.items() for _ in range(n)]})


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"held": 2}, "Of **2** numbers and orders: 2 reproduced."),
        ({"failed": 2}, "Of **2** numbers and orders: 2 not reproduced."),
        (
            {"held": 1, "failed": 2, "unclear": 3, "absent": 4},
            "Of **10** numbers and orders: "
            "1 reproduced, 2 not reproduced, 3 inconclusive, 4 not run.",
        ),
        ({"absent": 1}, "Of **1** numbers and orders: 1 not run."),
    ],
)
def test_the_verdict_counts_claims(counts, words):
    sentences = show.verdict(judged(**counts), {"a": "A"}, (0.1, 0, 0.2), {}, {"A": 0.7})

    assert sentences[0] == words
    assert sentences[1] == "First are A (a)."
    assert "Over all tests alike A stands best (0.70" in sentences[-1]


def test_the_verdict_on_a_users_method_comes_first():
    sentences = show.verdict(judged(held=1), {}, (0.1, 0, 0.2), {}, {"A": 0.7, "Yours": 0.2})

    assert sentences[0] == "**Your method** stands at 0.20 on average (1: first, 0: last)."


def test_the_finding_says_whether_tests_agree_and_controls_win():
    with_control = show.finding((0.1, 0, 0.2), {"a": ("edges", 0.6)}, {"A": 0.7})
    without = show.finding((NAN, NAN, NAN), {"a": ("edges", 0.3)}, {"A": 0.7})

    assert "rank correlation of +0.10; a control is in the better half of 1 of 1 tests (a)." in (
        with_control
    )
    assert "agree was not measured; no control is in the better half of any test." in without


def test_charts_hold_the_numbers_they_are_given():
    table = rows(("A", "gradient", 0.5)).assign(n=2, test="decision")
    (cell,) = charts.by_condition(table, "words", "I").data.to_dict("records")
    shown = charts.agreement({("a", "b"): (0.1234, 0, 1)}, ["a", "b"]).to_dict()

    assert (cell["method"], cell["under"], cell["value"]) == ("A", "oU", 0.5)
    numbers = next(iter(shown["datasets"].values()))
    assert [(r["test"], r["other"], r["correlation"]) for r in numbers] == [
        ("a", "b", 0.123), ("b", "a", 0.123),
    ]  # fmt: skip


def test_maps_are_scaled_by_where_their_strongest_hundredth_begins():
    maps = np.zeros((1, 10, 10))
    maps[0, 0] = [-4, *[1] * 9]

    assert pictures.strongest(maps)[0, 0, 0] == pytest.approx(np.quantile(abs(maps), 0.99))
    assert pictures.strongest(np.zeros((1, 2, 2)))[0, 0, 0] > 0  # nothing is divided by zero


def test_the_explorers_file_has_a_picture_and_a_score_an_image():
    part = pictures.network_part(
        "net", np.zeros((2, 8, 8, 3)), ["cat", "dog"], [0.51234, 1.0],
        {"A": np.ones((2, 56, 56))}, {"A": False}, {"A": {"test: IoU": [0.12345, NAN]}},
    )  # fmt: skip

    (network,) = json.loads(pictures.explorer_file([part]))["networks"]
    assert [image["class"] for image in network["images"]] == ["cat", "dog"]
    assert network["images"][0]["probability"] == 0.512
    assert network["images"][0]["picture"].startswith("/9j/")
    assert [text[:11] for text in network["maps"]["A"]] == ["iVBORw0KGgo"] * 2
    assert network["scale"] == {"A": "unsigned"}
    assert network["scores"] == {"A": {"test: IoU": [0.123, None]}}


def test_what_was_done_to_the_network_is_told_in_its_own_sentences():
    told = show.network_notes("my:net", ("It was in training mode.", "Maps look at layer4."))

    assert told == "The network is `my:net`. It was in training mode. Maps look at layer4."


def test_one_photograph_has_no_winner():
    one = rows(("A", "gradient", 0.5), ("edges", "control", 0.25)).assign(low=NAN, high=NAN)

    assert show.outcome(one) == (
        "A single photograph is left in this test, which is too few to say who is first."
    )


def test_remarks_are_listed_and_what_a_method_prints_is_escaped():
    assert show.remarks([]) == ""
    assert "<li>Yours: it prints &lt;b&gt;.</li>" in show.remarks(["Yours: it prints <b>."])
