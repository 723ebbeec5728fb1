"""Sentences, tables and charts of the ranking: functions of numbers and frames."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import altair as alt
import numpy as np
import pandas as pd

from helpers.measures import intervals, standings
from helpers.report import order, tallies, theme

NOT_COMPARED = "Nothing was measured on other images than ImageNet's."
GRAD_CAM = "Grad-CAM"


class Scores(Protocol):
    """What :class:`helpers.ranking.pieces.Scores` holds, which this room does not import."""

    @property
    def values(self) -> np.ndarray:
        """(T, M, N), more is better."""

    @property
    def gaps(self) -> Mapping[tuple[str, str], str]:
        """Why nothing is there, by test and method."""

    @property
    def apart(self) -> np.ndarray:
        """How far networks that forgot still tell images apart, by level."""


def estimate(draws: np.ndarray) -> tuple[float, float, float]:
    """The first of draws (D + 1,), and the 95 % interval of the others."""
    return intervals.estimate_and_interval(np.asarray(draws, dtype=float))


def sizes(found: Mapping[str, Scores], tests: Sequence[str]) -> pd.DataFrame:
    """How many images of each network have a number in each test, and how it tells them apart."""
    rows = []
    for name, scores in found.items():
        numbers = (~np.isnan(scores.values[: len(tests)])).any(1).sum(1)
        apart = " ".join(f"{share:.2f}" for share in scores.apart)
        rows.append({"network": name, **dict(zip(tests, numbers, strict=True)), "apart": apart})
    return pd.DataFrame(rows).set_index("network")


def gaps(found: Mapping[str, Scores]) -> pd.DataFrame:
    """Methods without a number by network, with the tests and the reason."""
    rows = [
        {"network": network, "method": method, "test": test, "why": why}
        for network, scores in found.items()
        for (test, method), why in scores.gaps.items()
    ]
    table = pd.DataFrame(rows, columns=["network", "method", "test", "why"])
    table = table[~table.test.str.contains(", ")]
    joined = table.groupby(["network", "method", "why"], sort=False).test.agg(", ".join)
    return joined.reset_index()[["network", "method", "test", "why"]]


def order_table(
    names: Sequence[str], kinds: Mapping[str, str], overall: np.ndarray, cost: np.ndarray
) -> pd.DataFrame:
    """A row per method, the best first: method, kind, standing, low, high, passes, seconds.

    overall are draws (D + 1, M), cost seconds, forward and backward passes an image, (M, 3).
    """
    rows = [
        (name, kinds[name], *estimate(draws), float(spent[1]), float(spent[0]))
        for name, draws, spent in zip(names, overall.T, cost, strict=True)
    ]
    columns = ["method", "kind", "standing", "low", "high", "passes", "seconds"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("standing", ascending=False, kind="stable", ignore_index=True)


def order_rows(
    among: str,
    table: pd.DataFrame,
    names: Sequence[str],
    tests: Sequence[str],
    of_tests: np.ndarray,
    *,
    images: int,
    networks: int,
) -> pd.DataFrame:
    """An order for other pages, as :mod:`helpers.report.order` reads it: a row a method and test.

    Parameters
    ----------
    among
        Which methods are compared.
    table
        From :func:`order_table`, for all tests together, which come first.
    of_tests
        Standings (D + 1, T, M) of the methods `names` in `tests`, the first of all images.
    images, networks
        How many there are.
    """
    rows = pd.DataFrame(
        [
            (name, test, *estimate(of_tests[:, i, j]))
            for j, name in enumerate(names)
            for i, test in enumerate(tests)
        ],
        columns=["method", "test", "standing", "low", "high"],
    )
    rows = rows.merge(table[["method", "kind", "passes", "seconds"]], on="method")
    whole = pd.concat([table.assign(test=order.ALL), rows])
    whole = whole.assign(among=among, images=images, networks=networks)
    return whole[order.COLUMNS].round(6)


def order_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Standing of each method with its interval, the best on top."""
    shown = table.dropna(subset=["standing"]).round(3)
    base = alt.Chart(
        shown, description="Mean standing of each method, with its interval, the best on top"
    ).encode(
        y=alt.Y("method:N", title=None, sort=None, axis=alt.Axis(labelOverlap=False)),
        color=_by_kind(alt.Color("kind:N", title=None, legend=alt.Legend(columns=3)), 0),
        tooltip=["method", "kind", "standing", "low", "high", "passes", "seconds"],
    )
    title = "mean standing: 1 first, 0 last"
    return alt.layer(
        base.mark_rule().encode(x=alt.X("low:Q", title=title), x2="high:Q"),
        base.mark_point(filled=True, size=60, opacity=1).encode(
            x="standing:Q", shape=_by_kind(alt.Shape("kind:N", title=None), 1)
        ),
    ).properties(width="container", height=alt.Step(18))


def _by_kind(channel, look: int):
    domain, looks = zip(*theme.KIND_LOOKS.items(), strict=True)
    return channel.scale(alt.Scale(domain=list(domain), range=[each[look] for each in looks]))


def order_sentences(
    table: pd.DataFrame,
    equal: Sequence[Sequence[str]],
    difference: float,
    images: int,
    one: Sequence[Sequence[str]],
) -> str:
    """Who stands first, who cannot be told from it, where the controls are, which maps are one.

    `equal` are groups of methods within the critical `difference` of mean ranks over `images`; the
    first holds the best method. `one` are groups of methods with nearly the same maps.
    """
    known = table.dropna(subset=["standing"])
    if known.empty:
        return "No method has a number."
    best, last = known.iloc[0], known.iloc[-1]
    parts = [
        f"First stands **{best.method}** ({best.standing:.2f} [{best.low:.2f}, {best.high:.2f}]), "
        f"last {last.method} ({last.standing:.2f})."
    ]
    if equal and len(equal[0]) > 1:
        parts.append(
            f"Over {images} images mean ranks must differ by {difference:.2f} to count (Nemenyi's "
            f"test); by that, {_listed(equal[0])} cannot be told apart at the top."
        )
    controls = known[known.kind == standings.CONTROL]
    if len(controls):
        top = controls.iloc[0]
        lower = known[(known.standing < top.standing) & (known.kind != standings.CONTROL)].method
        told = f"below it stand {_listed(list(lower))}" if len(lower) else "every method is above"
        what = f"The best map that ignores the network is {top.method} ({top.standing:.2f})"
        parts.append(f"{what}; {told}.")
    if one:
        told = "; ".join(_listed(group) for group in one)
        parts.append(f"Nearly the same maps, by a correlation above 0.97, come from: {told}.")
    return " ".join(parts)


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def by_test(names: Sequence[str], tests: Sequence[str], means: np.ndarray) -> pd.DataFrame:
    """Mean standing in each test, a row per method, the best first; from means (L, T, M)."""
    table = pd.DataFrame(np.nanmean(means, 0).T, index=list(names), columns=list(tests))
    table.insert(0, "all tests", table.mean(axis=1))
    return table.rename_axis("method").sort_values("all tests", ascending=False).round(2)


def fill_agreement(
    drawn: np.ndarray, fills: Sequence[str], agreement: Callable
) -> dict[str, np.ndarray]:
    """Rank correlation (D + 1,) of the orders by removal with every two fills.

    drawn are means (D + 1, L, F, M) of F fills.
    """
    of_fills = np.nanmean(drawn, 1)  # (D + 1, F, M)
    return {
        f"{fills[one]} and {fills[other]}": np.array(
            [agreement(draw[one], draw[other]) for draw in of_fills]
        )
        for one, other in itertools.combinations(range(len(fills)), 2)
    }


def left_out(
    names: Mapping[str, Sequence[str]],
    left: Mapping[str, np.ndarray | None],
    fills: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """How the order agrees with that without each network and test, and by removal with fills."""
    rows = []
    for what, draws in left.items():
        for name, column in zip(names[what], draws.T if draws is not None else (), strict=False):
            rows.append((f"without the {what}", name, *estimate(column)))
    rows += [("removal alone", name, *estimate(draws)) for name, draws in fills.items()]
    columns = ["order", "name", "rank correlation", "low", "high"]
    return pd.DataFrame(rows, columns=columns).set_index(["order", "name"]).round(2)


def other_images(draws: np.ndarray | None) -> str:
    """How the order on CIFAR-10 agrees with that on photographs."""
    if draws is None:
        return NOT_COMPARED
    value, low, high = estimate(draws)
    return (
        f"The order on CIFAR-10 agrees with that on photographs by {value:.2f} [{low:.2f}, "
        f"{high:.2f}]."
    )


def beside(
    asked: Mapping[str, Scores],
    others: Mapping[str, Scores],
    tests: Sequence[str],
    chosen: Sequence[str],
) -> np.ndarray:
    """Scores (L, T, M, N) of other methods and then of black boxes in the chosen tests.

    Of the images that the black boxes explained, the first ones of the others'.
    """
    rows = [tests.index(name) for name in chosen]
    found = []
    for name, scores in asked.items():
        same_images = others[name].values[rows][..., : scores.values.shape[2]]
        found.append(np.concatenate([same_images, scores.values], 1))
    return np.array(found)


def budget_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Standing by passes through the network, on a log scale; a line per black box."""
    family = table.method.str.split(", ").str[0]
    frame = table.assign(family=family).dropna(subset=["standing", "passes"]).round(3)
    base = alt.Chart(
        frame[frame.passes > 0],
        description="Mean standing of each method by how often it evaluates the network",
    ).encode(
        x=alt.X("passes:Q", title="evaluations for a map", scale=alt.Scale(type="log")),
        y=alt.Y("standing:Q", title="mean standing"),
        color=_by_kind(alt.Color("kind:N", title=None, legend=alt.Legend(columns=3)), 0),
        tooltip=["method", "kind", "standing", "low", "high", "passes", "seconds"],
    )
    return alt.layer(
        base.mark_line(strokeWidth=1).encode(detail="family:N"),
        base.mark_rule(opacity=0.4).encode(y="low:Q", y2="high:Q"),
        base.mark_point(filled=True, size=60, opacity=1).encode(
            shape=_by_kind(alt.Shape("kind:N", title=None), 1)
        ),
    ).properties(width="container", height=320)


def budget_sentences(table: pd.DataFrame, cheap: Sequence[str]) -> str:
    """With how many evaluations each black box stands above Grad-CAM, and the front."""
    boxes = table[table.kind == "black box"]
    line = table[table.method == GRAD_CAM].standing
    parts = []
    if len(line):
        for family, rows in boxes.groupby(boxes.method.str.split(", ").str[0], sort=False):
            above = rows[rows.standing > line.iloc[0]].passes
            told = f"from {above.min():,.0f} evaluations on" if len(above) else "with no budget"
            parts.append(f"{family} {told}")
    text = f"Black boxes stand above Grad-CAM: {'; '.join(parts)}. " if parts else ""
    return text + f"No method with as few evaluations stands above these: {'; '.join(cheap)}."


def best_control(overall: np.ndarray, names: Sequence[str], kinds: Mapping[str, str]) -> np.ndarray:
    """The best control's standing less that of the middle method, in every draw, (D + 1,)."""
    control = np.array([kinds[name] == standings.CONTROL for name in names])
    return np.nanmax(overall[:, control], 1) - np.nanmedian(overall[:, ~control], 1)


def verdict(judged: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """The verdict of the page, sentence by sentence."""
    known = table.dropna(subset=["standing"])
    first = _listed([f"{row.method} ({row.standing:.2f})" for row in known.head(3).itertuples()])
    if math.isnan(known.standing.iloc[0] if len(known) else math.nan):
        first = "nobody"
    return [tallies.sentence(judged), f"First in the order stand {first}."]
