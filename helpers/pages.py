"""The pages that show what the chapter on all methods and all tests found: tables in, Markdown out.

The chapter leaves two files in ``data/results``: the matrix (CSV, a row a method and measure) and
the explorer's pictures (JSON). Before it was run there is neither, and the pages say so.
"""

import html
import itertools
import json
import math
from pathlib import Path

import pandas as pd

from helpers import paths, plots

CHAPTER = "cross_examination"
NOT_RUN = (
    "This page shows the results of a chapter that was not run yet; to run it: "
    f"`python -m helpers.run {CHAPTER} --profile laptop`.\n"
)
CONTROL = "control"
COST, SECONDS = "cost", "seconds an image"
_COLUMNS = [
    "network", "test", "paper", "measure", "method", "kind", "value", "low", "high", "n", "better",
    "decides", "rank_low", "rank_high", "gap",
]  # fmt: skip
_EACH = """## Each measure

The best method is on top, the line is the 95 % interval. A cross is a control, the broken line the
best control's value. Point at a mark for the number of observations and for all costs.
"""
_AGAINST_COST = """## Value against cost

The measure that decides each test, over the seconds that one map takes. The broken line joins the
methods that no faster one surpasses. A time below 0.0001 s is drawn at 0.0001 s.
"""
_TOGETHER = """## All tests

↑: higher is better, ↓: lower is better. Behind each value stand its 95 % interval and, in round
brackets, its place with the interval of that; the first is in bold.
"""
_JPEG, _PNG = "/9j/", "iVBORw0KGgo"  # how they begin in base64
_EXPLORER = """<div id="two-maps" hidden>
<p class="choices">
<label>network <select name="network"></select></label>
<label>photograph <select name="image"></select></label>
<label>first method <select name="first"></select></label>
<label>second method <select name="second"></select></label>
<label><input type="checkbox" name="over" checked> over the photograph</label>
</p>
<div class="pictures">
<figure><img class="dark-light"><figcaption></figcaption></figure>
<figure class="map"></figure>
<figure class="map"></figure>
</div>
<div class="verdicts" tabindex="0" role="region" aria-label="scores of both methods">
<table></table>
</div>
</div>
<noscript><p>This page needs JavaScript to draw the maps; without it, the leaderboard shows the
methods' scores in tables.</p></noscript>
<script src="../_static/explorer-data.js"></script>
<script src="../_static/explorer.js"></script>
"""


def matrix(folder: Path = paths.RESULTS) -> pd.DataFrame | None:
    """All methods in all tests, a row a network, method and measure; None before the first run.

    Columns: ``network``; ``test``; ``paper`` (whose test it is, or nothing); ``measure`` (with its
    unit); ``method``; ``kind`` (one of `plots.KIND_LOOKS`); ``value`` with its 95 % interval
    ``low``, ``high``; ``n`` (observations); ``better`` (1: more is better, -1: less, 0: neither);
    ``decides`` (the one measure of a test that ranks); ``rank_low``, ``rank_high`` (95 % interval
    of its rank); ``gap`` (why there is no value, or nothing).

    Raises
    ------
    ValueError
        If a column is missing, a kind is unknown, or a test has not one deciding measure that says
        what is better (the test ``cost`` needs none).
    """
    file = folder / f"{CHAPTER}-matrix.csv"
    if not file.exists():
        return None
    table = pd.read_csv(file)
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise ValueError(f"{file.name} lacks the column {missing[0]!r}; it needs {_COLUMNS}")
    unknown = sorted(set(table.kind) - set(plots.KIND_LOOKS))
    if unknown:
        raise ValueError(f"{file.name} has the kind {unknown[0]!r}, not in {[*plots.KIND_LOOKS]}")
    for test, rows in table[table.test != COST].groupby("test"):
        deciding = rows[rows.decides]
        if deciding.measure.nunique() != 1 or (deciding.better == 0).any():
            raise ValueError(
                f"{file.name}: {deciding.measure.nunique()} measures decide the test {test!r}; "
                "expected one, with better 1 or -1"
            )
    return table.assign(**{name: table[name].fillna("") for name in ("paper", "gap")})


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Add each row's place within its network and measure, and what its method costs.

    Returns
    -------
    pandas.DataFrame
        The table with the columns ``place`` (1: best; equal values share one; where neither side
        is better the largest comes first), ``of`` (places), ``seconds`` (an image), ``cost`` (all
        costs, in words), ``front`` (whether no faster method has as good a place).
    """
    keys = ["network", "test", "measure"]
    good = table.value * table.better.where(table.better != 0, 1)
    group = good.groupby([table[key] for key in keys])
    costs = table[table.test == COST].set_index(["network", "method"])
    seconds = costs.value[costs.measure == SECONDS].rename("seconds")
    words = costs.measure + ": " + costs.value.map(plots.number)
    words = words.groupby(level=[0, 1]).agg("; ".join).rename("cost")
    placed = table.assign(
        place=group.rank(ascending=False, method="min"), of=group.transform("count")
    )
    placed = placed.join(seconds, on=seconds.index.names).join(words, on=words.index.names)
    timed = placed.dropna(subset=["place", "seconds"]).sort_values("seconds", kind="stable")
    best = timed.groupby(keys).place.cummin()
    before = best.groupby([timed[key] for key in keys]).shift(fill_value=math.inf)
    return placed.assign(front=placed.place < before.reindex(placed.index))


def on_trial(places: pd.DataFrame) -> str:
    """Say which tests of a network a control wins or does well in, and which none does.

    Takes the deciding rows of one network as `ranked` gives them. A control knows nothing of the
    network's decision; where it ranks in the upper half, the test measures something else.
    """
    lines, kept = [], []
    for test, rows in places.groupby("test", sort=False):
        high = rows[(rows.kind == CONTROL) & (rows.place <= rows.of / 2)].sort_values("place")
        if high.empty:
            kept.append(test)
            continue
        names = ", ".join(f"{r.method} ({r.place:.0f} of {r.of})" for r in high.itertuples())
        won = "A control wins" if high.place.min() == 1 else "A control is in the upper half of"
        lines.append(f"- {won} **{test}**, by {rows.measure.iloc[0]}: {html.escape(names)}.")
    if lines:
        lines.insert(0, "A test that a control does well in is itself on trial:\n")
        lines.append("")
    if kept:
        lines.append(f"No control reaches the upper half in: {', '.join(kept)}.")
    return "\n".join(lines) + "\n"


def leaderboard_page(table: pd.DataFrame | None, card: dict) -> str:
    """Chart the matrix, then write for each network what controls reach, a table and the gaps."""
    if table is None:
        return NOT_RUN
    places = ranked(table)
    deciding = places[places.decides & (places.test != COST)]
    charts = (
        plots.leaderboard_chart(
            places.sort_values("decides", ascending=False, kind="stable"),
            description="each method's value in the chosen measure, the best one on top",
        ),
        plots.cost_chart(
            deciding,
            description="each method's value in the chosen test against its seconds an image",
        ),
    )
    first, second = (f"```{{raw}} html\n{plots.on_page(chart)}\n```\n" for chart in charts)
    parts = [_made_by(card), _EACH, first, _AGAINST_COST, second, _TOGETHER]
    for network, rows in deciding.groupby("network", sort=False):
        shown = [on_trial(rows), plots.rank_table(rows), ""]
        gaps = _gaps(table[table.network == network])
        parts += [f"### {network}\n", *shown, gaps, _unsurpassed(rows)]
    return "\n".join(parts)


def explorer(folder: Path = paths.RESULTS) -> dict | None:
    """Photographs, maps and scores to look at, by network; None before the first run.

    ``{"networks": [{"name", "images": [{"name", "class", "probability", "picture"}], "maps":
    {method: [map, ...]}, "scale": {method: "signed" or "unsigned"}, "scores": {method: {measure:
    [value, ...]}}}]}``, the lists in the order of the images; a picture is a JPEG and a map a grey
    PNG, both in base64. Grey 0 to 255 is 0 to where the strongest 1 % of the map begin, or, where
    signed, 128 is 0 and 255 where the strongest 1 % by magnitude begin.

    Raises
    ------
    ValueError
        If a list has not one entry an image, or a picture is of another format.
    """
    file = folder / f"{CHAPTER}-explorer.json"
    if not file.exists():
        return None
    content = json.loads(file.read_text(encoding="utf-8"))
    for network in content["networks"]:
        images, maps = network["images"], list(network["maps"].values())
        scores = [row for scored in network["scores"].values() for row in scored.values()]
        lengths = {len(row) for row in maps + scores} - {len(images)}
        if lengths:
            raise ValueError(
                f"{file.name} has lists of {sorted(lengths)} entries for {network['name']}; "
                f"expected {len(images)}, one an image"
            )
        pictures = [image["picture"] for image in images]
        for texts, begin in ((pictures, _JPEG), (itertools.chain(*maps), _PNG)):
            wrong = [text[:12] for text in texts if not text.startswith(begin)]
            if wrong:
                raise ValueError(
                    f"{file.name}: a picture begins with {wrong[0]!r}; expected {begin!r}, "
                    "photographs as JPEG and maps as PNG, in base64"
                )
    return content


def explorer_page(content: dict | None) -> str:
    """Write the page's frame, which its script fills; without data, how to get them."""
    return NOT_RUN if content is None else _EXPLORER


def explorer_script(content: dict) -> str:
    """Write the explorer's data and its maps' colors as a script, which needs no server."""
    colors = {"unsigned": plots.color_table(False), "signed": plots.color_table(True)}
    return f"window.EXPLORER = {json.dumps({**content, 'colors': colors})};\n"


def _made_by(card: dict) -> str:
    command = card.get("command", f"python -m helpers.run {CHAPTER}")
    return f"Profile **{card.get('profile', 'unknown')}**; made by `{command}`.\n"


def _unsurpassed(places: pd.DataFrame) -> str:
    lines = ["Methods that no faster one surpasses, from the fastest on:\n"]
    for test, rows in places.groupby("test", sort=False):
        front = rows[rows.front].sort_values("seconds")
        names = (f"{html.escape(row.method)} ({row.seconds:.2g} s)" for row in front.itertuples())
        lines.append(f"- {test}: {', '.join(names)}")
    return "\n".join(lines) + "\n"


def _gaps(rows: pd.DataFrame) -> str:
    said = rows[rows.gap != ""].drop_duplicates(["method", "test", "gap"])
    if said.empty:
        return ""
    items = [
        f"<li>{html.escape(row.method)}, {html.escape(row.test)}: "
        f"<code>{html.escape(' '.join(row.gap.split()))}</code></li>"
        for row in said.itertuples()
    ]
    return "Gaps, with the error that caused each:\n\n<ul>\n" + "\n".join(items) + "\n</ul>\n"
