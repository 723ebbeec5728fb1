"""Charts on the built pages: what Altair wrote becomes data that one script draws.

Without scripts the still picture stands in its place.
"""

import hashlib
import json
import re
from typing import NamedTuple

import vl_convert
from bs4 import BeautifulSoup, Tag

from helpers.report.site import specs, spelling

_SPEC = re.compile(r"\}\)\((?=\{)")
STILL_WIDTH = 640  # pixels; of the picture for viewers that run no scripts
LARGEST_STILL = 400_000  # bytes of such a picture; a larger one is left out


class Chart(NamedTuple):
    """A chart on a page."""

    element: Tag  # in which it is drawn
    spec: specs.Spec
    still: tuple[str, str] | None  # name and content of its still picture


def spec_in(script: str) -> specs.Spec | None:
    """The specification in Altair's script; None if the script is another one."""
    found = _SPEC.search(script) if "function(spec, embedOpt)" in script else None
    return json.JSONDecoder().raw_decode(script, found.end())[0] if found else None


def rewritten(page: BeautifulSoup, root: str) -> list[Chart]:
    """Put data in the place of every chart's script, and give the charts in the page's order.

    Parameters
    ----------
    page
        Changed in place.
    root
        The way from the page to the site's root, such as ``../``.
    """
    charts = []
    for script in page.find_all("script"):
        spec = spec_in(script.string or "")
        if spec is not None:
            charts.append(_rewritten(page, script, spec, root))
    return charts


def _rewritten(page: BeautifulSoup, script: Tag, spec: specs.Spec, root: str) -> Chart:
    spec = specs.mended(_spelled(spec), _heading_above(script))
    name = f"chart-{hashlib.sha256(json.dumps(spec).encode()).hexdigest()[:16]}"
    element = page.new_tag("div", attrs={"class": "drawn", "data-waiting": "", "id": name})
    data = page.new_tag("script", attrs={"type": "application/json"})
    data.string = json.dumps(spec).replace("<", "\\u003c")
    for old in [*script.find_previous_siblings("style"), *script.find_previous_siblings("div")][:2]:
        old.decompose()
    script.replace_with(element)
    svg = _still(spec)
    drawing = page.new_tag("div", attrs={"class": "drawing"})
    if svg:
        source = f"{root}_static/charts/{name}.svg"
        still = {"class": "still", "loading": "lazy", "src": source, "alt": spec["description"]}
        drawing.append(page.new_tag("img", attrs=still))
    else:
        drawing.append("JavaScript draws a chart here; its data stand in the file below.")
    element.extend([drawing, data])
    return Chart(element, spec, (f"{name}.svg", svg) if svg else None)


def _spelled(spec: specs.Spec) -> specs.Spec:
    """A chart with the names and the spelling of all pages; its pictures stay as they are."""
    text = json.dumps(spec, ensure_ascii=False)
    parts = re.split(r'("data:[^"]*")', text)
    return json.loads(
        "".join(
            part if place % 2 else spelling.named(spelling.spelled(part))
            for place, part in enumerate(parts)
        )
    )


def _still(spec: specs.Spec) -> str:
    fixed = json.dumps(spec).replace('"width": "container"', f'"width": {STILL_WIDTH}')
    svg = vl_convert.vegalite_to_svg(json.loads(fixed))
    return svg if len(svg) < LARGEST_STILL else ""


def _heading_above(element: Tag) -> str:
    """The heading under which an element stands, without its link's sign."""
    heading = element.find_previous(["h1", "h2", "h3", "h4"])
    return heading.get_text().rstrip("#").strip() if heading else "chart"
