"""The first and the last cell of every notebook: settle the parameters, publish what was found.

So a notebook does and says the same however it is run: by ``python -m helpers.run``, by plain
Papermill from any folder, or cell by cell in Jupyter with an edited parameters cell.
"""

import time
from typing import Any, NamedTuple

import pandas as pd
from IPython.display import Markdown, display

from helpers.run import card as cards
from helpers.run import parameters

RESULTS = "application/vnd.xai.results+json"  # the type of what finish() publishes


class Session(NamedTuple):
    """A run under way: its notebook, its parameters, what the profile asks for, when it began."""

    name: str
    values: dict[str, Any]
    profile: dict[str, Any]
    started: float


def begin(name: str, namespace: dict[str, Any]) -> Session:
    """Settle a notebook's parameters in its namespace, or refuse them before any work.

    A parameter that is None was not given: the profile's value takes its place. What was given
    wins over the profile.

    Raises
    ------
    parameters.WrongParameter
        If the profile or a parameter is unknown, a value has the wrong type or is out of range.
    """
    settings = parameters.settings(name)
    profile = namespace.get("profile") or "smoke"
    given = {
        key: namespace[key] for key in settings["parameters"] if namespace.get(key) is not None
    }
    values = parameters.resolve(
        name, profile, [(key, _text(value)) for key, value in given.items()]
    )
    namespace.update(values)
    base = settings["profiles"][profile]
    changed = {key: value for key, value in values.items() if base.get(key, value) != value}
    told = ", ".join(f"`{key}` = {value!r}" for key, value in changed.items())
    display(Markdown(f"Profile **{profile}**" + (f", with {told}." if told else ".")))
    return Session(name, values, base, time.monotonic())


def finish(
    session: Session,
    measured: pd.DataFrame,
    sentences: list[str],
    *,
    finding: str,
    files: dict[str, str] | None = None,
) -> None:
    """Show the verdict and the run card, and publish the results for the runner to find.

    Parameters
    ----------
    session
        From :func:`begin`.
    measured
        From :meth:`helpers.report.claims.Measurements.table`.
    sentences
        The verdict in words.
    finding
        One or two sentences for the book's front page.
    files
        Further results, by the end of their file's name, such as ``-matrix.csv``.
    """
    card = cards.run_card(
        session.name, session.values, session.profile, time.monotonic() - session.started
    )
    content = {
        "files": {".csv": measured.round(6).to_csv(index=False), **(files or {})},
        "card": card,
        "finding": finding,
    }
    told = f"{len(measured)} measurements of {measured.key.nunique()} claims"
    display(Markdown("**Verdict.** " + " ".join(sentences)))
    display(Markdown(cards.as_markdown(card)))
    display({"text/plain": told, RESULTS: content}, raw=True)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
