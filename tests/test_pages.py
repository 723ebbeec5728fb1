"""What the pages on all methods and all tests say, from a matrix that is small enough to read."""

import base64
import io
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.measures import standings
from helpers.report import explorer, figures, leaderboard, tables, theme
from helpers.store import paths

SECONDS = {"Gradient": 0.1, "LIME": 9.0, "centre": 0.001, "edges": 0.002}
KINDS = {"Gradient": "gradient", "LIME": "black box", "centre": "control", "edges": "control"}
ACT = """<output></output><script>
function choose(name, value) {
  const list = document.querySelector(`[name=${name}]`);
  list.value = value;
  list.dispatchEvent(new Event("change", { bubbles: true }));
}
choose("image", "1");
choose("second", "<b>LRP</b>");
setTimeout(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const [first, second] = all(".layers canvas");
  document.querySelector("output").textContent = JSON.stringify({
    hidden: document.getElementById("two-maps").hidden,
    captions: all("figcaption").map((e) => e.textContent),
    alt: document.querySelector("figure img").alt,
    labels: [first, second].map((e) => e.ariaLabel),
    ends: all(".ends").map((e) => e.textContent),
    scores: all("td").map((e) => e.textContent),
    pixels: [first, second].map((e) => [...e.getContext("2d").getImageData(0, 0, 2, 1).data]),
    injected: all("#two-maps b").length,
  });
}, 1000);
</script>"""


def rows(test, values, better=1, decides=True, network="net", **others):
    """Rows of a matrix: a value a method, or a text that says why there is none."""
    given = [(method, value, isinstance(value, str)) for method, value in values.items()]
    table = [
        {
            "network": network,
            "test": test,
            "paper": None,
            "measure": f"{test} measure",
            "method": method,
            "kind": KINDS[method],
            "value": None if failed else value,
            "low": None if failed else value - 1,
            "high": None if failed else value + 1,
            "n": 0 if failed else 20,
            "better": better,
            "decides": decides,
            "rank_low": 1.5 if decides and not failed else None,
            "rank_high": 3 if decides and not failed else None,
            "gap": value if failed else None,
            **others,
        }
        for method, value, failed in given
    ]
    return pd.DataFrame(table)


def read(folder, *parts):
    """Write the tables as the chapter does, and read them as the page does."""
    cost = rows("cost", SECONDS, better=-1, decides=False, measure="seconds an image")
    pd.concat([*parts, cost]).to_csv(folder / "cross_examination-matrix.csv", index=False)
    return leaderboard.matrix(folder)


@pytest.fixture
def table(tmp_path):
    return read(
        tmp_path,
        rows("sorting", {"Gradient": 9, "LIME": 5, "centre": 1, "edges": 2}),
        rows("guessing", {"Gradient": 9, "LIME": 5, "centre": 1, "edges": 6}, better=-1),
        rows("failing", {"Gradient": 9, "LIME": "Error:\n\n<b>3</b>", "centre": 1, "edges": 7}),
    )


def deciding(table):
    ranked = standings.with_places(table)
    return ranked[ranked.decides]


def png(levels):
    file = io.BytesIO()
    Image.fromarray(np.array([levels], dtype=np.uint8)).save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


@pytest.fixture
def content():
    photographs = [
        {"name": name, "class": label, "probability": 0.5, "picture": "/9j/"}
        for name, label in (("a.png", "cat"), ("b.png", "<b>dog</b>"))
    ]
    return {
        "networks": [
            {
                "name": "net",
                "images": photographs,
                "maps": {
                    "Grad-CAM": [png([0, 0]), png([0, 255])],
                    "LIME": [png([0, 0]), png([0, 0])],
                    "<b>LRP</b>": [png([0, 0]), png([128, 1])],
                },
                "scale": {"Grad-CAM": "unsigned", "LIME": "signed", "<b>LRP</b>": "signed"},
                "scores": {"Grad-CAM": {"IoU": [1, 2]}, "<b>LRP</b>": {"IoU": [3, None]}},
            }
        ]
    }


def test_before_the_chapter_was_run_both_pages_say_how_to_run_it(tmp_path):
    board = leaderboard.leaderboard_page(leaderboard.matrix(tmp_path), {})
    maps_page = explorer.explorer_page(explorer.load(tmp_path))

    for page in (board, maps_page):
        assert "not run yet" in page
        assert "python -m helpers.run cross_examination --profile laptop" in page


def test_first_place_has_the_value_that_is_better_and_gaps_have_none(table):
    places = deciding(table).set_index(["test", "method"]).place

    assert places["sorting"].to_dict() == {"Gradient": 1, "LIME": 2, "centre": 4, "edges": 3}
    assert places["guessing"].to_dict() == {"Gradient": 4, "LIME": 2, "centre": 1, "edges": 3}
    assert places["failing"].fillna(0).to_dict() == {
        "Gradient": 1, "LIME": 0, "centre": 3, "edges": 2
    }  # fmt: skip


def test_every_row_knows_what_its_method_costs(table):
    ranked = standings.with_places(table).query("test == 'sorting'")

    assert dict(zip(ranked.method, ranked.seconds, strict=True)) == SECONDS
    assert leaderboard.with_cost_in_words(table).cost.iloc[0] == "seconds an image: 0.1"


def test_front_holds_the_methods_that_no_faster_one_equals_or_surpasses(tmp_path):
    equal = rows("sorting", {"Gradient": 5, "LIME": 7, "centre": 5, "edges": 1})

    ranked = deciding(read(tmp_path, equal))

    assert ranked.method[ranked.front].tolist() == ["LIME", "centre"]


def test_tests_in_which_a_control_wins_or_ranks_high_are_on_trial(table):
    page = leaderboard.leaderboard_page(table, {})

    assert "- A control wins **guessing**, by guessing measure: centre (1 of 4)." in page
    assert "No control reaches the upper half in: sorting, failing." in page


def test_a_control_in_the_upper_half_is_listed_though_it_does_not_win(tmp_path):
    second = rows("sorting", {"Gradient": 9, "LIME": 5, "centre": 1, "edges": 6})

    page = leaderboard.leaderboard_page(read(tmp_path, second), {})

    assert (
        "- A control is in the upper half of **sorting**, by sorting measure: edges (2 of 4)."
        in page
    )
    assert "No control reaches" not in page


def test_where_no_control_ranks_high_no_test_is_on_trial(tmp_path):
    low = rows("sorting", {"Gradient": 9, "LIME": 5, "centre": 1, "edges": 2})

    page = leaderboard.leaderboard_page(read(tmp_path, low), {})

    assert "on trial" not in page
    assert "No control reaches the upper half in: sorting." in page


def test_gap_stands_in_the_table_and_its_error_below_it_as_text(table):
    page = leaderboard.leaderboard_page(table, {"profile": "smoke", "command": "make it"})

    assert "<td>gap</td>" in page
    assert "<li>LIME, failing: <code>Error: &lt;b&gt;3&lt;/b&gt;</code></li>" in page
    assert "Profile **smoke**; made by <code>make it</code>" in page


def test_table_shows_values_with_places_and_the_first_in_bold(table):
    shown = tables.rank_table(deciding(table))

    gradient = re.search(r"<tr><th scope=\"row\">Gradient.*", shown).group()
    assert re.findall(r"<td[^>]*>(.*?)</td>", gradient) == [
        "<b>9 <small>[8, 10] (1, 2–3)</small></b>",
        "9 <small>[8, 10] (4, 2–3)</small>",
        "<b>9 <small>[8, 10] (1, 2–3)</small></b>",
    ]
    assert "guessing<br><small>guessing measure ↓<br>n = 20</small>" in shown


def test_page_has_a_table_for_each_network(tmp_path):
    values = {"Gradient": 9, "LIME": 5, "centre": 1, "edges": 2}
    both = read(tmp_path, rows("sorting", values), rows("sorting", values, network="other"))

    page = leaderboard.leaderboard_page(both, {})

    assert page.count('class="verdicts matrix"') == 2
    assert "### other" in page


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ([rows("sorting", {"LIME": 1}, kind="magic")], "kind 'magic'"),
        ([rows("sorting", {"LIME": 1}, decides=False)], "0 measures decide the test 'sorting'"),
        ([rows("sorting", {"LIME": 1}, decides="Tru")], "decides is neither True nor False"),
        ([rows("sorting", {"LIME": 1}, better=0)], "with better 1 or -1"),
        (
            [rows("sorting", {"LIME": 1}), rows("sorting", {"LIME": 1}, measure="other")],
            "2 measures decide",
        ),
    ],
)
def test_matrix_that_cannot_rank_is_rejected(tmp_path, parts, complaint):
    with pytest.raises(ValueError, match=complaint):
        read(tmp_path, *parts)


def test_matrix_without_a_column_is_rejected(tmp_path, table):
    table.drop(columns="paper").to_csv(tmp_path / "cross_examination-matrix.csv")

    with pytest.raises(ValueError, match="lacks the column 'paper'"):
        leaderboard.matrix(tmp_path)


def written(folder, content):
    (folder / "cross_examination-explorer.json").write_text(json.dumps(content))
    return folder


def test_explorer_with_a_map_too_few_is_rejected(tmp_path, content):
    content["networks"][0]["maps"]["<b>LRP</b>"].pop()

    with pytest.raises(ValueError, match=r"lists of \[1\] entries for net; expected 2"):
        explorer.load(written(tmp_path, content))


def test_explorer_with_a_map_that_is_no_png_is_rejected(tmp_path, content):
    content["networks"][0]["maps"]["<b>LRP</b>"][0] = "/9j/4AAQ"

    with pytest.raises(ValueError, match="begins with '/9j/4AAQ'"):
        explorer.load(written(tmp_path, content))


def test_explorer_without_scripts_says_so(content):
    assert "<noscript><p>This page needs JavaScript" in explorer.explorer_page(content)


@pytest.mark.slow
def test_explorer_draws_what_is_chosen_and_shows_texts_as_text(tmp_path, content, drawn):
    for folder in ("_static", "book"):
        (tmp_path / folder).mkdir()
    shutil.copy(paths.BOOK / "theme" / "explorer.js", tmp_path / "_static")
    kept = explorer.load(written(tmp_path, content))
    (tmp_path / "_static" / "explorer-data.js").write_text(explorer.explorer_script(kept))
    page = tmp_path / "book" / "explorer.html"
    page.write_text('<meta charset="utf-8">' + explorer.explorer_page(kept) + ACT)

    report = json.loads(drawn(page, seconds=5))

    dark, yellow, white, blue = (
        [*figures.color_table(signed)[level], 255]
        for signed, level in ((False, 0), (False, 255), (True, 128), (True, 1))
    )
    assert report == {
        "hidden": False,
        "captions": ["<b>dog</b>, probability 50.0 %", "Grad-CAM", "<b>LRP</b>"],
        "alt": "photograph b.png, classified as <b>dog</b>",
        "labels": [
            f"saliency map of {m} for <b>dog</b> on b.png" for m in ("Grad-CAM", "<b>LRP</b>")
        ],
        "ends": ["0top 1 %", "−0top 1 %"],
        "scores": ["2", "–"],
        "pixels": [dark + yellow, white + blue],
        "injected": 0,
    }


def test_templates_escape_texts_but_not_what_is_html_already():
    picture = Image.new("RGB", (2, 2))

    figure = figures.with_alt_text(picture, '<b>"map"</b>')
    row = figures.side_by_side([figure])

    assert 'alt="&lt;b&gt;&#34;map&#34;&lt;/b&gt;"' in figure
    assert figure in row
    assert isinstance(row, theme.Html)
