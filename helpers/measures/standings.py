"""Ranks of methods in a table of all tests, and which methods no faster one surpasses."""

import math

import pandas as pd

CONTROL = "control"  # the kind of a map that knows nothing of the network
COST, SECONDS = "cost", "seconds an image"  # the test and the measure that time a method
_GROUP = ["network", "test", "measure"]


def with_places(table: pd.DataFrame) -> pd.DataFrame:
    """Rank each row within its network, test and measure, and add what its method costs.

    Parameters
    ----------
    table
        A row a network, test, measure and method, with the columns ``value`` (NaN: a gap) and
        ``better`` (1: more is better, -1: less, 0: neither, then the largest comes first); with a
        column ``n``, values of fewer than two images get no place.

    Returns
    -------
    pandas.DataFrame
        The table, its index renewed, with the columns ``place`` (1: best; equal values share the
        smallest), ``of`` (how many have a value), ``seconds`` (an image, NaN where not measured),
        ``front`` (no faster method has as good a place: the Pareto front of place and seconds).
    """
    table = table.reset_index(drop=True)
    better = table.value * table.better.where(table.better != 0, 1)
    if "n" in table:
        better = better.where(table.n >= 2)
    group = better.groupby([table[key] for key in _GROUP])
    timed = table[(table.test == COST) & (table.measure == SECONDS)]
    seconds = timed.set_index(["network", "method"]).value.rename("seconds")
    places = table.assign(
        place=group.rank(ascending=False, method="min"), of=group.transform("count")
    ).join(seconds, on=["network", "method"])
    by_speed = places.dropna(subset=["place", "seconds"]).sort_values("seconds", kind="stable")
    best_so_far = by_speed.groupby(_GROUP).place.cummin()
    best_faster = best_so_far.groupby([by_speed[key] for key in _GROUP]).shift(fill_value=math.inf)
    return places.assign(front=places.place < best_faster.reindex(places.index))


def controls_in_upper_half(places: pd.DataFrame) -> pd.DataFrame:
    """The controls that rank in the upper half of a test, each test's best one first.

    A control knows nothing of the network's decision: where it ranks high, the test measures
    something else. Takes rows as :func:`with_places` gives them.
    """
    high = (places.kind == CONTROL) & (places.place <= places.of / 2)
    return places[high].sort_values("place", kind="stable")


def pareto_front(places: pd.DataFrame) -> pd.DataFrame:
    """The methods that no faster one equals or surpasses, the fastest first.

    Takes rows as :func:`with_places` gives them.
    """
    return places[places.front].sort_values("seconds", kind="stable")
