"""The notebook before a run, from its source, and after it, as it is committed."""

import ast
from pathlib import Path
from typing import Any

from helpers.store import shards


def source(file: Path, given: dict[str, Any]) -> Any:
    """A notebook of ``notebooks/`` ready to run: values in its parameters cell, no pairing.

    Values that stand in the parameters cell hold when Papermill runs the executed notebook again
    with others, which replace only what it injects. With a shard it ends behind its parts.
    """
    import jupytext

    notebook = jupytext.read(file)
    if given.get(shards.PARAMETER):
        notebook.cells = cut(notebook.cells)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = with_values(cell.source, given)
    notebook.metadata.pop("jupytext", None)
    return notebook


def cut(cells: list[Any]) -> list[Any]:
    """A notebook's cells up to those that make its parts, and a last one that ends the run there.

    Raises
    ------
    ValueError
        If no cell is tagged :data:`helpers.store.shards.TAG`.
    """
    from nbformat import v4

    last = [n for n, cell in enumerate(cells) if shards.TAG in cell.metadata.get("tags", [])]
    if not last:
        raise ValueError(f"no cell of the notebook is tagged {shards.TAG!r}; it cannot be cut")
    return [*cells[: last[-1] + 1], v4.new_code_cell("notebook.finish_part(session)")]


def with_values(code: str, values: dict[str, Any]) -> str:
    """Python code with other values in its assignments; comments and the rest stay."""
    lines = code.splitlines()
    for node in reversed(ast.parse(code).body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if not isinstance(target, ast.Name) or target.id not in values or value is None:
            continue
        row, line = value.lineno - 1, lines[value.lineno - 1].encode()
        if value.end_lineno == value.lineno:
            new = repr(values[target.id]).encode()
            line = line[: value.col_offset] + new + line[value.end_col_offset :]
            lines[row] = line.decode()
    return "\n".join(lines)


def finished(notebook: Any, card: dict[str, Any]) -> Any:
    """The executed notebook as it is committed: in the order of execution, nothing volatile inside.

    What a page shows on top and what it folds is the book's: `helpers.report.executed_pages`.
    """
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell["id"] = "injected-parameters"
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_aside(output)]
    notebook.metadata.pop("papermill", None)
    notebook.metadata["provenance"] = card
    return notebook


def _is_aside(output: Any) -> bool:
    """Progress and warnings: they went to the terminal, and warnings name paths of the machine."""
    return output.output_type == "stream" and output.name == "stderr"
