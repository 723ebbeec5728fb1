"""What every chart of the book has, whoever made it: titles, a second cue beside color, a log axis.

A chart comes and goes as its Vega-Lite specification, so that charts of committed runs, whose code
is older, are read as well as those of today.
"""

import copy
import statistics
from collections.abc import Iterator
from typing import Any

Spec = dict[str, Any]
DASHES = [[1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [12, 5], [4, 2, 1, 2], [1, 4], [5, 1]]
LEGENDS = ("color", "shape", "strokeDash", "fill", "stroke")
OFFSETS = ("xOffset", "yOffset")
WITHOUT_SHAPE = ("rule", "bar", "area", "rect", "text", "image", "tick")
LABEL = 260  # pixels of the longest label beside an axis; Vega's own limit cuts names at 180
SPREAD = 15  # a largest value of so many medians asks for a logarithmic axis
LINES = ("line", "area", "point", "rule")


def views(spec: Spec) -> Iterator[Spec]:
    """The single views of a layered, faceted or concatenated chart."""
    inner = [
        part for name in ("layer", "vconcat", "hconcat", "concat") for part in spec.get(name, [])
    ]
    inner += [spec["spec"]] if "spec" in spec else []
    if not inner:
        yield spec
    for part in inner:
        yield from views(part)


def mark_of(view: Spec) -> str:
    """The kind of a view's mark."""
    mark = view.get("mark", "")
    return mark if isinstance(mark, str) else mark.get("type", "")


def rows_of(spec: Spec) -> list[dict[str, Any]]:
    """The rows that a chart draws, of its largest table."""
    return max(_tables(spec), key=len, default=[])


def _tables(spec: Spec) -> list[list[dict[str, Any]]]:
    inline = [data["values"] for data in _data(spec) if isinstance(data.get("values"), list)]
    return [*spec.get("datasets", {}).values(), *inline]


def described(spec: Spec) -> str:
    """The sentence that says what a chart shows, wherever in it it stands; empty without one."""
    if spec.get("description"):
        return str(spec["description"])
    return next((str(view["description"]) for view in views(spec) if view.get("description")), "")


def fields(spec: Spec) -> list[str]:
    """The columns whose numbers a reader may ask for: those of the tooltips, else of the axes."""
    named: dict[str, None] = {}
    for view in views(spec):
        tooltip = view.get("encoding", {}).get("tooltip", [])
        for channel in tooltip if isinstance(tooltip, list) else [tooltip]:
            named[channel.get("field")] = None
    if not any(named):
        for view in views(spec):
            named |= {
                channel["field"]: None
                for channel in view.get("encoding", {}).values()
                if isinstance(channel, dict) and "field" in channel
            }
    return [name for name in named if name]


def mended(spec: Spec, name: str = "") -> Spec:
    """The chart with what each chart of the book has; the one that was given stays as it is.

    Parameters
    ----------
    spec
        In Vega-Lite.
    name
        What it shows, where it does not say so itself.
    """
    spec = copy.deepcopy(spec)
    spec["description"] = described(spec) or name
    for view in views(spec):
        _entitle(view, spec["description"])
        _let_the_page_limit_labels(view)
        _give_second_cue(view)
    _join_legends(spec)
    _set_scale(spec)
    config = spec.setdefault("config", {})
    config["aria"] = False  # the description speaks; marks one by one would be read for minutes
    config.setdefault("axis", {})["labelSeparation"] = 8
    config["axis"].setdefault("labelLimit", LABEL)
    if any(part in spec for part in ("vconcat", "hconcat", "concat", "facet", "repeat")):
        spec["autosize"] = "pad"  # "fit" is for single views, which the console says otherwise
    elif not isinstance(spec.get("height"), (int, float)) and _has_steps(spec):
        spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return spec


def _has_steps(spec: Spec) -> bool:
    """Whether a chart is as high as its rows need."""
    y = [view.get("encoding", {}).get("y", {}) for view in views(spec)]
    return any(part.get("type") in ("nominal", "ordinal") for part in y)


def _data(spec: Spec) -> Iterator[Spec]:
    if isinstance(spec.get("data"), dict):
        yield spec["data"]
    for view in views(spec):
        if view is not spec and isinstance(view.get("data"), dict):
            yield view["data"]


def _entitle(view: Spec, description: str) -> None:
    """Titles for the axes of heat maps, for scales of color and for legends."""
    encoding = view.get("encoding", {})
    if mark_of(view) == "rect":
        for channel in ("x", "y"):
            if channel in encoding and not _title(encoding[channel]):
                encoding[channel]["title"] = encoding[channel].get("field")
    for channel in LEGENDS:
        part = encoding.get(channel)
        if not isinstance(part, dict) or "field" not in part or part.get("legend", 1) is None:
            continue
        if not _title(part):
            vague = part["field"] in ("value", "correlation") and description
            part["title"] = description[:1].lower() + description[1:] if vague else part["field"]
        if isinstance(part.get("legend"), dict):
            part["legend"].pop("title", None)


def _let_the_page_limit_labels(view: Spec) -> None:
    """Take away a chart's own limit of the names beside it: only the page knows its width."""
    axis = view.get("encoding", {}).get("y", {}).get("axis")
    if isinstance(axis, dict):
        axis.pop("labelLimit", None)


def _title(part: Spec) -> Any:
    legend = part.get("legend") if isinstance(part.get("legend"), dict) else {}
    return part.get("title") or legend.get("title")


def _give_second_cue(view: Spec) -> None:
    """Lines of several colors get dashes too, points shapes; other marks know no shape."""
    encoding, mark = view.get("encoding", {}), mark_of(view)
    if mark in WITHOUT_SHAPE:
        encoding.pop("shape", None)  # it would draw a point at an end of each line
    color = encoding.get("color")
    if not isinstance(color, dict) or color.get("type") not in ("nominal", "ordinal"):
        return
    cue = {key: color[key] for key in ("field", "type", "title", "sort", "legend") if key in color}
    domain = color.get("scale", {}).get("domain")
    scale = {"domain": domain} if domain else {}
    if mark == "line" and "strokeDash" not in encoding:
        encoding["strokeDash"] = {**cue, "scale": {**scale, "range": DASHES}}
    if mark in ("point", "circle") and "shape" not in encoding:
        encoding["shape"] = {**cue, **({"scale": scale} if scale else {})}
        view["mark"] = {**(view["mark"] if isinstance(view["mark"], dict) else {}), "type": "point"}


def _join_legends(spec: Spec) -> None:
    """Name a column's values in each channel that shows it: equal domains share one legend.

    Else Vega-Lite unites a color's domain over the layers, a dash's over the lines alone, and
    draws two legends. A column whose values no table holds, such as a transform's, stays.
    """
    for field in {part["field"] for part in _named_parts(spec, LEGENDS)}:
        legends = [part for part in _named_parts(spec, LEGENDS) if part["field"] == field]
        offsets = [part for part in _named_parts(spec, OFFSETS) if part["field"] == field]
        values = _domain_of(spec, field, legends)
        for part in [*legends, *offsets] if values else []:
            part["scale"] = {**part.get("scale", {}), "domain": values}
            part.pop("sort", None)


def _named_parts(spec: Spec, channels: tuple[str, ...]) -> list[Spec]:
    """The channels that stand for a column of names and have a scale and, if any, a legend."""
    parts = [view.get("encoding", {}).get(channel) for view in views(spec) for channel in channels]
    return [
        part
        for part in parts
        if isinstance(part, dict)
        and part.get("type") in ("nominal", "ordinal")
        and part.get("field")
        and part.get("scale", {}) is not None
        and part.get("legend", {}) is not None
    ]


def _domain_of(spec: Spec, field: str, parts: list[Spec]) -> list[str]:
    """A column's values in the order of its legend; empty if their order is not plain."""
    rows = [row for table in _tables(spec) for row in table]
    found = list(dict.fromkeys(row[field] for row in rows if field in row))
    for part in parts:
        for order in (part.get("scale", {}).get("domain"), part.get("sort")):
            if isinstance(order, list):
                return [*order, *(value for value in found if value not in order)]
    orders = [part.get("sort", "ascending") for part in parts]
    if not all(isinstance(value, str) for value in found):
        return []
    if None in orders:  # in the order of the rows, which a layer may have forgotten to say
        return found
    plain = {"ascending": sorted(found), "descending": sorted(found)[::-1]}
    return plain.get(str(orders[0]), []) if all(order == orders[0] for order in orders) else []


def _set_scale(spec: Spec) -> None:
    """A logarithmic x axis for curves whose points crowd at its left end."""
    parts = [view["encoding"].get("x") for view in views(spec) if "encoding" in view]
    parts = [part for part in parts if isinstance(part, dict)]
    names = {part.get("field") for part in parts}
    curved = any(mark_of(view) == "line" for view in views(spec))
    fixed = any(
        part.get("bin") or {"type", "domain"} & set(part.get("scale") or {}) for part in parts
    )
    if (
        not curved
        or fixed
        or len(names) != 1
        or any(p.get("type") != "quantitative" for p in parts)
    ):
        return
    (name,) = names
    values = [row[name] for row in rows_of(spec) if isinstance(row.get(name), (int, float))]
    if values and min(values) > 0 and max(values) > SPREAD * statistics.median(values):
        for part in parts:
            part["scale"] = {"type": "log", "nice": False}
