"""What was executed in the running kernel: the parameters that were given, and edited cells."""

import ast
from pathlib import Path

INJECTED = "# Parameters"  # how Papermill's cell begins


def executed() -> list[str]:
    """The cells that this kernel executed, in order, as they were typed; none outside IPython."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    history = getattr(shell, "history_manager", None)
    return [] if history is None else list(history.input_hist_raw[1:])


def parameters_cells(cells: list[str]) -> tuple[int, list[str]]:
    """The last parameters cell (one that sets ``profile``) and what Papermill injected after it.

    Returns
    -------
    position
        Of the last of them among the cells, -1 if there is none.
    texts
        The parameters cell first.
    """
    position = -1
    texts: list[str] = []
    for number, cell in enumerate(cells):
        injected = cell.lstrip().startswith(INJECTED)
        if injected and texts:
            position, texts = number, [*texts, cell]
        elif injected or "profile" in assigned(cell):
            position, texts = number, [cell]
    return position, texts


def assigned(cell: str) -> list[str]:
    """The names that a cell sets at its top level."""
    try:
        body = ast.parse(cell).body
    except SyntaxError:  # a magic, or a cell that failed
        return []
    targets = [t for node in body if isinstance(node, ast.Assign) for t in node.targets]
    targets += [node.target for node in body if isinstance(node, ast.AnnAssign)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def edits(file: Path, cells: list[str]) -> str:
    """How the executed cells differ from the notebook's file, in words; empty if they do not.

    The parameters cell may hold other values. What stands after the verdict need not have run.
    """
    if not file.is_file() or not cells:
        return ""
    import jupytext

    code = [cell for cell in jupytext.read(file).cells if cell.cell_type == "code"]
    ends = [n for n, cell in enumerate(code) if "verdict" in cell.metadata.get("tags", [])]
    texts = [cell.source.strip() for cell in code]
    needed = texts[: ends[0] + 1] if ends else texts
    ran = {cell.strip() for cell in cells}
    free = {cell.strip() for cell in cells if cell.lstrip().startswith(INJECTED)}
    free |= {cell.strip() for cell in [*cells, *texts] if "profile" in assigned(cell)}
    other = ran - set(texts) - free - {""}
    missing = set(needed) - ran - free - {""}
    words = [f"{len(other)} cells ran that are not in {file.name}"] if other else []
    words += [f"{len(missing)} of its cells did not run as they stand"] if missing else []
    return "; ".join(words)
