"""Sentences of the chapter on DE-CAM: functions of numbers and frames."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from helpers.report import tallies

PAPERS_GENERATIONS = 200
CONVERGED = 5.0  # % of the gain in the last fifth of a search, below which it counts as converged
Estimate = tuple[float, float, float]  # a mean and the limits of its 95 % interval


def estimate(value: float, low: float, high: float, *, sign: bool = False) -> str:
    """A mean with its interval, in points: ``34.9 [17.2, 52.9]``; with `sign`, ``+5.0 [...]``."""
    form = "+.1f" if sign else ".1f"
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


def sanity(images: int, difference: float, plain: float, blurred: float) -> str:
    """How far the curves' whole image is from the network's own probability, and their starts."""
    return (
        f"Over {images} images, both curves differ from the network's own probability of the whole "
        f"image by at most {difference:.1e}. On average the probability is {plain:.4f} for an "
        f"image without content and {blurred:.3f} for a blurred one."
    )


def photographs(evaluated: int, shipped: int, held_out: int, collection: bool) -> str:
    """How many photographs are evaluated, whose they are, and on which alpha is settled."""
    shipped = min(shipped, evaluated)
    ours = f"{shipped} of Foolbox" + (f", {evaluated - shipped} of the collection" * collection)
    return (
        f"This run evaluates {evaluated} photographs ({ours}) on the first network, and settles "
        f"alpha on {held_out} that {_plural_verb(held_out)} not evaluated"
        + (", of Foolbox's too." if not collection else ".")
    )


def calibration(alphas: Mapping[str, float], values: int, images: int) -> str:
    """Which weight of the area each network takes: of how many values, from how many images."""
    told = ", ".join(f"{name} **alpha = {alpha:g}**" for name, alpha in alphas.items())
    if values < 2:
        return f"One value was given, in logits: {told}."
    return (
        f"*Means over {images} held-out {_plural(images, 'image')}.* The rule takes, in logits: "
        f"{told}."
    )


def gained(gain: Estimate) -> str:
    """What the search adds to the DiffAUC of its random first population."""
    value, low, high = gain
    start = "the random population that it starts from"
    if math.isnan(value):
        return f"Whether DE-CAM's search raises DiffAUC over {start} was not measured."
    if low > 0:
        interval = f"{value:.1f} [{low:.1f}, {high:.1f}]"
        return f"DE-CAM's search raises DiffAUC by {interval} points over {start}."
    if high < 0:
        interval = f"{-value:.1f} [{-high:.1f}, {-low:.1f}]"
        return f"DE-CAM's search lowers DiffAUC by {interval} points below {start}."
    return (
        f"DE-CAM's search does not change DiffAUC measurably from {start}: "
        f"{estimate(*gain, sign=True)} points."
    )


def against_rise(difference: Estimate) -> str:
    """DE-CAM's DiffAUC less that of RISE, which has as many evaluations."""
    value, low, high = difference
    start = "With equally many network evaluations, DE-CAM"
    if math.isnan(value):
        return f"{start} was not compared with RISE."
    if low > 0:
        return f"{start} scores {value:.1f} points higher than RISE [{low:.1f} to {high:.1f}]."
    if high < 0:
        return f"{start} scores {-value:.1f} points lower than RISE [{-high:.1f} to {-low:.1f}]."
    return (
        f"{start} and RISE cannot be told apart: the difference is "
        f"{estimate(*difference, sign=True)} points."
    )


def search(images: int, gain: Estimate, difference: Estimate, evaluations: int) -> str:
    """The caption of the charts of the search, with what `evaluations` after its start bought."""
    return (
        f"*Means over {images} images; the bands are 95 % intervals, the level lines other "
        f"methods.* The search takes {evaluations:,} evaluations after its first population. "
        f"{gained(gain)} {against_rise(difference)} RISE does not evolve its masks."
    )


def chance(
    seeds: int, images: int, agreement: Sequence[float], deviation: float, spread: float,
    ties: float, orders: int,
) -> str:  # fmt: skip
    """How far the seed and the order of ties change a map and its DiffAUC.

    Parameters
    ----------
    seeds, images
        Searches of each image, and images.
    agreement
        Rank correlations of two maps of an image, from different seeds.
    deviation, spread
        Of DiffAUC over seeds: standard deviation (mean over images), largest range.
    ties, orders
        Largest range of DiffAUC over so many random orders of equal values.
    """
    mean, low, high = sum(agreement) / len(agreement), min(agreement), max(agreement)
    return (
        f"Searches from {seeds} seeds of {images} {_plural(images, 'image')}: two maps of an image "
        f"have a rank correlation of {mean:.2f} on average ({low:.2f} to {high:.2f}). The standard "
        f"deviation of their DiffAUC is {deviation:.1f} points, the largest difference "
        f"{spread:.1f}. For comparison, the order of equal values changes DiffAUC by up to "
        f"{ties:.1f} points over {orders} random orders."
    )


def counted(iterations: int, channels: int) -> str:
    """What the paper's two comparisons mean in model evaluations, for its own generations.

    Parameters
    ----------
    iterations
        Of this run; the paper has 200.
    channels
        Of the layer that AblationCAM looks at, on this run's first network.
    """
    ablation, integrated = channels + 1, 50
    needed = PAPERS_GENERATIONS + 1
    text = (
        f"A search of the paper's {PAPERS_GENERATIONS} generations takes {needed} evaluations for "
        f"each individual. As many as AblationCAM's {ablation:,} on this network leave a "
        f"population of {ablation // needed}; as many as the {integrated} of Integrated Gradients, "
        "each with a gradient, leave none. The paper's “hundreds of decent solutions”, which it "
        f"takes from the last population, need {100 * needed:,} evaluations for one hundred: "
        f"{100 * needed / ablation:.0f} times AblationCAM's and {100 * needed / integrated:.0f} "
        "times those of Integrated Gradients. So its comparison of times is one of how well "
        "evaluations run side by side, not of how many there are."
    )
    if iterations == PAPERS_GENERATIONS:
        return text
    return f"{text} This run has {iterations} generations."


def convergence(late: Estimate, population: int, iterations: int, images: int) -> str:
    """How much of the gain in the best fitness the last fifth of the generations brings."""
    value, low, high = (100 * number for number in late)
    start = (
        f"Over {images} images, {population} individuals and {iterations} generations, the last "
        "fifth of the generations"
    )
    if math.isnan(value):
        return f"{start} was not compared with the others."
    told = f"{start} brings {value:.0f} % [{low:.0f}, {high:.0f}] of the gain in the best fitness: "
    if high < CONVERGED:
        return told + "the search has nearly converged."
    if low > CONVERGED:
        return told + "the search has not converged, and a longer one would find fitter masks."
    return told + "whether the search has converged cannot be said."


def late(gain: Estimate, evaluations: int) -> str:
    """What the evaluations after so many still add to DiffAUC."""
    value, low, high = gain
    if math.isnan(value):
        return "What its later part adds was not measured."
    what = f"What comes after {evaluations:,} evaluations"
    if low > 0:
        return f"{what} adds {value:.1f} [{low:.1f}, {high:.1f}] points."
    if high < 0:
        return f"{what} takes away {-value:.1f} [{-high:.1f}, {-low:.1f}] points."
    return f"{what} changes DiffAUC by {estimate(*gain, sign=True)} points, not measurably."


def verdict(
    judged: pd.DataFrame,
    pairs: pd.DataFrame,
    *,
    networks: Sequence[str],
    papers: Mapping[str, str],
    images: int,
    search: tuple[int, int],
    gain: Estimate,
    difference: Estimate,
    controls: Mapping[str, Estimate],
) -> list[str]:
    """The chapter's verdict, a sentence an entry.

    Parameters
    ----------
    judged
        Claims with the columns key and verdict, from :func:`helpers.report.claims.judge`.
    pairs
        Differences of DiffAUC from other methods: columns network, method, points, low, high.
    networks
        That were run; `papers` gives the paper's name of those that it names.
    images
        Evaluated on the first network.
    search
        Individuals and generations on the first network.
    gain, difference
        See :func:`gained` and :func:`against_rise`.
    controls
        DE-CAM's DiffAUC less that of each control, over all networks.
    """
    return [
        tallies.sentence(judged),
        which(networks, papers, images, search),
        *(comparisons(judged, pairs, name, paper) for name, paper in papers.items()),
        gained(gain),
        against_rise(difference),
        beaten(controls),
    ]


def which(
    networks: Sequence[str], papers: Mapping[str, str], images: int, search: tuple[int, int]
) -> str:
    """Which of the paper's networks were run, on how many images, and with how large a search."""
    size = f"{search[0]} individuals and {search[1]} generations"
    others = [name for name in networks if name not in papers]
    if not papers:
        also = f" So {'was' if len(others) == 2 else 'were'} {', '.join(others[1:])}, on fewer."
        return (
            "None of the paper's networks was run, so that no row on a network has a verdict; "
            f"{networks[0]} was searched on {images} images with {size}."
            + (also if others[1:] else "")
        )
    beside = f" Shown beside, without a verdict: {', '.join(others)}." if others else ""
    told = ", ".join(f"{paper} (`{name}`)" for name, paper in papers.items())
    missing = [
        paper for paper in ("VGG19", "ResNet50", "MobileNetV2") if paper not in papers.values()
    ]
    lacking = f"; not run: {', '.join(missing)}" if missing else ""
    return (
        f"Of the paper's networks {told} was run{lacking}; {networks[0]} on {images} images, with "
        f"{size}.{beside}"
    )


def comparisons(judged: pd.DataFrame, pairs: pd.DataFrame, name: str, paper: str) -> str:
    """DE-CAM against Grad-CAM and FullGrad on a network of the paper's, with the rows' verdicts."""
    rows = judged.drop_duplicates("key").set_index("key")
    told = []
    for pair in pairs[pairs.network == name].itertuples():
        key = f"quality/{paper}/{pair.method}"
        if key in rows.index:
            points = estimate(pair.points, pair.low, pair.high, sign=True)
            side = _side(pair.low, pair.high)
            told.append(f"{points} points from {pair.method} ({side}; {rows.verdict[key]})")
    if not told:
        return f"On {paper} DE-CAM was not compared."
    return (
        f"On {paper} DE-CAM's score differs by {' and by '.join(told)}; in brackets the direction "
        "in the main reading, and the verdict on equality up to the margin over all readings."
    )


def _side(low: float, high: float) -> str:
    return "better" if low > 0 else "worse" if high < 0 else "cannot be told apart"


def beaten(controls: Mapping[str, Estimate]) -> str:
    """Which baselines, that do not depend on the network, have a lower DiffAUC than DE-CAM."""
    lower = [name for name, (_, low, _) in controls.items() if low > 0]
    higher = [name for name, (_, _, high) in controls.items() if high < 0]
    words = ", ".join(lower) if lower else "none"
    sentence = f"Of the {len(controls)} model-independent baselines, DE-CAM beats "
    return sentence + words + (f" and loses to {', '.join(higher)}." if higher else ".")


def _plural_verb(count: int) -> str:
    return "is" if count == 1 else "are"


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"
