"""Tables of the chapter on LRP and adversarial images: counts and judged claims in, frames out."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from helpers.report.chapters.lrp_adversarial_claims import KINDS, percent

LOGIT_SHARE = "negative logit (% of images)"
NEGATIVE_SHARE = "negative components (%)"
UNDER_SHARE = "of these, under a negative logit (%)"

Counts = Mapping[str, Mapping[str, Mapping[str, np.ndarray]]]
"""By arm, then by rule, one row per group: ``grid`` (G, 2, 20001), ``signs`` (G, 2, 2, 3),
``images`` (G, 2, 2: of each kind, all and those of finite relevance), ``overlaps`` (G, 2, K: sums
and numbers of pairs), ``shifts`` (G, K, 2 m + 1) and ``seconds`` (G,)."""


def claim_groups(reported: pd.DataFrame) -> pd.DataFrame:
    """The paper's claims by group: how many, and the widest tolerance of either arm."""
    return reported.groupby("group", sort=False).agg(
        claims=("says", "size"),
        arm_a_tolerance=("tolerance", "max"),
        arm_b_tolerance=("tolerance_b", "max"),
        unit=("unit", "first"),
    )


def run_sizes(counts: Counts, whole: Mapping[str, bool]) -> pd.DataFrame:
    """What was measured in each arm; minutes are of the processor, over all rules."""
    rows = []
    for arm, by_rule in counts.items():
        images = next(iter(by_rule.values()))["images"]
        minutes = sum(of_rule["seconds"].sum() for of_rule in by_rule.values()) / 60
        rows.append((arm, *images.sum(0)[:, 0], len(images), minutes, whole[arm]))
    columns = ["arm", *KINDS, "groups", "minutes", "whole"]
    return pd.DataFrame(rows, columns=columns)


def finite_images(counts: Counts) -> pd.DataFrame:
    """How many images of each arm and rule there are, and how many of finite relevance."""
    rows = [
        (arm, rule, *of_rule["images"].sum((0, 1)))
        for arm, by_rule in counts.items()
        for rule, of_rule in by_rule.items()
    ]
    return pd.DataFrame(rows, columns=["arm", "rule", "images", "finite"])


def quantiles(judged: pd.DataFrame) -> pd.DataFrame:
    """The quantiles of Tables 3 and 4 among judged claims.

    Added are the columns ``images``, ``rule``, ``quantile`` (its level, as text) and ``off``, the
    distance to the paper's number.
    """
    frame = judged[judged.key.str.startswith("quantile/") & judged.arm.notna()].copy()
    frame[["images", "rule", "quantile"]] = frame.key.str.split("/", expand=True)[[1, 2, 3]]
    return frame.assign(off=(frame.value - frame.reported).abs())


def alike_table(judged: pd.DataFrame) -> pd.DataFrame:
    """Rows ``alike/rule/summary`` of one arm: difference and verdict, a rule a row."""
    frame = judged.copy()
    frame[["rule", "summary"]] = frame.key.str.split("/", expand=True)[[1, 2]]
    numbers = zip(frame.value, frame.verdict, strict=True)
    frame["told"] = [f"{value:+.2f}, {verdict}" for value, verdict in numbers]
    table = frame.pivot(index="rule", columns="summary", values="told").fillna("–")
    return table.loc[list(dict.fromkeys(frame.rule)), list(dict.fromkeys(frame.summary))]


def mirrored(frame: pd.DataFrame) -> pd.DataFrame:
    """Quantiles of symmetric distributions that miss the paper's, beside their mirror images.

    The mirror image of the quantile at level q is the one at 1 - q. `frame` holds one arm's rows of
    :func:`quantiles`; LRP-αβ and LRP-ε 1 are left out, whose distributions are not symmetric.
    """
    frame = frame[~frame.rule.str.contains("αβ|ε 1$")].copy()
    frame["mirror"] = [f"{1 - float(level):.3f}" for level in frame["quantile"]]
    frame = frame.merge(
        frame[["images", "rule", "quantile", "reported", "value"]],
        left_on=["images", "rule", "mirror"],
        right_on=["images", "rule", "quantile"],
        suffixes=("", "_of_mirror"),
    )
    columns = ["images", "rule", "quantile", "reported", "value"]
    columns += ["reported_of_mirror", "value_of_mirror"]
    return frame.loc[frame.off > frame.tolerance, columns].round(4)


def beside_paper(frame: pd.DataFrame, rules: list[str]) -> pd.DataFrame:
    """One arm's quantiles as a table, ours with the paper's in brackets, a rule a column."""
    pairs = zip(frame.value, frame.reported, strict=True)
    frame = frame.assign(both=[f"{ours:.4f} ({paper:.4f})" for ours, paper in pairs])
    return frame.pivot(index=["images", "quantile"], columns="rule", values="both")[rules]


def negative_table(counts: Counts) -> pd.DataFrame:
    """How much of alpha = 1's relevance is negative, and how much of that has a negative logit."""
    rows = []
    for arm, by_rule in counts.items():
        for kind, signs in zip(KINDS, by_rule["LRP-αβ 1"]["signs"].sum(0), strict=True):
            negative = signs[:, 0].sum()  # signs is (2, 3)
            shares = signs[0].sum() / signs.sum(), negative / signs.sum()
            rows.append((arm, kind, *shares, signs[0, 0] / max(negative, 1)))
    columns = [LOGIT_SHARE, NEGATIVE_SHARE, UNDER_SHARE]
    table = pd.DataFrame(rows, columns=["arm", "images", *columns])
    return table.assign(**{name: 100 * table[name] for name in columns}).round(2)


def overlap_by_target(target: np.ndarray, overlaps: np.ndarray, classes: int) -> np.ndarray:
    """Mean overlaps, in %, of the pairs of each target class: (classes, K).

    `target` holds the class of each pair (M,), `overlaps` shares (M, K), NaN where a pair is left
    out. A class without pairs has NaN.
    """
    usable = np.isfinite(overlaps).all(1)
    columns = [np.bincount(target[usable], shares, classes) for shares in overlaps[usable].T]
    number = np.bincount(target[usable], minlength=classes)[:, None]
    sums = np.stack(columns, axis=1)
    return percent(np.stack([sums, np.broadcast_to(number, sums.shape)]))


def target_table(
    by_target: Mapping[str, np.ndarray], names: list[str], reported: pd.Series, classes: list[str]
) -> pd.DataFrame:
    """Overlaps by target class and, in the last row, the paper's: all K of the first rule.

    Of the other rules the top component's overlap is shown, and the third of the last rule.

    Parameters
    ----------
    by_target
        By rule: overlaps (classes, K), from :func:`overlap_by_target`.
    names
        Of the K overlaps.
    """
    first, *others = by_target
    columns = [(first, k) for k in range(len(names))] + [(rule, 0) for rule in others]
    columns += [(rule, 2) for rule in others[-1:]]
    table = {
        f"{rule}: {names[k]}": [
            *by_target[rule][:, k],
            reported[f"overlap/{rule}/{names[k]}"],
        ]
        for rule, k in columns
    }
    return pd.DataFrame(table, index=[*classes, "the paper"])


def control_table(
    overlaps: Mapping[tuple[str, str], np.ndarray],
    pairs: list[str],
    names: list[str],
    mean: Callable,
) -> pd.DataFrame:
    """Overlaps of kinds of pairs, in %: columns arm, rule, pairs, overlap, share, low, high, n.

    Parameters
    ----------
    overlaps
        By arm and rule: shares (S, N, pairs, K) of S networks and N originals, NaN where none.
    pairs, names
        Of the kinds of pairs, and of the K overlaps.
    mean
        From (S, N) to value, low, high and the number of originals.
    """
    rows = [
        (arm, rule, kind, name, *mean(100 * of_rule[:, :, c, k]))
        for (arm, rule), of_rule in overlaps.items()
        for c, kind in enumerate(pairs)
        for k, name in enumerate(names)
    ]
    return pd.DataFrame(
        rows, columns=["arm", "rule", "pairs", "overlap", "share", "low", "high", "n"]
    )


def mean_table(
    values: Mapping[str, np.ndarray], names: Mapping[str, list], mean: Callable, scale: float = 100
) -> pd.DataFrame:
    """Means over originals of an array (S, N, ...) a rule: one row per place of the other axes.

    Parameters
    ----------
    values
        By rule, or whatever the first column, ``rule``, names.
    names
        By column: the names of the places of an axis, in the order of the axes.
    mean
        As for :func:`control_table`.

    Returns
    -------
    pandas.DataFrame
        Columns rule, those of `names`, share (times `scale`), low, high, n.
    """
    axes = list(names.values())
    rows = [
        (rule, *(axis[i] for axis, i in zip(axes, place, strict=True)), *mean(part))
        for rule, of_rule in values.items()
        for place in np.ndindex(*(len(axis) for axis in axes))
        for part in [scale * of_rule[(slice(None), slice(None), *place)]]
    ]
    return pd.DataFrame(rows, columns=["rule", *names, "share", "low", "high", "n"])


def overlap_by_bins(
    values: list[np.ndarray], overlaps: list[np.ndarray], estimate: Callable
) -> pd.DataFrame:
    """Overlap, in %, in ten bins of equal count: columns middle (the median), share, low, high.

    Parameters
    ----------
    values
        What pairs are sorted by, an array (M_g,) a group.
    overlaps
        The shares of the same pairs, NaN where one is left out.
    estimate
        From counts (G, ...) and a statistic of their sum to its value, low and high.
    """
    together = np.concatenate(values)
    edges = np.unique(np.quantile(together, np.linspace(0, 1, 11)))
    bins, sums = len(edges) - 1, []

    def bin_of(array: np.ndarray) -> np.ndarray:
        return np.clip(np.searchsorted(edges, array, side="right") - 1, 0, bins - 1)

    for of_group, shares in zip(values, overlaps, strict=True):
        index, usable = bin_of(of_group), np.isfinite(shares)
        weights = (shares[usable], None)
        sums.append(np.stack([np.bincount(index[usable], w, bins) for w in weights]))
    share, low, high = estimate(np.stack(sums), percent)
    middle = pd.Series(together).groupby(bin_of(together)).median().reindex(range(bins))
    return pd.DataFrame({"middle": middle, "share": share, "low": low, "high": high})


def path_table(steps: Mapping[tuple[str, str], tuple[np.ndarray, ...]]) -> pd.DataFrame:
    """Means around the turn, in %: columns rule, explained, steps, share, n.

    `steps` holds by rule and by what is explained: distances, means and numbers, (T,) each; what no
    path has is left out.
    """
    frames = [
        pd.DataFrame({"steps": distance, "share": 100 * mean, "n": number}).assign(
            rule=rule, explained=explained
        )
        for (rule, explained), (distance, mean, number) in steps.items()
    ]
    return pd.concat(frames).query("n > 0").reset_index(drop=True)


def between_networks(
    counts: Mapping[str, np.ndarray], networks: int, names: list[str]
) -> pd.DataFrame:
    """Overlaps (%) of each network by rule, and the standard deviation between networks.

    `counts` holds by rule ``overlaps`` (S G, 2, K), network by network; `names` are those of the K.
    """
    rows = {}
    for rule, sums in counts.items():
        per_network = [percent(part.sum(0)) for part in np.split(sums, networks)]
        for number, shares in enumerate(per_network, 1):
            rows[rule, f"network {number}"] = shares
        if networks > 1:
            rows[rule, "deviation"] = np.std(per_network, axis=0, ddof=1)
    return pd.DataFrame(rows, index=names).T.round(2)


def batchnorm_table(
    counts: Mapping[str, Mapping[str, np.ndarray]], names: list[str], grid_quantiles: Callable
) -> pd.DataFrame:
    """Rules with BatchNorm as a layer and merged: pairs, 0.99 quantiles, overlaps in %.

    Parameters
    ----------
    counts
        By rule: ``grid`` (G, 2, 20001) and ``overlaps`` (G, 2, K).
    names
        Of the K overlaps.
    grid_quantiles
        Quantiles (..., Q) at levels (Q,) of counts (..., 20001).
    """
    rows = []
    for rule, of_rule in counts.items():
        sums = of_rule["overlaps"].sum(0)
        tails = grid_quantiles(of_rule["grid"].sum(0), [0.99])[:, 0]
        rows.append((rule, int(sums[1, 0]), *tails, *percent(sums)))
    columns = ["rule", "pairs", *(f"{kind} .99" for kind in KINDS), *names]
    return pd.DataFrame(rows, columns=columns).set_index("rule").round(3)
