"""The book as a reader meets it: complete, without a connection, on a wide and a narrow screen."""

import html
import json
import re

import numpy as np
import pandas as pd
import pytest
import yaml
from altair.vegalite.v6 import display

from helpers.report import build, claims, front_page, readme, scorecard, status, tallies
from helpers.store import paths

NARROW = 390  # pixels, a phone
CHART = 'class="drawn"'
LOADED = re.compile(r'<(?:script|img|link|iframe)\b[^>]*?\b(?:src|href)="(?:https?:)?//[^"]*"')
PROBE = """(async () => {
  await book.drawAll();
  const root = document.documentElement;
  const count = selector => document.querySelectorAll(selector).length;
  const drawn = [...document.querySelectorAll("svg.marks")].filter(svg => svg.clientWidth > 50);
  return {
    width: innerWidth, overflow: root.scrollWidth - root.clientWidth,
    charts: drawn.length, formulas: count("mjx-container"),
    failed: document.body.innerText.includes("could not be drawn"),
  };
})()"""
SCORECARD = pd.DataFrame(
    {
        "chapter": "trial",
        "key": ["a", "a", "b", "c"],
        "group": ["accuracy", "accuracy", "accuracy", "ranking"],
        "says": ["right", "right", "wrong", "overlap"],
        "where": "Sect. 3",
        "unit": "images",
        "reported": [10, 10, 20, 30],
        "tolerance": [0, 0, 0, 1],
        "bound": "",
        **dict.fromkeys(
            ["measured_by", "needs", "readings", "rests_on", "same_as", "registered"], ""
        ),
        **dict.fromkeys(["seen", "amended", "why", "turned_by"], ""),
        "kind": ["number", "number", "number", "order"],
        "rounds": np.nan,
        "readings_run": 1,
        "readings_hold": 1,
        "reason": ["a count", "a count", "a count", "rounding"],
        "arm": ["A", "B", "A", "B"],
        "value": [10, 12, 20, None],
        "low": [10, 12, 20, None],
        "high": [10, 12, 20, None],
        "n": [100, 100, 100, None],
        "verdict": ["reproduced", "not reproduced", "reproduced", "not run"],
    }
)
CARD = {"profile": "laptop", "command": "python -m helpers.run trial -p seed 3", "seeds": [1, 2]}


@pytest.fixture(scope="session")
def seen(built_book, browser):
    """Open all pages as wide as a phone, and give what each page says of itself."""
    browser.look(NARROW, 800, touch=True)
    reports = {}
    for page in toc():
        browser.open(built_book / f"{page}.html")
        reports[page] = browser.evaluate(PROBE)
    return reports


def toc():
    def walk(entry):
        if isinstance(entry, list):
            return [page for part in entry for page in walk(part)]
        if not isinstance(entry, dict):
            return []
        own = [entry[name] for name in ("root", "file") if name in entry]
        return own + [page for part in entry.values() for page in walk(part)]

    return walk(yaml.safe_load((paths.ROOT / "_toc.yml").read_text()))


def text(page):
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


@pytest.mark.slow
@pytest.mark.parametrize("page", toc())
def test_page_is_built_and_loads_nothing_from_elsewhere(built_book, page):
    built = (built_book / f"{page}.html").read_text()

    assert LOADED.findall(built) == []


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in toc() if "/runs/" in page])
def test_page_of_a_run_names_its_profile(built_book, page):
    built = text((built_book / f"{page}.html").read_text())

    assert re.search(r"\bprofile\W+(smoke|laptop|paper)\b", built, re.IGNORECASE)


@pytest.mark.slow
@pytest.mark.parametrize("page", toc())
def test_browser_draws_every_chart_and_formula(built_book, seen, page):
    source = (built_book / f"{page}.html").read_text()

    report = seen[page]

    assert report["charts"] == source.count(CHART)
    assert (report["formulas"] > 0) == ('class="math notranslate' in source)
    assert not report["failed"]


@pytest.mark.slow
@pytest.mark.parametrize("page", toc())
def test_page_fits_a_phone(seen, page):
    report = seen[page]

    assert (report["width"], report["overflow"]) == (NARROW, 0)


def test_chart_script_names_the_versions_that_altair_asks_for():
    debug = re.search(r"var VEGA_DEBUG = (\{.*?\});", build.vega_bundle()).group(1)

    assert dict(re.findall(r"(\w+): '([^']+)'", debug)) == {
        "vega_version": display.VEGA_VERSION,
        "vegalite_version": display.VEGALITE_VERSION,
        "vegaembed_version": display.VEGAEMBED_VERSION,
    }


def test_committed_summaries_are_those_of_the_committed_results():
    for file, current in build.summaries().items():
        assert file.read_text(encoding="utf-8") == current, f"{file.name}: run `make readme`"


def test_scorecard_for_machines_says_the_same_in_both_formats():
    table = pd.read_csv(scorecard.SCORECARD.with_suffix(".csv"))
    records = json.loads(scorecard.SCORECARD.with_suffix(".json").read_text(encoding="utf-8"))

    same = pd.DataFrame(records).replace({"": np.nan, None: np.nan})
    pd.testing.assert_frame_equal(same, table, check_dtype=False)


def test_scorecard_for_machines_counts_the_verdicts_that_readme_shows():
    table = pd.read_csv(scorecard.SCORECARD.with_suffix(".csv"))
    text = readme.README.read_text(encoding="utf-8")

    for (paper, arm), rows in table.groupby(["paper", "arm"]):
        conclusion = rows.kind == "conclusion"
        once = rows[rows.same_as.isna() & ~conclusion]
        counts = [str((once.verdict == verdict).sum()) for verdict in claims.VERDICTS]
        line = f"| {front_page.ARMS[arm]} | {tallies.in_words(rows.verdict[conclusion])} | "
        assert f"{line}{' | '.join(counts)} |" in text, (paper, line)


def test_every_chapter_with_claims_belongs_to_a_paper():
    assert {paper.chapter for paper in scorecard.PAPERS} >= set(scorecard.chapters()) != set()


def test_a_chapter_beside_the_papers_has_no_page_before_its_first_run(tmp_path):
    reported, results = tmp_path / "reported", tmp_path / "results"
    for folder in (reported, results):
        folder.mkdir()
    for name in ("haycam", "further"):
        (reported / f"{name}.csv").touch()

    before = scorecard.chapters(reported, results)
    (results / "further.csv").touch()

    assert before == ["haycam"]
    assert scorecard.chapters(reported, results) == ["haycam", "further"]


def test_tally_counts_verdicts_by_arm():
    counts = tallies.tally(SCORECARD)

    assert counts.columns.tolist() == claims.VERDICTS
    assert counts.loc["A"].tolist() == [2, 0, 0, 0, 0, 0]
    assert counts.loc["B"].tolist() == [0, 1, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (["depends on the reading"], "1 depends on the reading"),
        (["depends on the reading", "reproduced", "depends on the reading"],
         "1 reproduced, 2 depend on the reading"),
        ([], ""),
    ],
)  # fmt: skip
def test_several_verdicts_take_a_verb_of_their_number(found, words):
    assert tallies.in_words(pd.Series(found, dtype=object)) == words


def test_summary_of_a_chapter_that_never_ran_says_so():
    nothing = SCORECARD[SCORECARD.verdict == "not run"]

    lines = front_page.summary({"lrp_adversarial": nothing}, {}).splitlines()

    assert (
        lines[2]
        == "| Dieter & Zisgen 2023 | B, independent | – | 0 | 0 | 0 | 0 | 0 | 1 | not run |"
    )
    assert lines[3] == "| Arya 2024 | planned | – | – | – | – | – | – | – | – |"


def test_scorecard_counts_verdicts_in_each_heading_and_gives_the_command():
    page = scorecard.scorecard_page({"trial": SCORECARD}, {"trial": CARD})

    assert "<summary>accuracy: 2 reproduced, 1 not reproduced</summary>" in page
    assert "<summary>ranking: 1 not run</summary>" in page
    assert CARD["command"] in page


def test_status_shows_every_entry_of_the_run_card():
    page = status.status_page({"trial": {**CARD, "versions": {"torch": "2.12.1"}}, "other": {}})

    assert "| seeds  | `1, 2` |" in page
    assert "| versions torch | `2.12.1` |" in page
    assert "Not run yet" in page


def test_table_goes_between_the_marks_and_nowhere_else():
    start, end = readme.MARKS

    assert readme.fill(f"a {start} old {end} b", "new\n") == f"a {start}\nnew\n{end} b"


def test_readme_without_marks_is_rejected():
    with pytest.raises(ValueError, match="lacks"):
        readme.fill("no marks", "table")


def test_run_cards_of_committed_results_are_complete():
    wanted = {"profile", "command", "commit", "digest", "device", "versions", "seeds", "seconds"}

    for chapter in scorecard.chapters():
        card = claims.run_card(chapter)
        assert wanted <= card.keys(), f"{chapter}: {json.dumps(card, indent=1)}"


def test_a_finding_is_not_shown_on_the_status_page():
    page = status.status_page({"decam": {"profile": "laptop", "finding": "Chance."}})

    assert "| profile  | `laptop` |" in page
    assert "Chance" not in page


@pytest.mark.parametrize(
    ("outputs", "picture"),
    [
        ([], None),
        ([{"data": {"text/html": "<p>no picture</p>"}}], None),
        ([{"data": {"text/html": ['<img src="data:image/png;', 'base64,cGl4ZWxz">']}}], b"pixels"),
    ],
)
def test_readme_shows_the_picture_of_the_cell_tagged_picture(outputs, picture):
    other = [{"data": {"text/html": '<img src="data:image/png;base64,b3RoZXI=">'}}]
    cells = [
        {"metadata": {}, "outputs": other},
        {"metadata": {"tags": ["picture"]}, "outputs": outputs},
    ]

    assert readme.picture({"cells": cells}) == picture
    assert readme.picture({"cells": cells[:1]}) is None


def test_citation_file_names_the_five_papers_as_the_bibliography_does():
    cited = yaml.safe_load((paths.ROOT / "CITATION.cff").read_text(encoding="utf-8"))["references"]
    entries = (paths.BOOK / "references.bib").read_text(encoding="utf-8").replace("{", "")

    papers = [paper.name for paper in scorecard.PAPERS if paper.name[-1].isdigit()]
    assert [f"{entry['authors'][0]['family-names']} {entry['year']}" for entry in cited] == [
        re.sub(r"(\w+).* (\d+)", r"\1 \2", name) for name in papers
    ]
    for entry in cited:
        assert entry["title"] in entries.replace("}", "")
        assert entry.get("doi", "") in entries


@pytest.mark.parametrize(
    "file", ["README.md", "CONTRIBUTING.md", "CHANGES.md", *paths.BOOK.glob("*.md")], ids=str
)
def test_files_that_the_documents_name_exist(file):
    text = (paths.ROOT / file).read_text(encoding="utf-8")

    named = re.findall(r"`((?:helpers|tests|book|notebooks)/[\w./-]+)`", text)
    made_by_runs = {"notebooks/ipynb/"}
    missing = [name for name in named if not (paths.ROOT / name).exists()]
    assert set(missing) <= made_by_runs


def test_contributing_tells_of_every_room():
    text = (paths.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

    rooms = {folder.parent.name for folder in paths.HELPERS.glob("*/__init__.py")}
    assert {room for room in rooms if f"| `{room}/` |" not in text} == set()


def test_tally_has_a_column_for_each_verdict_in_the_order_of_the_pages():
    assert list(tallies.tally(SCORECARD).columns) == claims.VERDICTS


def test_status_keeps_a_table_whole_whatever_a_card_says():
    page = status.status_page({"trial": {**CARD, "command": "run | `rm`"}})

    assert "| `run / 'rm'` |" in page


def test_no_rule_of_the_style_sheet_stands_twice():
    """What is pasted into a rule of the dark theme would hold in the light one as well."""
    style = (paths.BOOK / "theme" / "book.css").read_text(encoding="utf-8")
    outside = re.sub(r"/\*.*?\*/|@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", style, flags=re.S)
    selectors = [found.strip() for found in re.findall(r"([^{}]+)\{", outside)]

    assert len(selectors) > 20
    assert [name for name in selectors if selectors.count(name) > 1] == []
