import re

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert

from helpers.report import charts, page_charts, tables, theme


@pytest.fixture(autouse=True)
def _theme():
    theme.apply_theme()


@pytest.fixture
def bins():
    return pd.DataFrame(
        {
            "rule": ["zero", "zero", "epsilon"],
            "images": ["original", "adversarial", "original"],
            "left": [0.0, 0.0, 0.0],
            "right": [0.5, 0.5, 0.5],
            "count": [3, 0, 5],
        }
    )


@pytest.fixture
def judged():
    return pd.DataFrame(
        {
            "says": ["images <right>", "overlap"],
            "where": ["Sect. 3.1", "Table 5"],
            "unit": ["images", "%"],
            "reported": [8902.0, 44.14],
            "tolerance": [0.0, 0.5],
            "arm": ["A", None],
            "value": [8902.0, np.nan],
            "low": [8902.0, np.nan],
            "high": [8902.0, np.nan],
            "n": [10000, np.nan],
            "verdict": ["reproduced", "not run"],
        }
    )


def test_histogram_offers_each_rule_once_and_describes_itself(bins):
    spec = charts.histogram(
        bins, value="relevance", count="components", color="images", description="two rules"
    ).to_dict()

    assert spec["params"][0]["bind"]["options"] == ["zero", "epsilon"]
    assert spec["description"] == "two rules"
    assert spec["width"] == "container"


def test_logarithmic_histogram_leaves_out_empty_bins(bins):
    spec = charts.histogram(
        bins, value="relevance", count="components", description="d", log=True
    ).to_dict()

    assert [row["count"] for rows in spec["datasets"].values() for row in rows] == [3, 5]


def test_quantile_chart_shows_ours_minus_the_papers(judged):
    quantiles = judged.assign(quantile=[0.1, 0.5], rule="zero", images="original", value=[8900, 44])

    spec = charts.quantile_chart(quantiles, value="relevance", description="quantiles").to_dict()

    rows = next(iter(spec["datasets"].values()))
    assert [row["difference"] for row in rows] == pytest.approx([-2, -0.14])
    assert spec["description"] == "quantiles"


def test_curve_draws_the_interval_as_a_band():
    frame = pd.DataFrame(
        {"size": [1, 2], "share": [3, 4], "a": [2, 3], "b": [4, 5], "rule": "zero"}
    )

    spec = charts.curve(
        frame, x="size", y="share", low="a", high="b", color="rule",
        x_title="size", y_title="share (%)", description="shares",
    ).to_dict()  # fmt: skip

    band = spec["layer"][0]["encoding"]
    assert (band["y"]["field"], band["y2"]["field"]) == ("a", "b")


def test_chart_output_is_equal_in_every_run_and_has_a_still_picture(bins):
    def chart():
        return charts.histogram(bins, value="relevance", count="components", description="d")

    def output():
        bundle = chart()._repr_mimebundle_()
        return bundle[0] if isinstance(bundle, tuple) else bundle

    first, second = output(), output()

    assert first == second
    assert set(first) == {"text/html", "image/png"}
    assert re.search(r'id="chart-[0-9a-f]{16}"', first["text/html"])
    assert alt.renderers.active == "offline"


def test_claim_chart_puts_what_was_not_run_beside_the_scale_and_filters_by_four_lists(judged):
    table = judged.assign(
        paper="Dieter & Zisgen 2023", group=["accuracy", "accuracy"], key=["a", "b"], bound="",
        command="make", profile="laptop", arm=["A", "B"], kind="number", why="",
        x=[0.5, np.nan], x_low=[0.4, np.nan], x_high=[0.6, np.nan], floor=-1, ceiling=1,
    )  # fmt: skip

    spec = page_charts.claim_chart(table, limit=4, description="claims").to_dict()

    rows = next(iter(spec["datasets"].values()))
    assert [row["x"] for row in rows] == [0.5, -7]
    assert [row["reported"].strip() for row in rows] == ["8,902", "44.14 ± 0.5"]
    assert sorted(p["bind"]["name"] for p in spec["params"]) == [
        "arm ",
        "kind ",
        "paper ",
        "verdict ",
    ]
    assert all(p["bind"]["options"][0] is None for p in spec["params"])


def test_claim_chart_names_every_row_and_fills_marks_of_the_authors_material_only(judged):
    table = judged.assign(
        paper="Dieter & Zisgen 2023", group=["accuracy", "loss"], key=["a", "b"], bound="",
        command="make", profile="laptop", arm=["A", "B"], kind="number", why="",
        x=[0.5, 0.2], x_low=[0.4, 0.1], x_high=[0.6, 0.3], floor=-1, ceiling=1,
    )  # fmt: skip

    svg = vl_convert.vegalite_to_svg(
        {**page_charts.claim_chart(table, limit=4, description="claims").to_dict(), "width": 400}
    )

    assert "Dieter: accuracy" in svg
    assert "Dieter: loss" in svg
    fills = re.findall(r'aria-roledescription="point".*?fill-opacity="([\d.]+)"', svg)
    assert fills == ["0.9", "0"]


def test_every_verdict_has_a_shape_of_its_own():
    looks = theme.VERDICT_LOOKS

    assert looks.keys() == theme.MARKS.keys()
    assert len({shape for _, shape in looks.values()}) == len(looks)


@pytest.fixture
def ranked():
    """Two methods and a control in two measures; the last has a gap in one."""
    return pd.DataFrame(
        {
            "network": "net",
            "test": ["decision"] * 3 + ["keeping"] * 3,
            "paper": "",
            "measure": "share",
            "method": ["LIME", "RISE", "random"] * 2,
            "kind": ["black box", "black box", "control"] * 2,
            "value": [3.0, 2, 1, 5, 6, np.nan],
            "low": [2.5, 1.5, 0.5, 4.5, 5.5, np.nan],
            "high": [3.5, 2.5, 1.5, 5.5, 6.5, np.nan],
            "n": 9,
            "better": 1,
            "decides": True,
            "gap": [""] * 5 + ["no map"],
            "place": [1.0, 2, 3, 2, 1, np.nan],
            "of": [3, 3, 3, 2, 2, 2],
            "seconds": [9.0, 8, 0] * 2,
            "cost": "seconds",
            "front": [True, True, True, False, True, False],
        }
    )


def data_of(chart):
    spec = chart.to_dict()
    return spec, pd.DataFrame(next(iter(spec["datasets"].values())))


def test_leaderboard_offers_each_measure_and_puts_gaps_last(ranked):
    spec, shown = data_of(page_charts.leaderboard_chart(ranked, description="board"))

    offered = {p["bind"]["name"]: p["bind"]["options"] for p in spec["params"]}
    assert offered["measure "] == [
        "decision: share, higher is better",
        "keeping: share, higher is better",
    ]
    assert shown.method[shown.missing].tolist() == ["random"]
    assert shown.place.tolist() == [1, 2, 3, 2, 1, 3]
    assert shown.control.tolist() == [False, False, True, False, False, False]


def test_controls_have_a_shape_and_a_color_that_no_other_kind_has():
    others = [look for kind, look in theme.KIND_LOOKS.items() if kind != "control"]

    assert not set(theme.KIND_LOOKS["control"]) & {part for look in others for part in look}
    assert len({shape for _, shape in others}) == len(others)


def test_cost_chart_leaves_out_gaps_and_draws_what_takes_no_time_at_its_edge(ranked):
    spec, shown = data_of(page_charts.cost_chart(ranked, description="cost"))

    assert len(shown) == 5
    assert shown.seconds[shown.method == "random"].tolist() == [0.0001]
    assert spec["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"


def test_chart_on_a_page_has_its_lists_above_it(ranked):
    shown = theme.on_page(page_charts.cost_chart(ranked, description="cost"))

    assert shown.startswith('<div class="chart">')
    assert shown == theme.on_page(page_charts.cost_chart(ranked, description="cost"))


def test_verdict_table_says_each_verdict_in_words_and_escapes_text(judged):
    table = tables.verdict_table(judged)

    assert "✓</b> reproduced" in table
    assert "–</b> not run" in table
    assert "images &lt;right&gt;" in table
    assert "44.14 <small>± 0.5</small>" in table


@pytest.mark.parametrize(
    ("value", "text"),
    [(8902.0, "8,902"), (47552, "47,552"), (0.060234, "0.06023"), (-0.5, "-0.5"), (np.nan, "–")],
)
def test_numbers_are_short(value, text):
    assert theme.number(value) == text


def test_verdict_table_says_why_a_claim_that_a_run_reports_is_not_run(judged):
    why = judged.assign(why_not_run=["", "no observation"])

    assert tables.verdict_table(why).count("<small>no observation</small>") == 1
    assert "no observation" not in tables.verdict_table(judged)


def test_rank_table_puts_the_low_end_first_and_points_where_better_is(ranked):
    places = ranked.assign(rank_low=1.0, rank_high=2.0)
    table = tables.rank_table(places)

    assert "[2.5, 3.5]" in table
    assert "share ↑" in table
    assert "share ↓" in tables.rank_table(places.assign(better=-1))


def test_a_bound_is_told_as_more_or_less_than_the_papers_number(judged):
    above = tables.verdict_table(judged.assign(bound="above"))
    below = tables.verdict_table(judged.assign(bound="below"))

    assert "more than 44.14 <small>by 0.5</small>" in above
    assert "less than 44.14 <small>by 0.5</small>" in below


def test_a_method_named_like_html_is_shown_as_text(ranked):
    named = ranked.replace("LIME", "<b>LIME</b>").assign(rank_low=1.0, rank_high=2.0)

    assert "&lt;b&gt;LIME&lt;/b&gt;" in tables.rank_table(named)
    assert "<b>LIME" not in tables.rank_table(named)
