"""The first and the last cell of every notebook: settle the parameters, publish what was found.

So a notebook does and says the same however it is run: by ``python -m helpers.run``, by plain
Papermill from any folder, or cell by cell in Jupyter with an edited parameters cell.
"""

import html
import json
import os
import time
from typing import Any, NamedTuple

import pandas as pd
from IPython.display import Markdown, display

from helpers.inputs import devices
from helpers.report import claims, opening, registration
from helpers.run import card as cards
from helpers.run import costs, history, origin, parameters
from helpers.store import paths, shards

RESULTS = "application/vnd.xai.results+json"  # the type of what finish() publishes


class Session(NamedTuple):
    """A run under way.

    Attributes
    ----------
    name
        The notebook.
    values
        Its settled parameters, "profile" among them.
    profile
        What the profile asks for.
    given
        Names of the parameters that were given, not taken from the profile.
    started
        When it began, on the clock of :func:`time.monotonic`.
    cells
        How many cells the kernel had executed by then.
    """

    name: str
    values: dict[str, Any]
    profile: dict[str, Any]
    given: frozenset[str]
    started: float
    cells: int


_latest: dict[str, Session] = {}  # of this kernel, by notebook


def begin(name: str, namespace: dict[str, Any]) -> Session:
    """Settle a notebook's parameters in its namespace, or refuse them before any work.

    A parameter that is None was not given: the profile's value takes its place. What was given
    wins over the profile. Running the cell twice changes nothing.

    Raises
    ------
    parameters.WrongParameter
        If the profile or a parameter is unknown, a value has the wrong type or is out of range, or
        ``XAI_DEVICE`` names a device that this machine has not.
    """
    _check_device()
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # foolbox imports it, git or none
    settings = parameters.settings(name)
    cells = history.executed()
    position, texts = history.parameters_cells(cells)
    for key in (key for text in texts for key in history.assigned(text)):
        if key not in ("profile", *settings["parameters"]):
            parameters.resolve(name, "smoke", [(key, None)])  # raises: there is no such parameter
    profile = namespace.get("profile") or "smoke"
    given = {
        key: namespace[key]
        for key in settings["parameters"]
        if namespace.get(key) is not None and not _settled_before(name, key, namespace, position)
    }
    values = parameters.resolve(name, profile, given.items())
    namespace.update(values)
    origin.begin(name, values)
    base = settings["profiles"][profile]
    session = Session(name, values, base, frozenset(given), time.monotonic(), len(cells))
    _latest[name] = session
    _show_parameters(session, settings["parameters"])
    return session


def _check_device() -> None:
    try:
        devices.chosen()
    except ValueError as error:
        raise parameters.WrongParameter(str(error)) from error


def _settled_before(name: str, key: str, namespace: dict[str, Any], position: int) -> bool:
    """Whether a value stems from the profile, by an earlier begin() with the same parameters cell.

    A parameters cell that ran again since (at `position` among the cells) has set all anew.
    """
    latest = _latest.get(name)
    if latest is None or position >= latest.cells or key in latest.given:
        return False
    return bool(namespace[key] == latest.values[key])


def _show_parameters(session: Session, rules: dict[str, dict]) -> None:
    """One line, and folded beneath it all parameters with their origin and what they may be."""
    changed = {
        key: value
        for key, value in session.values.items()
        if key != "profile" and session.profile[key] != value
    }
    told = ", ".join(f"{key} = {value!r}" for key, value in changed.items())
    line = f"Profile {session.values['profile']}" + (f", with {told}." if told else ".")
    line = " ".join([line, *costs.notes(session.name, session.values, devices.chosen())])
    rows = [
        (
            key,
            str(session.values[key]),
            "given" if key in session.given else "profile",
            parameters.allowed(rule),
            rule.get("description", ""),
        )
        for key, rule in rules.items()
    ]
    head = ("parameter", "value", "from", "may be", "meaning")
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    table = "<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + f"</tr>{body}"
    folded = (
        f'<details class="parameters"><summary>{html.escape(line)}</summary>'
        f"<table>{table}</table></details>"
    )
    display({"text/html": folded, "text/plain": line}, raw=True)


def finish(
    session: Session,
    measured: pd.DataFrame,
    sentences: list[str],
    *,
    finding: str = "",
    readings: pd.DataFrame | None = None,
    files: dict[str, str] | None = None,
) -> None:
    """Show the first screen, the verdict and the run card; publish the results for the runner.

    What a chapter with a question of its own (``data/reported/questions.yaml``) found is built from
    its verdicts, never typed. The run card keeps what each row promised when it was judged.

    Parameters
    ----------
    session
        From :func:`begin`.
    measured
        From :meth:`helpers.report.claims.Measurements.table`.
    sentences
        The verdict in words.
    finding
        One or two sentences, of a notebook without such a question.
    readings
        From :meth:`helpers.report.claims.Measurements.readings`, if there are any.
    files
        Further results, by the end of their file's name, such as ``-matrix.csv``.

    Raises
    ------
    parameters.WrongParameter
        If the run is of a shard, which is no result.
    """
    if part := session.values.get(shards.PARAMETER):
        raise parameters.WrongParameter(
            f"{shards.PARAMETER} is {part!r}, and a part of the work is no result; run the "
            "notebook without it to merge what is kept"
        )
    seconds = time.monotonic() - session.started
    card = cards.run_card(session.name, session.values, session.profile, seconds)
    first_screen = ""
    if session.name in opening.questions():
        judged = claims.judge(measured, session.name, readings)
        first_screen = opening.opening(session.name, judged)
        finding = opening.finding(session.name, judged)
    card["finding"] = finding
    if (paths.REPORTED / f"{session.name}.csv").exists():
        card["claims"] = registration.digests(claims.reported(session.name))
    if edited := history.edits(paths.NOTEBOOKS / f"{session.name}.py", history.executed()):
        card["edited"] = edited
    results = {".csv": measured.round(6).to_csv(index=False)}
    if readings is not None and len(readings):
        results["-readings.csv"] = readings.round(6).to_csv(index=False)
    content = {
        "files": {**results, **(files or {})},
        "card": json.dumps(card),  # as text, so that its lines keep their order
    }
    told = f"{len(measured)} measurements of {measured.key.nunique()} claims"
    if first_screen:
        display(Markdown(first_screen))
    display(Markdown("**Verdict.** " + " ".join(sentences)))
    display({"text/html": cards.as_html(card), "text/plain": cards.as_text(card)}, raw=True)
    display({"text/plain": told, RESULTS: content}, raw=True)


def finish_part(session: Session) -> None:
    """End the run of a shard: its parts are kept, and it publishes nothing but its run card."""
    seconds = time.monotonic() - session.started
    card = cards.run_card(session.name, session.values, session.profile, seconds)
    text = f"Part {session.values[shards.PARAMETER]} is kept for the run that merges all parts."
    display(Markdown(text))
    display({"text/plain": text, RESULTS: {"files": {}, "card": json.dumps(card)}}, raw=True)
