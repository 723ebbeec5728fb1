"""What the built pages get after Sphinx: read on small pages, made by hand."""

import copy
import json
import re
import xml.etree.ElementTree as ET

import jsonschema
import pandas as pd
import pytest
import vl_convert
import yaml
from bs4 import BeautifulSoup

from helpers.report import cite, claims, leaderboard, methods, opening, render, scorecard, theme
from helpers.report.site import (
    bibliography,
    captions,
    charts,
    finish,
    glossary,
    head,
    icons,
    links,
    one_file,
    specs,
    tables,
)
from helpers.store import paths

CURVES = [
    {"epoch": 0.01 * n, "right": n, "set": name} for n in (1, 2, 3, 400) for name in ("a", "b")
]
LINE = {
    "mark": {"type": "line", "point": True},
    "width": "container",
    "datasets": {"d": CURVES},
    "data": {"name": "d"},
    "encoding": {
        "x": {"field": "epoch", "type": "quantitative", "title": "epoch"},
        "y": {"field": "right", "type": "quantitative", "title": "images (%)"},
        "color": {"field": "set", "type": "nominal", "title": None},
        "tooltip": [{"field": "set"}, {"field": "right"}],
    },
}
OLD_TABLE = (
    '<article><h2>Theirs and ours</h2><div class="verdicts"><table><thead><tr>'
    + "".join(f"<th>{name}</th>" for name in tables.CLAIMS)
    + "</tr></thead><tbody>"
    "<tr><td>success</td><td><span>✓ reproduced</span></td><td>96.6 <small>± 3</small></td>"
    "<td>96.1 <small>[95, 97]</small></td><td>100</td><td>%</td><td>A</td><td>p. 9</td></tr>"
    "<tr><td>success</td><td><span>✗ not reproduced</span></td><td>96.6 <small>± 3</small></td>"
    "<td>19.799999</td><td>200</td><td>%</td><td>B</td><td>p. 9</td></tr>"
    "</tbody></table></div></article>"
)


def soup(text):
    return BeautifulSoup(text, "html.parser")


@pytest.mark.parametrize(
    ("frame", "columns"),
    [
        (pd.DataFrame({"rule": ["a", "b"], "share": [1, 2]}), ["rule", "share"]),
        (pd.DataFrame({"rule": ["a", "b"]}, index=[8, 50]), ["rule"]),  # rows that were chosen
        (pd.DataFrame({"rule": ["a", "b"]}, index=["x", "y"]), ["", "rule"]),
        (pd.DataFrame({"rule": ["a", "b"]}, index=[3, 1]), ["", "rule"]),  # an order that says
        (pd.DataFrame({"rule": ["a"]}, index=pd.Index([3], name="epoch")), ["epoch", "rule"]),
    ],
)
def test_a_column_that_only_numbers_rows_is_left_out(frame, columns):
    page = BeautifulSoup(f"<article>{frame.to_html()}</article>", "html.parser")

    (table,) = tables.made_readable(page)

    assert [cell.get_text(strip=True) for cell in table.thead.find_all(["th", "td"])] == columns
    widths = {len(row.find_all(["th", "td"])) for row in table.find_all("tr")}
    assert widths == {len(columns)}
    assert tables.as_csv(table).count("\n") == len(frame) + 1


def test_names_beside_an_axis_are_not_cut_where_vega_would_cut_them():
    mended = specs.mended(LINE)

    assert mended["config"]["axis"]["labelLimit"] == specs.LABEL > 180
    named = {"y": {"field": "y", "axis": {"labelLimit": 120, "title": None}}}
    mended = specs.mended({"layer": [{"mark": "point", "encoding": named}]})
    assert mended["layer"][0]["encoding"]["y"]["axis"] == {"title": None}
    own = specs.mended({**LINE, "config": {"axis": {"labelLimit": 90}}})
    assert own["config"]["axis"]["labelLimit"] == 90


def test_a_column_of_the_index_has_the_indexs_name_not_that_of_all_columns():
    index = pd.MultiIndex.from_tuples([("maximum", 0.2)], names=["scale", "cut"])
    frame = pd.DataFrame([[1.0]], index, pd.Index(["Grad-CAM"], name="method"))
    page = soup(frame.to_html())

    (table,) = tables.made_readable(page)

    assert [cell.get_text(strip=True) for cell in table.select("thead th")] == [
        "scale", "cut", "Grad-CAM",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "word", "unbroken"),
    [(3, "reproduced", True), (9, "reproduced", False), (8, "0.15", True), (2, "x" * 60, False)],
)
def test_words_of_a_table_are_broken_only_where_they_do_not_fit_beside_each_other(
    columns, word, unbroken
):
    frame = pd.DataFrame([[word] * columns], columns=[f"c{k}" for k in range(columns)])
    page = soup(frame.to_html(index=False))

    (table,) = tables.made_readable(page)

    assert ("unbroken" in table["class"]) is unbroken


def test_a_cell_that_stands_for_several_rows_names_its_column_in_each():
    page = soup(
        "<table><thead><tr><th>network</th><th>score</th><th>value</th></tr></thead><tbody>"
        '<tr><th rowspan="2">a</th><th>logit</th><td>1</td></tr><tr><th>share</th><td>NaN</td></tr>'
        "<tr><th>b</th><th>logit</th><td>3</td></tr></tbody></table>"
    )

    (table,) = tables.made_readable(page)

    told = [
        [(cell["data-label"], cell.get_text()) for cell in row.find_all(["th", "td"])]
        for row in table.select("tbody tr")
    ]
    assert told == [
        [("network", "a"), ("score", "logit"), ("value", "1")],
        [("network", "a"), ("score", "share"), ("value", "–")],
        [("network", "b"), ("score", "logit"), ("value", "3")],
    ]
    assert [cell.get_text() for cell in table.select(".repeated")] == ["a"]
    assert tables.as_csv(table).splitlines()[2] == "a,share,–"


def test_amendments_of_a_claim_are_folded_behind_a_line_that_counts_them():
    page = soup(
        '<table><thead><tr><th>claim</th><th>paper</th></tr></thead><tbody><tr data-key="k">'
        '<th><a href="#">a claim</a><br/><small>Amended 2026-11-30: one.</small><br/>'
        "<small>Amended 2026-12-01: two.</small><br/><small>Table 1</small></th><td>3</td></tr>"
        '<tr data-key="l"><th>another</th><td>4</td></tr></tbody></table>'
    )

    (table,) = tables.made_readable(page)

    (folded,) = table.select("details.amended")
    assert not folded.has_attr("open")
    assert folded.summary.get_text() == "amended 2 times"
    assert [p.get_text() for p in folded.find_all("p")] == [
        "Amended 2026-11-30: one.", "Amended 2026-12-01: two.",
    ]  # fmt: skip
    assert "Table 1" in [small.get_text() for small in table.find_all("small")]
    assert len(table.find_all("br")) == 1
    assert "Amended 2026-12-01: two." in tables.as_csv(table)


# --- charts


def test_a_line_in_several_colors_has_dashes_and_a_titled_legend():
    dash = specs.mended(LINE)["encoding"]["strokeDash"]

    assert dash["field"] == "set"
    assert dash["scale"]["range"] == specs.DASHES
    assert dash["title"] == specs.mended(LINE)["encoding"]["color"]["title"] == "set"


def layered(sorting, marks=("area", "line", "point")):
    rows = [{"x": 1, "y": 1, "of": "b"}, {"x": 2, "y": 2, "of": "a"}]
    place = {
        "x": {"field": "x", "type": "quantitative"},
        "y": {"field": "y", "type": "quantitative"},
        "color": {"field": "of", "type": "nominal", **sorting},
    }
    layers = [{"mark": mark, "encoding": copy.deepcopy(place)} for mark in marks]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.4.1.json",
        "datasets": {"rows": rows},
        "data": {"name": "rows"},
        "layer": layers,
    }


@pytest.mark.parametrize(
    ("sorting", "order"),
    [
        ({"sort": None}, ["b", "a"]),
        ({"sort": ["a"]}, ["a", "b"]),
        ({"sort": "descending"}, ["b", "a"]),
        ({}, ["a", "b"]),
        ({"scale": {"domain": ["b", "a"]}}, ["b", "a"]),
    ],
)
def test_color_dash_and_shape_of_one_column_share_one_legend_in_its_order(sorting, order):
    drawn = vl_convert.vegalite_to_vega(specs.mended(layered(sorting)))

    (legend,) = drawn["legends"]
    domains = {scale["name"]: scale["domain"] for scale in drawn["scales"]}
    assert {"strokeDash", "shape"} < set(legend)
    assert domains["color"] == domains["strokeDash"] == domains["shape"] == order


def test_a_layer_that_forgot_its_order_takes_that_of_the_others():
    chart = layered({"sort": None})
    del chart["layer"][2]["encoding"]["color"]["sort"]

    (legend,) = vl_convert.vegalite_to_vega(specs.mended(chart))["legends"]
    assert {"strokeDash", "shape"} < set(legend)


def test_a_legend_that_is_ordered_by_another_column_is_left_alone():
    chart = layered({"sort": {"field": "y", "op": "mean"}})

    assert "scale" not in specs.mended(chart)["layer"][0]["encoding"]["color"]


def test_bars_beside_one_another_stand_in_the_order_of_their_legend():
    chart = layered({"sort": None}, ["bar", "rule"])
    for view in chart["layer"]:
        view["encoding"]["yOffset"] = {"field": "of", "type": "nominal"}

    for view in specs.mended(chart)["layer"]:
        assert view["encoding"]["yOffset"]["scale"]["domain"] == ["b", "a"]


def test_a_chart_that_is_mended_stays_as_it_is():
    before = copy.deepcopy(LINE)

    specs.mended(LINE)

    assert before == LINE


@pytest.mark.parametrize(("largest", "kind"), [(400, "log"), (4, None)])
def test_x_is_logarithmic_where_points_crowd_at_its_left_end(largest, kind):
    rows = [
        {**row, "epoch": largest if row["right"] == 400 else 1 + row["epoch"]} for row in CURVES
    ]

    scale = specs.mended({**LINE, "datasets": {"d": rows}})["encoding"]["x"].get("scale", {})

    assert scale.get("type") == kind


def test_x_with_a_zero_stays_linear():
    rows = [{**row, "epoch": 0} for row in CURVES[:2]] + CURVES

    assert "scale" not in specs.mended({**LINE, "datasets": {"d": rows}})["encoding"]["x"]


def test_points_in_several_colors_have_shapes_and_rules_have_none():
    color = {"color": LINE["encoding"]["color"]}
    point = {"mark": "point", "encoding": color}
    rule = {"mark": {"type": "rule"}, "encoding": {**color, "shape": {"field": "set"}}}

    drawn, line = specs.mended({"layer": [point, rule]})["layer"]

    assert drawn["encoding"]["shape"]["field"] == "set"
    assert "shape" not in line["encoding"]


def test_a_heat_map_has_titles_on_its_axes_and_its_scale():
    encoding = {
        "x": {"field": "under", "type": "nominal", "title": None},
        "y": {"field": "method", "type": "nominal", "title": None},
        "color": {"field": "value", "type": "quantitative", "title": None},
    }

    shown = specs.mended({"mark": "rect", "description": "Rank correlation", "encoding": encoding})

    titles = {name: part["title"] for name, part in shown["encoding"].items()}
    assert titles == {"x": "under", "y": "method", "color": "rank correlation"}


def test_the_description_of_an_inner_view_is_the_charts():
    assert (
        specs.described({"vconcat": [{"layer": [{"mark": "rule", "description": "Four"}]}]})
        == "Four"
    )
    assert specs.mended({"mark": "bar"}, "A heading")["description"] == "A heading"


def charted(spec):
    inside = json.dumps(spec).replace("<", "\\u003c")  # as `theme` writes it
    script = f"(function(spec, embedOpt){{ }})({inside}, {{}});"
    page = soup(f"<article><h2>Curves#</h2><div id='c'></div><script>{script}</script></article>")
    return page, charts.rewritten(page, "../")


def test_a_chart_becomes_data_with_a_still_picture_before_scripts_run():
    page, (chart,) = charted({**LINE, "description": "</script> of two"})

    kept = json.loads(page.find("script", type="application/json").string)
    assert kept["description"] == "</script> of two"
    assert "</script>" not in page.find("script", type="application/json").string
    still = page.find("img", class_="still")
    assert still["src"] == f"../_static/charts/{chart.still[0]}"
    assert ET.fromstring(chart.still[1]).tag.endswith("svg")


def test_a_figure_has_a_number_a_caption_its_data_its_cell_and_its_numbers_in_a_table():
    page, drawn = charted(LINE)
    page.article.insert(0, soup('<div id="run-card"></div>'))
    cell = page.new_tag("div", attrs={"class": "cell"})
    drawn[0].element.wrap(cell)

    files = captions.numbered(page, drawn, "elime-")

    figure = page.find("figure", id="figure-1")
    assert figure.find("figcaption").get_text().startswith("Figure 1. Curves.")
    assert [a["href"] for a in figure.find_all("a")] == [
        "_data/elime-figure-1.csv", "#cell-1", "#run-card"
    ]  # fmt: skip
    assert files["elime-figure-1.csv"].splitlines()[:2] == ["epoch,right,set", "0.01,1,a"]
    assert [cell.get_text() for cell in figure.select("details td")][:2] == ["a", "1"]


# --- tables


@pytest.mark.parametrize(
    ("text", "shown"),
    [("19.799999", "19.8"), ("90.0/0.733839", "90.0/0.7338"), ("2.12.1", "2.12.1"),
     ("0.25", "0.25"),
     ("-0.000012345", "-1.234e-05"), ("12345.678901", "12,346")],
)  # fmt: skip
def test_long_numbers_keep_four_digits(text, shown):
    assert tables.without_noise(text) == shown


def test_both_kinds_of_material_stand_side_by_side_with_units_behind_numbers():
    page = soup(OLD_TABLE)

    (table,) = tables.made_readable(page)

    heads = [cell.get_text() for cell in table.select("thead th")]
    assert heads == ["claim", "paper", tables.ARMS["A"], tables.ARMS["B"]]
    (row,) = table.select("tbody tr")
    texts = [" ".join(cell.get_text(" ").split()) for cell in row.find_all(["th", "td"])]
    assert texts == [
        "success p. 9",
        "96.6 % ± 3",
        "✓ reproduced 96.1 % [95, 97] n = 100",
        "✗ not reproduced 19.8 % n = 200",
    ]
    assert row["data-verdicts"] == "A:reproduced|B:not reproduced"


def test_every_cell_names_its_column_for_narrow_pages():
    page = soup(OLD_TABLE)

    (table,) = tables.made_readable(page)

    labels = [cell["data-label"] for cell in table.select("tbody tr > *")]
    assert labels == ["claim", "paper", tables.ARMS["A"], tables.ARMS["B"]]


def test_a_head_of_pandas_in_two_rows_becomes_one_and_none_is_empty():
    text = "<table><thead><tr><th></th><th>n</th></tr><tr><th>set</th><th></th></tr></thead>"
    page = soup(f"<article>{text}<tbody><tr><th>a</th><td>1</td></tr></tbody></table></article>")

    (table,) = tables.made_readable(page)

    assert [cell.get_text() for cell in table.select("thead th")] == ["set", "n"]
    assert table.select_one("tbody th")["scope"] == "row"


def test_a_column_under_a_wide_head_has_both_names():
    head = "<tr><td></td><th colspan='2'>IoU</th></tr><tr><td></td><th>a</th><th>b</th></tr>"
    body = "<tr><th>x</th><td>1</td><td>2</td></tr>"
    page = soup(f"<article><table><thead>{head}</thead><tbody>{body}</tbody></table></article>")

    (table,) = tables.made_readable(page)

    assert [cell["data-label"] for cell in table.select("tbody td")] == ["IoU a", "IoU b"]


def test_a_claim_links_to_its_row_on_the_scorecard():
    chapter = "haycam"
    key, says = next(iter(claims.reported(chapter).says.items()))
    cell = f'<table class="claims"><tbody><tr><th scope="row">{says}</th></tr></tbody></table>'
    page = soup(f"<article>{cell}</article>")

    links.added(page, f"book/runs/{chapter}", "../../")

    assert page.find("a")["href"] == f"../../book/scorecard.html#{links.claim_anchor(chapter, key)}"


def test_a_row_of_an_older_run_tells_the_verdict_that_its_claim_has_now(monkeypatch):
    key, says = next(iter(claims.reported("haycam").says.items()))
    judged = pd.DataFrame({"key": [key, key], "arm": ["A", "B"], "verdict": ["reproduced"] * 2})
    monkeypatch.setattr(links, "_verdicts", lambda _: links.by_key_and_arm(judged))
    page = soup(
        f'<article><table class="claims"><tbody><tr data-verdicts="A:reproduced|B:not run">'
        f'<th scope="row">{says}</th><td data-arm="A">✓</td><td data-arm="B">–</td></tr></tbody>'
        "</table></article>"
    )

    links.added(page, "book/runs/haycam", "../../")

    assert [cell.get_text() for cell in page.find_all("td")] == ["✓", "– now: ✓ reproduced"]


def test_a_caption_is_the_heading_and_not_the_bar_of_a_folded_cell():
    bar = '<details class="hide"><summary>Show code</summary></details>'
    page = soup(
        f"<article><h2>Boxes#</h2>{bar}<table><tr><th>a</th></tr><tr><td>1</td></tr></table>"
        "</article>"
    )

    captions.numbered(page, [], "x-")

    assert page.find("figcaption").get_text().startswith("Table 1. Boxes.")


@pytest.mark.parametrize(("inside", "name"), [(False, "Boxes"), (True, "All runs")])
def test_the_bar_of_a_box_names_the_table_in_it_and_none_that_follows(inside, name):
    table = "<table><tr><th>a</th></tr><tr><td>1</td></tr></table>"
    box = f"<details><summary>All runs</summary>{table if inside else ''}</details>"
    page = soup(f"<article><h2>Boxes</h2>{box}{'' if inside else table}</article>")

    captions.numbered(page, [], "x-")

    assert page.find("figcaption").get_text().startswith(f"Table 1. {name}.")


def test_conclusions_have_no_column_of_the_papers_numbers_and_no_count():
    cells = (
        "<td>c</td><td>✓ reproduced</td><td></td><td></td><td>–</td><td></td><td>B</td><td>w</td>"
    )
    heads = "".join(f"<th>{name}</th>" for name in tables.CLAIMS)
    page = soup(
        f"<article><table><thead><tr>{heads}</tr></thead><tbody><tr>{cells}</tr></tbody></table>"
        "</article>"
    )

    (table,) = tables.made_readable(page)

    assert [cell.get_text() for cell in table.select("thead th")] == ["claim", tables.ARMS["B"]]
    assert table.select_one("tbody td").get_text().strip() == "✓ reproduced"


def test_claims_of_a_chapter_have_anchors_of_their_own():
    for chapter in opening.questions():
        anchors = [links.claim_anchor(chapter, key) for key in claims.reported(chapter).index]
        assert len(set(anchors)) == len(anchors)
        assert not [name for name in anchors if re.search(r'[\s"#]', name)]


# --- words


def test_the_glossary_has_the_fields_words_and_each_tells_its_meaning():
    words = glossary.terms()

    assert {
        "logit",
        "faithfulness",
        "robustness",
        "sufficiency",
        "sensitivity to parameters",
    } <= set(words)
    assert all(len(meaning) > 20 and "`" not in meaning for meaning in words.values())


def test_a_page_explains_a_word_where_it_is_first_used_and_only_there():
    page = soup(
        "<article><h1>logit</h1><p>The logits and a logit; <code>logit</code>.</p></article>"
    )

    glossary.explained(page, "book/intro", "../")

    (link,) = page.find_all("a", class_="term")
    assert (link.get_text(), link["href"]) == ("logits", "../book/method.html#term-logit")
    assert link["title"] == glossary.terms()["logit"]


# --- methods


def test_every_method_of_the_leaderboard_is_described_once_with_its_code():
    table = leaderboard.matrix()

    assert set(table.method) <= set(methods.known())
    for method in methods.known().values():
        source = (paths.ROOT / method.code).read_text(encoding="utf-8")
        assert f"def {method.function}(" in source, method.name
        assert len(method.does) <= 160
        assert bool(method.paper) == bool(method.link)
    assert len({method.anchor for method in methods.known().values()}) == len(methods.known())


def places(values):
    rows = [
        {"test": test, "method": name, "place": place, "of": 3}
        for test, of_test in values.items()
        for name, place in of_test.items()
    ]
    return pd.DataFrame(rows)


def test_overall_is_the_mean_standing_of_the_tests_that_rank_a_method():
    overall = leaderboard.overall(
        places({"one": {"a": 1, "b": 2, "c": 3}, "two": {"a": 3, "b": 1, "c": None}})
    )

    assert overall.to_dict() == {"b": 0.75, "a": 0.5, "c": 0}


def test_which_method_names_the_first_of_each_need_and_what_is_not_known():
    page = methods.which_page(leaderboard.matrix())

    for need in methods.NEEDS:
        assert f"## {need}\n\n**" in page
    assert "not known" in page
    assert "{" not in page


def test_where_controls_stand_higher_the_page_says_beware():
    matrix = leaderboard.matrix()
    better = (matrix.kind == "control") & (matrix.test == "localisation")
    high = matrix.assign(value=matrix.value.where(~better, 99))

    warned = re.search(r"Beware: (.*), which ignore the network", methods.which_page(high))[1]
    assert {"random", "centre", "edges", "brightness"} == set(warned.split(" and "))
    assert "Beware" not in methods.which_page(matrix).partition("## Explain a black box")[0]


# --- head and foot

PAGE = """<!DOCTYPE html><html data-content_root="../"><head><meta name="viewport" content="a"/>
<meta name="viewport" content="b"/><title>Book — Book</title>
<script>const THEBE_JS_URL = "x"</script><script src="../_static/searchtools.js"></script>
<script defer src="../_static/mathjax/tex-chtml.js"></script></head><body data-default-mode="">
<article><section><h1>Book</h1><p>What it says.</p></section></article>
<footer class="bd-footer-content"><div class="bd-footer-content__inner"></div></footer>
</body></html>"""
PUBLIC = head.Site(
    "Book", "All.", "https://git.example/me/book", "https://book.example", "https://lab.example"
)
NOWHERE = PUBLIC._replace(repository="", address="", launch="")
EDITION = head.Edition("0.1.0", "2026-11-30", "abc1234")


def headed(settings, name="book/runs/elime"):
    page = soup(PAGE)
    head.finished(page, name, settings, EDITION)
    return page


def test_a_head_has_one_viewport_a_description_a_card_and_an_icon_and_no_unused_scripts():
    page = headed(NOWHERE)

    assert len(page.find_all("meta", attrs={"name": "viewport"})) == 1
    assert page.find("meta", attrs={"name": "description"})["content"] == "What it says."
    assert page.find("meta", property="og:title")["content"] == "Book"
    assert page.find("link", rel="icon")["href"].endswith("favicon.svg")
    assert page.title.get_text() == "Book"
    assert page.find_all("script") == []


def test_a_foot_has_version_date_commit_and_downloads_and_links_only_to_what_is_public():
    quiet, public = (headed(settings).footer for settings in (NOWHERE, PUBLIC))

    assert "Version 0.1.0, 2026-11-30, commit abc1234" in quiet.get_text()
    texts = [[link.get_text() for link in foot.find_all("a")] for foot in (quiet, public)]
    assert texts[0] == ["MIT licence", "Cite this", ".ipynb", ".py"]
    assert texts[1] == ["MIT licence", "Cite this", "repository", ".ipynb", ".py", "launch"]
    assert public.find_all("a")[-1]["href"] == (
        "https://lab.example/me/book/blob/main/book/runs/elime.ipynb"
    )


def test_settings_of_the_site_that_are_unknown_are_refused(tmp_path):
    file = tmp_path / "site.yaml"
    file.write_text("title: a\nrepo: b\n")

    with pytest.raises(ValueError, match="expected"):
        head.site.__wrapped__(file)


def test_the_sitemap_lists_pages_by_their_public_address():
    text = render.html("sitemap", site=PUBLIC, pages=["book/intro.html"])

    assert [entry.text for entry in ET.fromstring(text).iter() if (entry.text or "").strip()] == [
        "https://book.example/book/intro.html"
    ]


def test_only_icons_that_are_shown_are_kept_by_name_or_alias():
    two = 'sun:[1,2,[],"f1","M0"],"moon-old":[1,2,[9,"moon"],"f2",["M1","M2"]],'
    pack = f'var p={{{two}car:[1,2,[],"f3","M3"]}};'

    kept = icons.subset(pack, icons.named('<i class="fa-solid fa-sun"></i> fa-moon'))

    assert kept == f"var p={{{two}}};"


def test_listings_of_code_come_through_unchanged(tmp_path):
    page = PAGE.replace("<p>What", "<pre>a &lt; <span>b</span>\n\n  c</pre><p>What")

    done = finish.finished(page, "book/intro", tmp_path)

    assert "<pre>a &lt; <span>b</span>\n\n  c</pre>" in done
    assert finish.MARK in done


# --- citing


def test_bibtex_has_the_book_and_its_five_papers():
    entries = cite.entries()

    assert len(entries) == 6
    for entry in entries:
        text = cite.bibtex(entry)
        assert text.count("{") == text.count("}")
        assert "author = {" in text
        assert "title = {" in text


def test_the_codecheck_manifest_names_files_that_exist():
    manifest = yaml.safe_load((paths.ROOT / "codecheck.yml").read_text(encoding="utf-8"))
    schema = {"type": "object", "required": ["version", "paper", "manifest", "summary"]}

    jsonschema.validate(manifest, schema)
    listed = [entry["file"] for entry in manifest["manifest"]]
    assert [file for file in listed if not (paths.ROOT / file).exists()] == []
    results = {f"data/results/{chapter}.csv" for chapter in scorecard.chapters()}
    assert results <= set(listed)


# --- chapters


@pytest.mark.parametrize("chapter", scorecard.chapters())
def test_a_chapter_opens_with_at_most_forty_words_and_three_numbers(chapter):
    text = opening.answer(opening.questions()[chapter], claims.scorecard(chapter))

    assert len(text.split()) <= 40, text
    assert len(re.findall(r"\d[\d.]*", text)) <= 3, text


def test_quarters_of_a_test_are_from_first_to_last():
    from helpers.report.tables import _quarter

    rows = pd.DataFrame({"place": [1, 2, 3, 4, None], "of": 4})
    assert [_quarter(row) for row in rows.itertuples()] == [1, 2, 3, 4, 0]
    assert theme.number(0.5) == "0.5"


# --- one file


@pytest.mark.parametrize(
    ("href", "inside"),
    [
        ("../scorecard.html#claim-a", "#book-scorecard--claim-a"),
        ("#cell-1", "#book-runs-elime--cell-1"),
        ("https://doi.org/1", "https://doi.org/1"),
        ("_data/elime-table-1.csv", "_data/elime-table-1.csv"),
    ],
)
def test_links_lead_within_the_one_file_where_the_page_is_in_it(href, inside):
    names = ["book/scorecard", "book/runs/elime"]

    assert one_file._within(href, "book/runs/elime", names) == inside


def test_the_one_file_has_every_page_of_the_book_unfolded_but_for_code(tmp_path):
    (tmp_path / "book").mkdir()
    folded = "<details><p>a</p></details><details class='hide'>code</details>"
    body = f"{folded}<img src='../_images/a.png'>"
    (tmp_path / "book" / "intro.html").write_text(f"<article><h1 id='x'>A</h1>{body}</article>")

    text = one_file.whole(tmp_path, ["book/intro"])

    assert '<details open="">' in text
    assert "code</details>" not in text
    assert 'src="_images/a.png"' in text
    assert 'id="book-intro--x"' in text
    assert set(one_file.pages()) >= {"book/intro", "book/runs/elime", "book/methods"}


# --- references


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["Arya"], "Arya, 2024"),
        (["Dieter", "Zisgen"], "Dieter and Zisgen, 2024"),
        (["Wang", "Pei", "Xue"], "Wang et al., 2024"),
    ],
)
def test_references_are_listed_as_they_are_cited(names, text):
    assert bibliography.label(names, "2024") == text


def test_a_network_s_name_may_break_at_its_underscores_and_stays_one_word_elsewhere():
    page = soup(
        "<article><table><thead><tr><th>tf_efficientnet_lite0</th></tr></thead>"
        "<tbody><tr><td>a_b</td></tr></tbody></table></article>"
    )

    (table,) = tables.made_readable(page)

    assert str(table.th) == '<th scope="col">tf_<wbr/>efficientnet_<wbr/>lite0</th>'
    assert table.td["data-label"] == "tf_efficientnet_lite0"
    assert tables.as_csv(table) == "tf_efficientnet_lite0\na_b\n"
