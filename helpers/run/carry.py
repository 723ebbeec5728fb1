"""Carry a committed run over to code that was rearranged since: only with evidence, and told.

Running a chapter anew may take hours. Where the present code gives, in the smoke profile, the
values that the code of the committed run gave, the committed run stays; its card says what was
compared, which claims differ and why, and the page shows it. The values to compare with stand in
``data/smoke``, one file a notebook: a change of one of them is a change of a number.
"""

import datetime
import json
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.report import claims, registration
from helpers.run import execute, origin, parameters, seal
from helpers.store import files, paths, reading

SMOKE = paths.SMOKE
PROCESSORS = "processors.csv"  # in it: on which kind of processor; columns name, processor
NUMBERS = ["value", "low", "high", "n"]
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
    for column in NUMBERS:
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
    """The kind of processor on which the smoke values that :func:`values` gives were made."""
    return processor() if _of_here(name).exists() else _processors().get(name, "")


def _of_here(name: str) -> Path:
    """Where smoke values of this kind of processor stand, if some were written beside the record.

    They are, where another kind's rounding leads an attack or a training elsewhere.
    """
    return SMOKE / f"{name}-{processor()}.csv"


def _processors() -> dict[str, str]:
    file = SMOKE / PROCESSORS
    if not file.exists():
        return {}
    known = reading.table(file, ["name", "processor"], key=["name"])
    return dict(zip(known.name, known.processor, strict=True))


def keep(name: str, measured: bytes) -> None:
    """Write a notebook's smoke values, on which processor they were made, and the checksums."""
    if _of_here(name).exists():
        files.write_atomically(_of_here(name), measured)
        files.write_sums(SMOKE)
        return
    rows = sorted({**_processors(), name: processor()}.items())
    lines = ["name,processor", *(",".join(row) for row in rows)]
    files.write_atomically(SMOKE / f"{name}.csv", measured)
    files.write_atomically(SMOKE / PROCESSORS, ("\n".join(lines) + "\n").encode())
    files.write_sums(SMOKE)


def carry(name: str, because: str) -> dict[str, Any]:
    """Run a notebook in smoke, compare, and write what was found into the committed run's card.

    On another kind of processor than that of the record, claims differ whose intervals do not
    overlap, and the record stays. The card's hashes of page and results
    (:mod:`helpers.run.seal`) are written too.

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
        with execute.environment({paths.ALONE: "1"}):  # no data but what is committed
            execute.execute(name, parameters.resolve(name, "smoke", []), output)
        new = output.with_suffix(".csv").read_text(encoding="utf-8")
    kinds = [made_on(name) or processor(), processor()]
    count, changed = differences(values(name), _table(new))
    if unlike := kinds[0] != kinds[1]:  # which round otherwise, and a training makes much of that
        changed = apart(values(name), _table(new))
    if changed and not because:
        raise parameters.WrongParameter(
            f"{name}: {len(changed)} of {count} claims differ ({', '.join(changed)}); say why with "
            f"--because, or run the chapter anew: {made['command']}"
        )
    carried = since_the_run(made.get("carried"), count, changed, because)
    if kinds := kinds if unlike else made.get("carried", {}).get("processors"):
        carried |= {"processors": kinds}  # an earlier time compared by intervals, too
    carried |= {"digest": origin.notebook_digest(name, made["parameters"])}
    carried |= {"from commit": made["commit"]}
    then = {
        "finished": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "claims": registration.digests(claims.reported(name)),
    }
    made = {**made, "carried": carried, registration.CARRIED: then}
    made = seal.sealed(notebook, made, seal.results_of(name))
    notebook["metadata"]["provenance"] = made
    if not unlike:  # else the record stays one of one kind of processor
        keep(name, new.encode())
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


def values(name: str) -> pd.DataFrame:
    """The committed smoke values of a notebook: columns key, arm, value, low, high, n.

    Those of this kind of processor, if there are some, else those of another.

    Raises
    ------
    reading.Damaged
        If the file has changed since it was written, or a cell is no number.
    """
    file = _of_here(name) if _of_here(name).exists() else SMOKE / f"{name}.csv"
    table = reading.table(file, ["key", "arm", *NUMBERS], key=["key", "arm"])
    for column in NUMBERS:  # an empty one is a claim that was not measured
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise reading.Damaged(
                f"{reading.shown(file)}: {column} holds words; expected numbers: "
                f"{reading.mend(file)}"
            )
    return table


def _table(text: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(text))
