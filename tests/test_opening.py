"""The first screen and the front page, built from made-up verdicts and read."""

import itertools
import re

import pandas as pd
import pytest
import yaml

from helpers.report import claims, conclusions, front_page, opening, scorecard, tallies, theme
from helpers.report.opening import FIRST_WORDS
from helpers.report.verdicts import DECIDED, VERDICTS

CHAPTERS = scorecard.chapters()
DEFAULTS = {
    "kind": "conclusion", "where": "Abstract", "why": "because", "amended": "", "rests_on": "",
    "same_as": "", "readings_run": 1, "readings_hold": 0, "turned_by": "", "group": "conclusions",
}  # fmt: skip


def judged(key, **verdict_by_arm):
    """A conclusion with a verdict an arm, and the rows that carry it."""
    rows = [
        {**DEFAULTS, "key": key, "says": "the claim", "arm": arm, "verdict": verdict}
        for arm, verdict in verdict_by_arm.items()
    ]
    return pd.DataFrame(rows)


def main_of(chapter):
    return opening.questions()[chapter].main


def first_words_in(text):
    """The words of verdicts that begin a sentence of a text."""
    return {
        verdict
        for verdict, word in FIRST_WORDS.items()
        if re.search(rf"(?:^|[.:] |\*\*){word}\b", text)
    }


@pytest.mark.parametrize(("chapter", "verdict"), itertools.product(CHAPTERS, VERDICTS))
def test_an_answer_says_the_verdict_of_its_row_and_no_other(chapter, verdict):
    text = opening.answer(opening.questions()[chapter], judged(main_of(chapter), B=verdict))

    assert first_words_in(text) == {verdict}
    assert "{" not in text


@pytest.mark.parametrize("pair", itertools.product(VERDICTS, VERDICTS), ids=" and ".join)
def test_two_arms_are_both_told_and_a_contradiction_is_named(pair):
    chapter = CHAPTERS[0]
    rows = judged(main_of(chapter), A=pair[0], B=pair[1])

    text = opening.answer(opening.questions()[chapter], rows)

    if pair[0] == pair[1]:
        assert first_words_in(text) == {pair[0]}
        assert "material" not in text
    elif set(pair) == DECIDED:
        assert text.startswith("The two kinds of material disagree.")
        assert first_words_in(text) == DECIDED
    else:
        (told,) = first_words_in(text)
        (other,) = set(pair) - {told}
        assert told in pair
        leading = opening.MATERIAL["AB"[pair.index(told)]]
        assert text.startswith(f"With {leading}: {FIRST_WORDS[told]}")
        assert f"material: {other}." in text


def test_the_arm_that_decides_answers_first():
    for decided, other in itertools.product(
        [*DECIDED, "depends on the reading"], ["inconclusive", "not comparable", "not run"]
    ):
        for verdicts in ({"A": decided, "B": other}, {"A": other, "B": decided}):
            first = opening.main_rows(judged("k", **verdicts), "k").iloc[0]
            assert first.verdict == decided


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_front_page_of_made_up_verdicts_never_contradicts_a_row(verdict):
    made_up = {chapter: judged(main_of(chapter), B=verdict) for chapter in CHAPTERS}

    page = front_page.front(made_up, pictures=CHAPTERS[:1])

    sections = page.split("\n## ")
    assert len(sections) == len(CHAPTERS)
    for section in sections:
        (answer,) = re.findall(r"^\*\*(.+)\*\*$", section, re.MULTILINE)
        assert answer.startswith(FIRST_WORDS[verdict])
        assert first_words_in(answer) == {verdict}
        assert re.findall(r'class="verdict ([\w-]+)"', section) == [verdict.replace(" ", "-")]
        assert f"</b> {verdict}" in section
        assert f"1 {verdict}." in section


def test_a_badge_for_each_arm_where_they_differ():
    chapter = CHAPTERS[0]
    made_up = {chapter: judged(main_of(chapter), A="reproduced", B="inconclusive")}

    page = front_page.front(made_up, pictures=[])

    assert page.count('class="verdict ') == 2
    assert "with independent material" in page


def test_the_papers_come_in_their_order_and_a_picture_only_where_there_is_one():
    made_up = {chapter: judged(main_of(chapter), B="not run") for chapter in reversed(CHAPTERS)}

    page = front_page.front(made_up, pictures=["elime"])

    papers = [paper.chapter for paper in scorecard.PAPERS]
    assert re.findall(r"^## \[.*\]\(runs/(\w+)\.ipynb\)$", page, re.MULTILINE) == papers
    assert re.findall(r"_made/pictures/(\w+)\.png", page) == ["elime"]


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_first_screen_lists_every_conclusion_with_its_verdict_and_reason(verdict):
    rows = judged(main_of("decam"), B=verdict)
    rows.loc[0, ["says", "why"]] = ["a | b <c>", "x < y"]

    text = conclusions.opening("decam", rows)

    assert text.startswith(opening.MARK)
    shown = f'<span class="nowrap">{theme.MARKS[verdict]} {verdict}</span>'
    assert f"| a \\| b &lt;c&gt; (Abstract) | {shown} |" in text
    assert "<small>x &lt; y</small>" in text
    assert opening.finding("decam", rows) in text


def test_an_answer_is_filled_from_the_rows_that_carry_it():
    question = opening.questions()["elime"]
    main = judged(question.main, B="inconclusive").assign(rests_on="all: a; b")
    rows = [
        judged(key, B=found).assign(kind="order")
        for key, found in {"a": "reproduced", "b": "inconclusive", "c": "not reproduced"}.items()
    ]

    text = opening.answer(question, pd.concat([main, *rows]))

    assert "tested 2 times: 1 reproduced, 1 inconclusive." in text


def test_readings_are_told_with_the_choice_that_turns_them():
    question = opening.questions()["haycam"]
    main = judged(question.main, B="depends on the reading").assign(
        readings_run=8, readings_hold=2, turned_by="threshold"
    )

    text = opening.answer(question, main)

    assert "holds in 2 of 8 readings; the choice that changes it most is “threshold”." in text


@pytest.mark.parametrize("chapter", scorecard.chapters())
def test_every_chapter_asks_a_question_whose_main_conclusion_is_a_row(chapter):
    rows = claims.reported(chapter)

    assert rows.kind[main_of(chapter)] == "conclusion"
    assert opening.opening(chapter, claims.scorecard(chapter))


TEXTS = ("question", "claim", "quote", "place", "main", "caveat", "picture")
WHOLE = {
    **dict.fromkeys(TEXTS, "words"),
    "answers": {verdict: f"{word}. It is so." for verdict, word in FIRST_WORDS.items()},
}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"answers": {**WHOLE["answers"], "reproduced": "No. It is."}}, "must begin with 'Yes'"),
        ({"answers": {**WHOLE["answers"], "not run": "Yes."}}, "must begin with 'Not measured'"),
        ({"answers": {"reproduced": "Yes."}}, "lacks 'not reproduced'"),
        ({"claim": "It rises by 12 %."}, "a number is typed"),
        ({"answers": {**WHOLE["answers"], "reproduced": "Yes. {n}"}}, "no field n"),
        ({"answers": {**WHOLE["answers"], "reproduced": "Yes. {held"}}, "trial: the answer 'Yes"),
    ],
)
def test_an_answer_that_could_contradict_its_row_is_refused(tmp_path, changes, complaint):
    file = tmp_path / "questions.yaml"
    file.write_text(yaml.safe_dump({"trial": {**WHOLE, **changes}}))

    with pytest.raises(ValueError, match=complaint):
        opening.questions.__wrapped__(file)


def test_whole_questions_are_read(tmp_path):
    file = tmp_path / "questions.yaml"
    file.write_text(yaml.safe_dump({"trial": WHOLE}))

    assert opening.questions.__wrapped__(file)["trial"].answers["reproduced"] == "Yes. It is so."


# --- counting ---

COUNTED = pd.DataFrame(
    {
        "kind": ["number", "order", "order", "conclusion"],
        "same_as": ["", "", "a", ""],
        "arm": "B",
        "verdict": ["reproduced", "not reproduced", "not reproduced", "not reproduced"],
    }
)


def test_a_quantity_is_counted_once_and_a_conclusion_apart():
    assert tallies.tally(COUNTED).loc["B"].sum() == 2
    assert tallies.tally(COUNTED).loc["B", "not reproduced"] == 1
    assert tallies.sentence(COUNTED) == (
        "Of **2** numbers and orders: 1 reproduced, 1 not reproduced."
    )


@pytest.mark.parametrize("chapter", scorecard.chapters())
def test_no_two_counted_rows_of_an_arm_are_one_measurement(chapter):
    """Equal values with equal intervals under two keys are one quantity, counted twice."""
    rows = tallies.counted(claims.scorecard(chapter)).dropna(subset="value")
    varying = rows[(rows.low < rows.high) & (rows.value % 1 != 0)]  # counts may coincide

    repeated = varying[varying.duplicated(["arm", "value", "low", "high", "n"], keep=False)]
    assert repeated.key.tolist() == []
