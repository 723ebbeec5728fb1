"""The pages on methods: what each does, whose it is; and which to use for what."""

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from helpers.measures import standings
from helpers.report import leaderboard, order, render, tables, theme
from helpers.store import paths, yaml_files

FILE = paths.BOOK / "methods.yaml"
BLACK_BOX = "Explain a black box"
NEEDS = {  # what a reader wants of a map: the tests that speak of it
    "Debug a decision": ["decision", "insertion and deletion", "randomisation"],
    "Localise an object": ["localisation"],
    BLACK_BOX: ["insertion and deletion"],
    "Explain cheaply": [*tables.FIELD_WORDS],
}
NEEDS_IN_ORDER = {  # the same in the tests of the order over networks
    "Debug a decision": ["decision", "insertion and deletion", "removal", "randomization"],
    "Localize an object": ["localization"],
    BLACK_BOX: ["insertion and deletion", "removal"],
    "Explain cheaply": [*tables.FIELD_WORDS],
}
CHEAP = 0.05  # seconds an image
FIRST = 3  # methods that are named


class Method(NamedTuple):
    """A saliency method: what it does, in two lines, its paper and its function here."""

    name: str
    does: str
    paper: str
    link: str
    code: str
    function: str

    @property
    def anchor(self) -> str:
        """The target of links to it on the page of methods."""
        return anchor(self.name)


def anchor(name: str) -> str:
    """The target of links to a method; ``Grad-CAM++`` and ``Grad-CAM`` have two."""
    return "method-" + re.sub(r"[^a-z0-9]+", "-", name.lower().replace("+", "p")).strip("-")


@lru_cache
def known(file: Path = FILE) -> dict[str, Method]:
    """Every method by its name."""
    listed = yaml_files.tables(file)
    return {name: Method(name, **entry) for name, entry in listed.items()}


def methods_page() -> str:
    """Write each method in two lines with its paper and code."""
    return render.markdown("methods", methods=list(known().values()))


def which_page(table: pd.DataFrame | None, standing: pd.DataFrame | None = None) -> str:
    """Write for each need what is known of the methods, on what, and what is not.

    It follows the order over networks (`standing`, see `order.load`), or the matrix before that.
    """
    if standing is not None:
        all_methods, asked = (
            _deciding(order.as_matrix(standing[standing.among == among]))
            for among in (order.EVERY, order.ASKED)
        )
        found = [
            _need(name, tests, asked if name == BLACK_BOX else all_methods)
            for name, tests in NEEDS_IN_ORDER.items()
        ]
    elif table is not None:
        all_methods = _deciding(table)
        found = [_need(name, tests, all_methods) for name, tests in NEEDS.items()]
    else:
        return render.markdown("not_run", chapter=leaderboard.CHAPTER)
    counts = all_methods.n[all_methods.n > 0]
    return render.markdown(
        "which_method",
        needs=found,
        network=all_methods.network.iloc[0],
        is_order=standing is not None,
        fewest=int(counts.min()),
        most=int(counts.max()),
        field=tables.FIELD_WORDS,
    )


def _deciding(table: pd.DataFrame) -> pd.DataFrame:
    """The deciding rows of a matrix's first network, with places, without costs."""
    places = standings.with_places(table)
    places = places[places.decides & (places.test != standings.COST)]
    return places[places.network == places.network.iloc[0]] if len(places) else places


def _need(name: str, tests: list[str], places: pd.DataFrame) -> dict:
    """The methods that stand first in the tests that speak of a need, controls beside them."""
    rows = places[places.test.isin(tests)]
    if name == BLACK_BOX:
        rows = rows[rows.kind.isin(["black box", "control"])]
    if name == "Explain cheaply":
        rows = rows[(rows.seconds <= CHEAP) | (rows.kind == standings.CONTROL)]
    is_standing = bool((rows.measure == order.STANDING).all())
    stands = order.mean_standing(rows) if is_standing else leaderboard.overall(rows)
    controls = set(rows.method[rows.kind == standings.CONTROL])
    best = [method for method in stands.index if method not in controls][:FIRST]
    above = [
        method for method in stands.index if method in controls and stands[method] > stands[best[0]]
    ]
    return {
        "name": name,
        "tests": [(test, tables.FIELD_WORDS[test]) for test in tests if test in set(rows.test)],
        "best": [_described(method, stands[method], rows) for method in best],
        "controls_above": above,
        "together": _overlap(best, rows) if len(tests) == 1 else None,
    }


def _described(method: str, standing: float, rows: pd.DataFrame) -> dict:
    own = rows[rows.method == method]
    return {
        "name": method,
        "anchor": anchor(method),
        "standing": standing,
        "seconds": theme.number(round(float(own.seconds.iloc[0]), 3)),
        "places": [
            {
                "field": tables.FIELD_WORDS.get(row.test, row.test),
                "place": f"{row.place:.0f}",
                "of": row.of,
            }
            for row in own.itertuples()
            if not pd.isna(row.place)
        ],
    }


def _overlap(best: list[str], rows: pd.DataFrame) -> bool:
    """Whether the first method's interval overlaps with the second one's, in their one test."""
    if len(best) < 2:
        return False
    first, second = (rows[rows.method == method].iloc[0] for method in best[:2])
    return bool(first.low <= second.high and second.low <= first.high)
