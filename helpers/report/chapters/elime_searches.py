"""E-LIME beside other searches, by model evaluations: tables, charts and sentences."""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from helpers.report import charts, theme

Estimate = Sequence  # a mean and the limits of its 95 % interval, each a number or (K,)
TIMES = 10  # of the abstract: "more than ten times faster than LIME"


def curves(
    by_network: Mapping[str, Mapping[str, Estimate]], budgets: Sequence[int]
) -> alt.LayerChart:
    """The best probability so far by evaluations (K,), one line per search, one network at a time.

    Where a search has no selection yet it has no point.
    """
    points = [
        {"network": network, "search": search, "evaluations": int(count), **_rounded(*found)}
        for network, searches in by_network.items()
        for search, estimate in searches.items()
        for count, *found in zip(budgets, *estimate, strict=True)
        if np.isfinite(found[0])
    ]
    return charts.curve(
        pd.DataFrame(points), x="evaluations", y="value", low="low", high="high", color="search",
        x_title="model evaluations", y_title="probability of the class", select="network",
        log=True,
        description="Best probability so far by number of model evaluations, by kind of search",
    )  # fmt: skip


def gain_table(by_network: Mapping[str, Mapping[int, Estimate]]) -> pd.DataFrame:
    """E-LIME less random selections with its 95 % interval, by budget (rows) and network."""
    return pd.DataFrame(
        {
            network: {
                budget: f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
                for budget, (value, low, high) in budgets.items()
            }
            for network, budgets in by_network.items()
        }
    ).rename_axis("evaluations")


def ends(by_network: Mapping[str, Mapping[str, np.ndarray]], evaluations: int) -> str:
    """What each search has reached after all evaluations: of each network, by search, (images,)."""
    lines = []
    for network, searches in by_network.items():
        means = {search: float(np.mean(values)) for search, values in searches.items()}
        finite = {search: value for search, value in means.items() if np.isfinite(value)}
        listed = ", ".join(f"{search} {value:.3f}" for search, value in finite.items())
        best = max(finite, key=lambda search: finite[search])
        lines.append(f"- {network}: {listed}; the most has **{best}**.")
    return f"After {evaluations} evaluations, mean over images:\n\n" + "\n".join(lines)


def sooner_chart(
    by_pair: Mapping[tuple[str, str], Estimate], lime_at: Sequence[int]
) -> alt.LayerChart:
    """LIME's evaluations over E-LIME's at equal probability, by LIME's evaluations (K,)."""
    points = pd.DataFrame(
        [
            {"network": network, "selection": selection, "evaluations": int(count),
             **_rounded(*found)}
            for (network, selection), estimate in by_pair.items()
            for count, *found in zip(lime_at, *estimate, strict=True)
        ]
    )  # fmt: skip
    looks = zip(theme.PALETTE, ("circle", "square"), strict=False)
    color, shape = charts.color_and_shape(
        "selection", dict(zip(dict.fromkeys(points.selection), looks, strict=False))
    )
    base = alt.Chart(points).encode(
        x=alt.X("evaluations:O", title="evaluations of LIME", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("selection:N", sort=None),
        color=color,
        tooltip=["network", "selection", "evaluations", "value", "low", "high"],
    )
    interval = base.mark_rule().encode(y=alt.Y("low:Q", title="times fewer"), y2="high:Q")
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(y="value:Q", shape=shape)
    line = alt.Chart(pd.DataFrame({"y": [TIMES]})).mark_rule(strokeDash=[4, 4]).encode(y="y:Q")
    description = "How many times fewer evaluations E-LIME needs to be as good as LIME"
    chart = charts.select_by(alt.layer(interval, dots), points, "network")
    whole = alt.layer(chart, line, description=description)
    return whole.properties(width="container", height=theme.HEIGHT)


def sooner(
    by_pair: Mapping[tuple[str, str], Estimate], lime_at: Sequence[int], population: int
) -> str:
    """In how many comparisons the ten times are true, and the numbers at the largest budget."""
    found = [
        (selection, network, int(count), value, low, high)
        for (network, selection), estimate in by_pair.items()
        for count, value, low, high in zip(lime_at, *estimate, strict=True)
    ]
    above = sum(low > TIMES for *_, low, _ in found)
    below = sum(high < TIMES for *_, high in found)
    parts = [
        f"{network}, LIME's {selection}: {value:.1f} [{low:.1f}, {high:.1f}]"
        for selection, network, count, value, low, high in found
        if count == max(lime_at)
    ]
    most = (max(lime_at)) / population
    return (
        f"In {above} of {len(found)} comparisons (network, LIME's selection and budget) E-LIME is "
        f"more than ten times faster at equal probability, in {below} less, in "
        f"{len(found) - above - below} the interval holds ten. Against LIME's {max(lime_at):,} "
        f"evaluations: {'; '.join(parts)}. A population of {population} cannot be faster than "
        f"{most:.0f} times there, since it is rated as a whole."
    )


def _rounded(value: float, low: float, high: float) -> dict[str, float]:
    names = ("value", "low", "high")
    return {name: round(float(x), 4) for name, x in zip(names, (value, low, high), strict=True)}
