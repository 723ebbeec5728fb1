import re

import altair as alt
import numpy as np
import pandas as pd
import pytest
from matplotlib._pylab_helpers import Gcf

from helpers.report import charts, figures, page_charts, tables, theme


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


def grid(*pictures, vmax=1.0):
    labels = [str(number) for number in range(len(pictures))]
    return figures.heatmap_grid(
        [list(pictures)], row_labels=["row"], column_labels=labels, vmax=vmax, cell=8
    )


INSIDE = (
    2 * figures.GAP + figures._text_width("row") + 4,
    figures.TOP + 4,
)  # a pixel of the first picture of such a grid


def colors(figure):
    return {color for _, color in figure.getcolors(figure.width * figure.height)}


def test_signed_map_is_blue_below_zero_white_at_zero_and_red_above():
    below, zero, above = (grid(np.full((2, 2), value)).getpixel(INSIDE) for value in (-1, 0, 1))

    assert below[2] > below[0]
    assert zero == (247, 247, 247)
    assert above[0] > above[2]


def test_map_beyond_the_scale_takes_the_color_of_its_end():
    inside, beyond = np.full((2, 2), 0.5), np.full((2, 2), 7.0)

    assert grid(inside, vmax=0.5).tobytes() == grid(beyond, vmax=0.5).tobytes()


def test_images_keep_their_colors():
    orange = np.broadcast_to([1.0, 0.6, 0.2], (4, 4, 3))

    assert (255, 153, 51) in colors(grid(orange))


def test_grid_enlarges_pixels_without_mixing_them():
    checks = np.indices((4, 4)).sum(axis=0)[..., None].repeat(3, axis=2) % 2 * np.array([1, 0, 1])

    figure = grid(checks.astype(float))

    assert (128, 0, 128) not in colors(figure)
    assert (255, 0, 255) in colors(figure)


@pytest.mark.parametrize(
    ("picture", "complaint"),
    [(np.full((2, 2, 3), 255.0), "255"), (np.zeros((3, 2, 2, 2)), r"\(3, 2, 2, 2\)")],
)
def test_grid_rejects_what_is_neither_image_nor_map(picture, complaint):
    with pytest.raises(ValueError, match=complaint):
        grid(picture)


def test_grid_rejects_labels_that_do_not_fit():
    with pytest.raises(ValueError, match="expected 2 rows"):
        figures.heatmap_grid([[np.zeros((2, 2))]], row_labels=["a", "b"], column_labels=["c"])


def test_picture_carries_its_description():
    shown = figures.with_alt_text(grid(np.zeros((2, 2))), 'a "flat" map')

    assert 'alt="a &#34;flat&#34; map"' in shown


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


def test_claim_chart_puts_what_was_not_run_beside_the_scale_and_filters_by_three_lists(judged):
    table = judged.assign(
        paper="Dieter & Zisgen 2023", group=["accuracy", "accuracy"], key=["a", "b"], bound="",
        command="make", profile="laptop", arm=["A", "B"],
        x=[0.5, np.nan], x_low=[0.4, np.nan], x_high=[0.6, np.nan], floor=-1, ceiling=1,
    )  # fmt: skip

    spec = page_charts.claim_chart(table, limit=4, description="claims").to_dict()

    rows = next(iter(spec["datasets"].values()))
    assert [row["x"] for row in rows] == [0.5, -7]
    assert [row["reported"].strip() for row in rows] == ["8,902", "44.14 ± 0.5"]
    assert sorted(p["bind"]["name"] for p in spec["params"]) == ["arm ", "paper ", "verdict "]
    assert all(p["bind"]["options"][0] is None for p in spec["params"])


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


def test_color_table_of_signed_maps_is_white_at_level_128_and_even_to_both_sides():
    signed, plain = (np.array(figures.color_table(kind)) for kind in (True, False))

    assert signed.shape == plain.shape == (256, 3)
    assert signed[128].tolist() == [247, 247, 247]
    assert signed[255].tolist() == [103, 0, 31]  # RdBu's last red and last blue
    assert signed[1].tolist() == [5, 48, 97]
    assert plain[[0, 255]].tolist() == [[0, 34, 78], [254, 232, 56]]  # cividis


def test_grid_draws_the_colors_of_the_color_table():
    level = grid(np.full((2, 2), 64 / 127)).getpixel(INSIDE)

    assert list(level) == figures.color_table(True)[128 + 64]


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


def test_grid_draws_greek_letters_each_with_a_shape_of_its_own():
    picture = np.zeros((2, 2))

    drawn = [
        figures.heatmap_grid([[picture]], row_labels=["x"], column_labels=[label]).tobytes()
        for label in ("α", "β", "ε", "a", "\U0010ffff")  # the last one has no shape
    ]

    assert len(set(drawn)) == 5


def test_grid_writes_dollar_signs_as_they_are():
    labels = {"row_labels": ["x"], "column_labels": ["$a$"]}

    assert figures.heatmap_grid([[np.zeros((2, 2))]], **labels).width > 0


def test_grid_is_the_same_in_bytes_each_time_and_leaves_no_figure_open():
    first, second = (theme.as_png(grid(np.eye(4))) for _ in range(2))

    assert first == second
    assert Gcf.figs == {}


def test_grid_is_as_large_as_its_cells_labels_and_scale_need():
    labels = {"row_labels": ["", ""], "column_labels": ["a", "b"]}

    figure = figures.heatmap_grid([[np.eye(2)] * 2] * 2, **labels, cell=100)

    left = 2 * figures.GAP
    assert figure.width == left + 2 * (100 + figures.GAP)
    assert figure.height == figures.TOP + 2 * (100 + figures.GAP) + figures.BOTTOM


def test_unsigned_maps_run_from_dark_blue_to_yellow_and_captions_take_a_line():
    flat = [[np.zeros((2, 2)), np.ones((2, 2))]]
    labels = {"row_labels": ["a"], "column_labels": ["zero", "one"]}

    figure = figures.heatmap_grid(flat, **labels, signed=False)
    with_captions = figures.heatmap_grid(flat, **labels, signed=False, captions=[["cat", "dog"]])

    drawn = {color for _, color in figure.getcolors(maxcolors=100_000)}
    assert {(0, 34, 78), (254, 232, 56)} <= drawn
    assert with_captions.height > figure.height


def test_a_map_laid_over_an_image_keeps_its_color_and_the_images_lightness():
    image = np.stack([np.array([[0.0, 1.0]])] * 3, axis=-1)
    laid = figures.overlay(image, np.zeros((1, 2)))

    np.testing.assert_allclose(laid[0, 0], 0.6 * np.array([0, 34, 78]) / 255, atol=0.6 / 255)
    np.testing.assert_allclose(laid[0, 1] - laid[0, 0], 0.4)
    with pytest.raises(ValueError, match="expected one height, width"):
        figures.overlay(image, np.zeros((2, 2)))


def test_boxes_are_drawn_at_their_place_and_the_true_one_in_broken_white():
    drawn = figures.draw_boxes(
        np.full((8, 8, 3), 0.5), np.array([0, 0, 4, 4]), np.array([2, 2, 7, 7]), cell=64
    )

    orange = [0xD5 / 255, 0x5E / 255, 0]
    assert drawn[1, 10] == pytest.approx(orange, abs=0.01)
    assert drawn[30, 10] == pytest.approx(orange, abs=0.01)
    assert drawn[60, 60] == pytest.approx([0.5] * 3, abs=0.01)
    white = (drawn[55, 16:56].min(axis=1) > 0.9).sum()  # of 40 pixels along its lower side
    assert 8 < white < 32


def test_box_without_an_area_is_not_drawn():
    black = np.zeros((8, 8, 3))
    drawn = figures.draw_boxes(black, np.zeros(4), np.array([2, 2, 6, 6]), cell=64)

    assert drawn.max() == 1
    assert (drawn == drawn[:, :, :1]).all()  # black to white, nothing of the other box's orange
