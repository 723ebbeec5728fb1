"""Carry a committed run over to code that was rearranged since: only with evidence, and told.

Running a chapter anew may take hours. Where the present code gives, in the smoke profile, the
values that the code of the committed run gave, the committed run stays; its card says what was
compared, which claims differ and why, and the page shows it. The values to compare with stand in
``data/smoke``, one file a notebook: a change of one of them is a change of a number.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.run import execute, origin, parameters, seal
from helpers.store import files, paths, reading

SMOKE = paths.DATA / "smoke"  # what the smoke profile gives, committed
PROCESSORS = SMOKE / "processors.csv"  # on which kind of processor: columns name, processor
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


def apart(old: pd.DataFrame, new: pd.DataFrame) -> list[str]:
    """The claims of which two runs on unlike processors say something else.

    Processors round otherwise, and a training or a search makes much of it: where
    :func:`differences` finds a claim that both measured, on as many observations, it counts only
    if the two intervals do not overlap.

    Parameters
    ----------
    old, new
        Columns key, arm, value, low, high, n.
    """
    both = old.merge(new, on=["key", "arm"], suffixes=("", "_new"))
    overlap = (both.low <= both.high_new) & (both.low_new <= both.high) & (both.n == both.n_new)
    alike = set(both.key[overlap])
    return [key for key in differences(old, new)[1] if key not in alike]


def processor() -> str:
    """The kind of this processor, as far as it decides how torch rounds: such as "AVX2"."""
    import torch

    return torch.backends.cpu.get_cpu_capability()


def made_on(name: str) -> str:
    """The kind of processor on which the committed smoke values of a notebook were made."""
    known = reading.table(PROCESSORS, ["name", "processor"], key=["name"]).set_index("name")
    return str(known.processor.get(name, ""))


def _note_processor(name: str) -> None:
    known = reading.table(PROCESSORS, ["name", "processor"], key=["name"]).set_index("name")
    known.loc[name, "processor"] = processor()
    files.write_atomically(PROCESSORS, known.sort_index().to_csv().encode())


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
        with _alone():
            execute.execute(name, parameters.resolve(name, "smoke", []), output)
        new = output.with_suffix(".csv").read_text(encoding="utf-8")
    known = SMOKE / f"{name}.csv"
    count, changed = differences(_known(known), _table(new))
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
    _note_processor(name)
    files.write_atomically(paths.RESULTS / f"{name}.json", execute.as_file(made))
    files.write_atomically(
        file, (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()
    )
    return carried


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let a run see no data but what is committed, whatever lies in this machine's caches."""
    before = os.environ.get(paths.ALONE)
    os.environ[paths.ALONE] = "1"
    try:
        yield
    finally:
        os.environ.pop(paths.ALONE)
        if before is not None:
            os.environ[paths.ALONE] = before


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


def _known(file: Path) -> pd.DataFrame:
    return reading.table(file, ["key", "arm", "value", "low", "high", "n"], key=["key", "arm"])


def _table(text: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(text))
