"""The look of charts and pages: colors, marks, and how a chart is put on a page.

Every chart carries a description for screen readers, draws without a connection, and fits its page
down to a phone's width.
"""

import base64
import hashlib
import io
import json
import re

import altair as alt
import pandas as pd
import vl_convert
from altair.vegalite.v6.display import html_renderer
from PIL import Image

PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000"]  # Okabe-Ito
MARKS = {
    "reproduced": "✓", "not reproduced": "✗", "inconclusive": "?", "depends on the reading": "±",
    "not comparable": "≠", "not run": "–",
}  # fmt: skip
VERDICT_LOOKS = {  # color and shape in a chart
    "reproduced": ("#0072b2", "circle"),
    "not reproduced": ("#d55e00", "cross"),
    "inconclusive": ("#767676", "diamond"),
    "depends on the reading": ("#cc79a7", "triangle-up"),
    "not comparable": ("#767676", "square"),
    "not run": ("#767676", "M-1,-0.4h2v0.8h-2Z"),  # a dash
}
KIND_LOOKS = {  # kinds of methods: color and shape in a chart
    "gradient": (PALETTE[0], "circle"),
    "relevance": (PALETTE[2], "square"),
    "activation map": (PALETTE[1], "triangle-up"),
    "black box": (PALETTE[3], "triangle-down"),
    "control": (PALETTE[6], "cross"),
    "yours": (PALETTE[5], "diamond"),
}
HEIGHT = 300  # pixels; of a chart, whose width is the page's
PAGE_WIDTH = 688  # pixels; of the column in which the book shows pictures and tables
LEGIBLE_WIDTH = 520  # pixels
_FALLBACK_WIDTH = 560  # pixels; of the still picture for viewers that run no scripts


class Html(str):
    """A text that notebooks and the book show as HTML."""

    def __html__(self) -> str:  # what a template asks for: this text needs no escaping
        return str(self)

    def _repr_html_(self) -> str:
        return str(self)

    def __repr__(self) -> str:  # a notebook keeps this beside the HTML; the text twice is too much
        return f"HTML, {len(self):,} characters"


def apply_theme() -> None:
    """Give all Altair charts of a notebook one look, and an output that is equal in every run."""
    alt.theme.register("book", enable=True)(_look)
    alt.renderers.register("offline", _render)
    alt.renderers.enable("offline")


def on_page(chart: alt.TopLevelMixin) -> Html:
    """A chart as a page outside a notebook holds it, its lists of choices above it."""
    apply_theme()
    return Html(f'<div class="chart">{_interactive(chart.to_dict())}</div>')


def number(value: float) -> str:
    """Write a number short: whole ones in full, others with four significant digits."""
    if pd.isna(value):
        return "–"
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _look() -> alt.theme.ThemeConfig:
    text = {"labelFontSize": 12, "titleFontSize": 13, "titleFontWeight": "normal"}
    return {
        "config": {
            "font": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif",
            "background": "white",  # dark pages keep a white panel behind each chart
            "axis": {**text, "labelOverlap": True, "grid": True, "gridColor": "#e5e5e5"},
            "legend": {**text, "orient": "top", "labelFontSize": 13},
            "range": {"category": PALETTE},
            "view": {"stroke": None},
        },
        "autosize": {"type": "fit", "contains": "padding"},
    }


def _render(spec: dict, **options) -> dict[str, str]:
    """The chart as HTML, and as a picture for viewers that run no scripts."""
    still = {**spec, "width": _FALLBACK_WIDTH} if spec.get("width") == "container" else spec
    picture = Image.open(io.BytesIO(vl_convert.vegalite_to_png(still, scale=1)))
    return {
        "text/html": _interactive(spec, **options),
        "image/png": as_png(picture.convert("RGB").quantize(64)),
    }


def _interactive(spec: dict, **options) -> str:
    """Altair's own page of a chart, with an id that follows from the chart."""
    shown = html_renderer(
        spec,
        embed_options={
            "renderer": "svg",
            "actions": {"export": True, "source": True, "compiled": False, "editor": False},
        },
        **options,
    )
    name = f"chart-{hashlib.sha256(repr(spec).encode()).hexdigest()[:16]}"
    inside = json.dumps(spec)  # in a script, which a text with </script> would end
    page = shown["text/html"].replace(inside, inside.replace("<", "\\u003c"))
    return re.sub(r"altair-viz-[0-9a-f]{32}", name, page)


def as_png(picture: Image.Image) -> str:
    """Turn a picture into PNG, in base64."""
    file = io.BytesIO()
    picture.save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()
