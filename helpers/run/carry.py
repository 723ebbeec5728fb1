"""Carry a committed run over to code that was rearranged since: only with evidence, and told.

Running a chapter anew may take hours. Where the present code gives, in the smoke profile, the
values that the code of the committed run gave, the committed run stays; its card says what was
compared, which claims differ and why, and the page shows it. The values to compare with stand in
``data/smoke``, one file a notebook: a change of one of them is a change of a number.
"""

import json
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.run import execute, origin, parameters, seal
from helpers.store import files, paths, reading

SMOKE = paths.DATA / "smoke"  # what the smoke profile gives, committed
TIMED = ("cost/", "time/")  # claims on seconds, which no two runs share
TOLERANCE = 2e-6  # results are rounded to six decimals


def differences(old: pd.DataFrame, new: pd.DataFrame) -> tuple[int, list[str]]:
    """How many claims two runs both measured, and the keys of those that differ.

    Claims on seconds do not count. A claim that only one of the runs measured differs.

    Parameters
    ----------
    old, new
        Columns key, arm, value, low, high, n.
    """
    both = old.merge(new, on=["key", "arm"], how="outer", suffixes=("", "_new"), indicator=True)
    both = both[~both.key.str.startswith(TIMED)]
    differ = both._merge != "both"
    for column in ("value", "low", "high", "n"):
        gap = (both[column] - both[f"{column}_new"]).abs()
        same = (gap <= TOLERANCE) | (both[column].isna() & both[f"{column}_new"].isna())
        differ |= ~same
    return len(both), list(dict.fromkeys(both.key[differ]))


def carry(name: str, because: str) -> dict[str, Any]:
    """Run a notebook in smoke, compare, and write what was found into the committed run's card.

    The card's hashes of page and results (:mod:`helpers.run.seal`) are written too.

    Parameters
    ----------
    name
        The notebook.
    because
        Why claims differ, if any does.

    Returns
    -------
    dict
        What the card holds under "carried".

    Raises
    ------
    parameters.WrongParameter
        If there is no committed run, it is not as it was published, or claims differ and no reason
        is given.
    """
    file = paths.RUNS / f"{name}.ipynb"
    if not file.exists():
        raise parameters.WrongParameter(f"{name} has no committed run to carry over")
    notebook = reading.json_of(file)
    made = notebook["metadata"]["provenance"]
    if seal.KEY in made and (wrong := seal.differences(name)):
        raise parameters.WrongParameter(f"{wrong[0]}; restore it from git, or run the chapter anew")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / f"{name}.ipynb"
        execute.execute(name, parameters.resolve(name, "smoke", []), output)
        new = output.with_suffix(".csv").read_text(encoding="utf-8")
    known = SMOKE / f"{name}.csv"
    count, changed = differences(pd.read_csv(known), _table(new))
    if changed and not because:
        raise parameters.WrongParameter(
            f"{name}: {len(changed)} of {count} claims differ ({', '.join(changed)}); say why with "
            f"--because, or run the chapter anew: {made['command']}"
        )
    carried = since_the_run(made.get("carried"), count, changed, because)
    carried |= {"digest": origin.notebook_digest(name, made["parameters"])}
    carried |= {"from commit": made["commit"]}
    made = seal.sealed(notebook, {**made, "carried": carried}, seal.results_of(name))
    notebook["metadata"]["provenance"] = made
    files.write_atomically(known, new.encode())
    files.write_atomically(paths.RESULTS / f"{name}.json", execute.as_file(made))
    files.write_atomically(
        file, (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()
    )
    return carried


def since_the_run(
    before: dict[str, Any] | None, count: int, changed: list[str], because: str
) -> dict[str, Any]:
    """What differs from the committed run, over all times that it was carried over.

    ``data/smoke`` holds the values of the last time only; what differed before still does.

    Parameters
    ----------
    before
        What the card held of earlier times, if it was carried over before.
    count, changed, because
        This time's number of claims, keys that differ, and the reason.
    """
    earlier = before or {"compared": 0, "changed": [], "because": ""}
    reasons = [earlier["because"], because if changed else ""]
    return {
        "compared": max(count, earlier["compared"]),
        "changed": list(dict.fromkeys([*earlier["changed"], *changed])),
        "because": " ".join(dict.fromkeys(filter(None, reasons))),
    }


def _table(text: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(text))
