"""Execute a notebook aside, and put it in place only if it is whole."""

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.run import bytecode, pages, parameters, seal
from helpers.store import files, paths

RESULTS = "application/vnd.xai.results+json"  # what notebook.finish displays
# glibc's malloc hands every large tensor back to the system and fetches it anew, page by page: half
# of a network's time on a CPU. These let it keep 4 GiB.
MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**32),
          "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}  # fmt: skip
# The Makefile sets the same for tests and bench. On a GPU the attack's history changes its size at
# every step, and would leave holes in the memory without segments that grow.
SCRATCH = "xai-run-"  # how the folder of a run under way begins, in the system's temporary one


def execute(name: str, values: dict[str, Any], file: Path) -> None:
    """Execute a notebook with checked parameters, and put it and its results in place.

    Parameters
    ----------
    name
        The notebook.
    values
        From :func:`helpers.run.parameters.resolve`. The notebook is given the profile, and what
        differs from it.
    file
        Where the executed notebook goes; results go beside it, under its name, or into
        ``data/results`` where it is the committed run.

    Raises
    ------
    RuntimeError
        If a cell failed or was not run, or nothing was published; the message says where the
        broken notebook lies. Also if something was edited meanwhile, or the run is to be committed
        and its code is no commit's.
    """
    import nbformat

    bytecode.check_by_content(paths.HELPERS)
    base = parameters.settings(name)["profiles"][values["profile"]]
    given = {key: value for key, value in values.items() if base.get(key) != value}
    executed, reason = _executed(pages.source(paths.NOTEBOOKS / f"{name}.py", given), given)
    if executed is None:
        raise RuntimeError(f"{name} did not start: {reason}")
    reason = reason or unfinished(executed)
    content = None if reason else published(executed)
    if content is None:
        broken = paths.FAILED / _broken_name(file)
        files.write_atomically(broken, nbformat.writes(executed).encode())
        reason = reason or "it published nothing; a notebook ends with notebook.finish"
        raise RuntimeError(f"{reason}\nThe broken run is kept in {shown(broken)}")
    results, card = content
    _refuse_untraceable(card, file)
    whole = pages.finished(executed, card)
    encoded = {ending: text.encode() for ending, text in results.items()}
    card = seal.sealed(whole, card, encoded)
    whole.metadata["provenance"] = card
    folder = paths.RESULTS if file.parent == paths.RUNS else file.parent
    for ending, whole_file in {**encoded, ".json": as_file(card)}.items():
        files.write_atomically(folder / f"{file.stem}{ending}", whole_file)
    files.write_atomically(file, nbformat.writes(whole).encode())


def as_file(card: dict[str, Any]) -> bytes:
    """A run card as its file holds it."""
    return (json.dumps(card, indent=1) + "\n").encode()


def _refuse_untraceable(card: dict[str, Any], file: Path) -> None:
    """Refuse a run of which nobody can tell what made it.

    Raises
    ------
    RuntimeError
        If something was edited while it ran, or a run to be committed is of no commit.
    """
    if card.get("edited"):
        raise RuntimeError(f"{card['edited']}, so that nobody can tell what made it; run it again")
    if file.parent == paths.RUNS and card["commit"].endswith("+"):
        raise RuntimeError(
            f"it is to be the committed run, but files differed from commit {card['commit'][:-1]} "
            "when it began; commit them first, or give --output"
        )


def _broken_name(file: Path) -> str:
    """Where a broken run is kept: runs of one name from different folders do not meet."""
    if file.parent == paths.RUNS:
        return file.name
    return f"{file.stem}-{hashlib.sha256(str(file).encode()).hexdigest()[:6]}.ipynb"


def clear_left_behind() -> None:
    """Remove what killed runs left: scratch folders, and files that were half written."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        process = folder.name.removeprefix(SCRATCH).partition("-")[0]
        if process.isdigit() and not files.is_running(int(process)):
            shutil.rmtree(folder, ignore_errors=True)
    for folder in (paths.CACHE, paths.RESULTS, paths.FAILED, paths.RUNS, paths.BOOK / "_made"):
        with contextlib.suppress(OSError):  # read-only: the run itself says so
            files.clear_unfinished(folder)


def _executed(notebook: Any, given: dict[str, Any]) -> tuple[Any, str]:
    """The notebook as Papermill left it, if it began, and the error that ended it."""
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError

    from helpers.run import one_write

    os.environ.update(MEMORY | os.environ)  # the kernel inherits them
    error = ""
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-") as scratch:
        source, made = Path(scratch) / "in.ipynb", Path(scratch) / "out.ipynb"
        nbformat.write(notebook, source)
        try:
            with _kernel_within(Path(scratch)):
                papermill.execute_notebook(
                    source,
                    made,
                    given,
                    kernel_name="python3",
                    language="python",
                    engine_name=one_write.NAME,
                    stderr_file=sys.stderr,
                )
        except (PapermillExecutionError, OSError, RuntimeError) as caught:
            error = str(caught)
        return (nbformat.read(made, as_version=4) if made.exists() else None), error


@contextlib.contextmanager
def _kernel_within(scratch: Path) -> Iterator[None]:
    """Let the kernel keep its files in a run's scratch folder, and say nothing of being stopped.

    So a killed kernel's files go with the folder, and no start-up file of the user's counts.
    """
    profile = scratch / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    config = "c = get_config()\nc.Application.log_level = 50\n"  # else it logs each Ctrl-C
    (profile / "ipython_kernel_config.py").write_text(config)
    ours = {"JUPYTER_RUNTIME_DIR": str(scratch), "IPYTHONDIR": str(scratch / "ipython")}
    with environment(ours):
        yield


@contextlib.contextmanager
def environment(ours: dict[str, str]) -> Iterator[None]:
    """Set variables of the environment, which a kernel inherits, and put them back afterwards."""
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def unfinished(notebook: Any) -> str:
    """Why a run does not count as whole, or an empty string if it does.

    Papermill's own status is not enough: a killed run has no exception, and one that ran out of
    time has "completed" cells that hold an error.
    """
    record = notebook.metadata.get("papermill", {})
    if record.get("exception") or not record.get("end_time"):
        return "the run broke off before its end"
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if cell.metadata.get("papermill", {}).get("status") != "completed":
            return f"cell {number} was not run"
        if any(output.output_type == "error" for output in cell.outputs):
            return f"cell {number} ended in an error"
    return ""


def published(notebook: Any) -> tuple[dict[str, str], dict[str, Any]] | None:
    """What `notebook.finish` displayed, taken out: texts by the end of their file's name, the card.

    None if it was not called.
    """
    content = None
    for cell in notebook.cells:
        kept = []
        for output in cell.get("outputs", []):
            if RESULTS in output.get("data", {}):
                content = output["data"][RESULTS]
            else:
                kept.append(output)
        if "outputs" in cell:
            cell.outputs = kept
    return None if content is None else (dict(content["files"]), json.loads(content["card"]))


def shown(file: Path) -> Path:
    """A file as it is told to the user: from the project's root, if it lies within."""
    return file.relative_to(paths.ROOT) if file.is_relative_to(paths.ROOT) else file
