"""Sentences and tables of the cross-examination: functions of numbers and frames."""

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from helpers.report import tallies, theme

Estimate = tuple[float, float, float]  # a number and its 95 % interval
ONE_LEFT = "A single photograph is left in this test"
HALF = 0.5  # a standing: 1 is the first of all methods, 0 the last


class GapRow(NamedTuple):
    """A method that has no maps under a condition, and why."""

    method: str
    condition: str
    reason: str
    traceback: str  # of a user's method; else empty


def photographs(
    count: int, probability: float, attack_size: float, changed: int, changed_by_noise: int
) -> str:
    """What the network makes of the photographs, and what the attack and the noise change."""
    return (
        f"{count} photographs; the network's mean probability of the class that it predicts is "
        f"{probability:.2f}. The attack (PGD, no pixel changed by more than {attack_size:g}) "
        f"changes {changed} of {count} decisions, noise of the same size {changed_by_noise}."
    )


def network_notes(name: str, notes: Sequence[str]) -> str:
    """What was checked of the network, and done to it, before anything was computed."""
    return " ".join([f"The network is `{name}`.", *notes])


def gaps(rows: Sequence[GapRow], cells: int) -> theme.Html:
    """Every gap with its reason, and the traceback of a user's method below it, folded."""
    if not rows:
        return theme.Html(f"<p>All {cells:,} cells have maps.</p>")
    items = "".join(f"<li>{_gap(row)}</li>" for row in rows)
    return theme.Html(f"<p>{len(rows):,} of {cells:,} cells are gaps.</p><ul>{items}</ul>")


def remarks(sentences: Sequence[str]) -> theme.Html:
    """What is to be said of how maps were made, and of those that are constant: a list."""
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    return theme.Html(f"<p>Of the maps:</p><ul>{items}</ul>" if sentences else "")


def _gap(row: GapRow) -> str:
    head = f"{row.method}, {row.condition}: {row.reason}"
    if not row.traceback:
        return html.escape(head)
    trace = html.escape(row.traceback)
    return f"<details><summary>{html.escape(head)}</summary><pre>{trace}</pre></details>"


def outcome(rows: pd.DataFrame) -> str:
    """Which method is first in a test, and where the best control is.

    `rows` are the deciding rows of one test, as in the matrix of all tests.
    """
    valued = rows[rows.value.notna()]
    if valued.empty:
        return "No method has a value in this test."
    valued = valued[valued.low.notna()]
    if valued.empty:
        return f"{ONE_LEFT}, which is too few to say who is first."
    ranks = (-valued.better * valued.value).rank(method="min")
    order = valued.assign(rank=ranks).sort_values("rank", kind="stable")
    first = order[order["rank"] == 1]
    verb = "is" if len(first) == 1 else "are"
    head = f"By {order.measure.iloc[0]}, first of {len(order)} {verb} **{_list(first.method)}**"
    head += f" ({interval(tuple(first.iloc[0][['value', 'low', 'high']]))})"
    controls = order[order.kind == "control"]
    if controls.empty:
        return f"{head}; no control was run."
    best = controls.iloc[0]
    if best["rank"] == 1:
        return f"{head}; a control is among the first."
    value = theme.number(best.value)
    return f"{head}; the best control is {best.method} ({value}), rank {best['rank']:.0f}."


def interval(estimate: Estimate) -> str:
    """A number with its interval, four digits each."""
    value, low, high = (theme.number(number) for number in estimate)
    return f"{value} [{low}, {high}]"


def attack(methods: int, share: Mapping[str, float]) -> str:
    """How much of the first tenth of a map stays, on average over methods, by condition."""
    return (
        "*Shares of the first hundredth and tenth of the pixels that two maps have in common, and "
        "their rank correlation; by chance 0.01, 0.1 and 0.* "
        f"On average over the {methods} methods, the share of the first tenth that stays is "
        + ", ".join(f"{number(value)} ({name})" for name, value in share.items())
        + "."
    )


def corruption(by_corruption: Mapping[str, float], by_stage: Mapping[int, float]) -> str:
    """How well maps under corruption agree with the clean image's, on average over methods."""
    return (
        "*Rank correlation of the map of the clean image and of the corrupted one, for decisions "
        "that stay; the last columns are chapter 2's checkpoints under noise, and the same image "
        "under two seeds.* On average over the methods it is "
        + ", ".join(f"{number(value)} ({name})" for name, value in by_corruption.items())
        + "; over the stages of training "
        + ", ".join(f"{number(value)} (epoch {stage})" for stage, value in by_stage.items())
        + "."
    )


def randomization(by_level: Mapping[float, float]) -> str:
    """How well maps of randomized networks agree with the network's, on average over methods."""
    return (
        "*Rank correlation with the map of a network whose upper layers are shuffled.* On average "
        "over the methods it is "
        + ", ".join(
            f"{number(value)} ({100 * level:.0f} % of the layers)"
            for level, value in by_level.items()
        )
        + "."
    )


def number(value: float, sign: bool = False) -> str:
    """Two decimals, or words where there is no value."""
    if math.isnan(value):
        return "not measured"
    return f"{value:+.2f}" if sign else f"{value:.2f}"


def agreement(pairs: Mapping[tuple[str, str], float], mean: Estimate) -> str:
    """Which two tests rank methods most and least alike, and how alike they are on average."""
    known = {pair: value for pair, value in pairs.items() if not math.isnan(value)}
    if not known:
        return "No two tests have ranks to compare."
    alike, apart = max(known, key=known.__getitem__), min(known, key=known.__getitem__)
    extremes = f"{_list(alike)} ({known[alike]:+.2f})"
    if alike != apart:
        extremes += f", least alike {_list(apart)} ({known[apart]:+.2f})"
    value, low, high = mean
    return (
        "*Rank correlation of two tests over all methods and controls.* "
        f"Most alike are {extremes}. "
        f"On average over all pairs of tests it is **{value:+.2f}** [{low:+.2f}, {high:+.2f}]."
    )


def controls(best: Mapping[str, tuple[str, float]]) -> str:
    """Where the best control of each test stands, and in which it is in the better half."""
    if not best:
        return "No control was run."
    listed = "; ".join(f"{test}: {name} {value:.2f}" for test, (name, value) in best.items())
    high = in_better_half(best)
    end = (
        f"A control is in the better half of {len(high)} of {len(best)} tests: {', '.join(high)}."
        if high
        else "No control is in the better half of any test."
    )
    return f"The best control stands (1 is first, 0 last): {listed}. {end}"


def in_better_half(best: Mapping[str, tuple[str, float]]) -> list[str]:
    """The tests in whose better half a control is."""
    return [test for test, (_, value) in best.items() if value >= HALF]


def overall(means: Mapping[str, float], names: Sequence[str], cost: Mapping[str, Estimate]) -> str:
    """Which methods stand best over all tests, the best control, and whether quality costs time.

    Parameters
    ----------
    means
        Mean standing by method.
    names
        The controls among them.
    cost
        The correlation of standing with how cheap methods are, by the set of methods.
    """
    order = sorted(means, key=means.__getitem__, reverse=True)
    top = ", ".join(f"{name} ({means[name]:.2f})" for name in order[:3])
    best = next((name for name in order if name in names), None)
    control = f"the best control is {best} ({means[best]:.2f})" if best else "no control was run"
    listed = " and ".join(f"{_signed(value)} over {label}" for label, value in cost.items())
    return (
        "*Mean standing over the tests, every test counting alike.* "
        f"At the top are {top}; {control}. The correlation of standing with low cost is {listed}."
    )


def _signed(estimate: Estimate) -> str:
    if any(math.isnan(value) for value in estimate):
        return "not measured"
    value, low, high = estimate
    return f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"


def verdict(
    judged: pd.DataFrame,
    first: Mapping[str, str],
    agree: Estimate,
    best: Mapping[str, tuple[str, float]],
    standings: Mapping[str, float],
) -> list[str]:
    """The chapter's verdict: claims, winners, agreement, controls, and a user's method first."""
    sentences = [
        f"**{'Your method' if name == 'Yours' else name}** stands at {place:.2f} on average (1: "
        "first, 0: last)."
        for name, place in standings.items()
        if name == "Yours" or name.startswith("Yours: ")
    ]
    return [
        *sentences,
        tallies.sentence(judged),
        "First are " + ", ".join(f"{name} ({test})" for test, name in first.items()) + ".",
        *finding_sentences(agree, best, standings),
    ]


def finding(
    agree: Estimate, best: Mapping[str, tuple[str, float]], standings: Mapping[str, float]
) -> str:
    """For the book's front page: whether the tests agree, and who stands best."""
    return " ".join(finding_sentences(agree, best, standings))


def finding_sentences(
    agree: Estimate, best: Mapping[str, tuple[str, float]], standings: Mapping[str, float]
) -> list[str]:
    """The sentences that the verdict and the finding share."""
    high, value = in_better_half(best), agree[0]
    alike = (
        "How far the tests' orders agree was not measured"
        if math.isnan(value)
        else f"The tests' orders have a mean rank correlation of {value:+.2f}"
    )
    control = (
        f"a control is in the better half of {len(high)} of {len(best)} tests ({', '.join(high)})"
        if high
        else "no control is in the better half of any test"
    )
    top = max(standings, key=standings.__getitem__)
    return [
        f"{alike}; {control}.",
        f"Over all tests alike {top} stands best ({standings[top]:.2f}; 1 would be first in each).",
    ]


def _list(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
