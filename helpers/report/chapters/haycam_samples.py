"""What seven images can show: orders of methods in small draws from many images."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from helpers.measures import small_samples
from helpers.report.chapters.haycam import percent

SIZE = 7  # the blank lines of the paper's Tables 1 and 2 have room for six or seven images
DRAWS = 10_000


def drawn(overlaps: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Mean overlaps of :data:`DRAWS` sets of :data:`SIZE` images, draws by methods.

    `overlaps` are images by methods; of fewer images than that, all are taken.
    """
    size = min(SIZE, len(overlaps))
    means = small_samples.means_of_draws(overlaps.to_numpy(), size, draws=DRAWS, seed=seed)
    return pd.DataFrame(means, columns=overlaps.columns)


def groups(paper: Mapping[str, float], apart: float = 0.001) -> list[list[str]]:
    """The paper's order of the methods; those that differ by less than `apart` share a place."""
    ordered = sorted(paper, key=lambda name: -paper[name])
    found = [[ordered[0]]]
    for name, before in zip(ordered[1:], ordered[:-1], strict=True):
        if paper[before] - paper[name] < apart:
            found[-1].append(name)
        else:
            found.append([name])
    return found


def orders_table(draws: Mapping[str, pd.DataFrame], paper: Mapping[str, float]) -> pd.DataFrame:
    """By network, in what share (%) of draws the paper's order appears, and its opposite."""
    table = {}
    for network, means in draws.items():
        columns = {name: place for place, name in enumerate(means.columns)}
        order = [[columns[name] for name in group] for group in groups(paper)]
        found = small_samples.shares_of_orders(means.to_numpy(), order)
        best = groups(paper)[0][0]
        table[network] = {
            f"{best} first": 100 * found["first"],
            f"{best} last": 100 * found["last"],
            "the whole order": 100 * found["whole"],
            "the whole order reversed": 100 * found["reversed"],
        }
    return pd.DataFrame(table).T.rename_axis("network")


def pairs_table(
    overlaps: pd.DataFrame,
    means: pd.DataFrame,
    pairs: Sequence[Sequence[str]],
    paper: Mapping[str, float],
) -> pd.DataFrame:
    """By pair of methods: the paper's lead, ours over all images, and what seven images show."""
    rows = {}
    for first, second in pairs:
        difference, seen = overlaps[first] - overlaps[second], means[first] - means[second]
        rows[f"{first} - {second}"] = {
            "the paper": paper[first] - paper[second],
            "ours, all images": difference.mean(),
            "standard error of seven": difference.std() / math.sqrt(SIZE),
            "first above second (% of draws)": 100 * (seen > 0).mean(),
            "reversed (% of draws)": 100 * (seen < 0).mean(),
        }
    return pd.DataFrame(rows).T.rename_axis("pair")


def told(orders: pd.DataFrame, pairs: pd.DataFrame, best: str, images: int) -> str:
    """What seven images show on the first network of `orders`, in three sentences.

    Parameters
    ----------
    orders, pairs
        From :func:`orders_table` and :func:`pairs_table`.
    best
        The method that the paper finds best.
    images
        From which is drawn.
    """
    row = orders.iloc[0]
    lead = pairs.iloc[0]
    error, theirs = lead["standard error of seven"], lead["the paper"]
    than, pair = "less" if theirs < error else "more", pairs.index[0].replace(" - ", " over ")
    return (
        f"{SIZE} images, drawn {DRAWS:,} times from our {images}, show {best} first in "
        f"{percent(row[f'{best} first'] / 100)} of the draws and last in "
        f"{percent(row[f'{best} last'] / 100)}; the paper's whole order in "
        f"{percent(row['the whole order'] / 100)}, and its reverse in "
        f"{percent(row['the whole order reversed'] / 100)}. The paper's lead of {pair} "
        f"is {theirs:.4f}, {than} than one standard error of so few of our images, {error:.3f}. "
        f"{_reading(row, best)}"
    )


def _reading(row: pd.Series, best: str) -> str:
    first, last = row[f"{best} first"], row[f"{best} last"]
    if first >= 95:
        return f"So even few images would show {best} first."
    if first <= 5 and last <= 5:
        return f"So few images seldom show {best} at either end of the order."
    if first <= 5:
        return f"So even few images would seldom show {best} first."
    return f"So a table of that size may show {best} first or not, by the choice of images alone."
