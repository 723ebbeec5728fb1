"""The page of equations: paper, equation, function with its source, tests; from the docstrings.

The files are read, not imported, so that the page needs no torch.
"""

import ast
from pathlib import Path
from typing import NamedTuple

from helpers.report import docstrings, references, render
from helpers.store import paths

ROOMS = {
    "papers": "The papers' methods",
    "measures": "Measures",
    "trials": "The papers' tests of a method",
    "planted": "The tests on trial",
    "saliency": "Further methods",
}
SHOWN_TESTS = 8  # at most, of a function


class Equation(NamedTuple):
    """A function or class whose docstring states an equation or cites where a paper has it."""

    name: str
    label: str  # the target of links to it on the page
    line: int
    sources: list[tuple[str, str]]  # papers, and where in them, as far as the docstring says
    description: str  # Markdown
    parameters: str  # Markdown
    code: str  # without the docstring
    tests: list[str]


class SourceFile(NamedTuple):
    """A file with its equations."""

    path: str  # from the project's root
    description: str  # Markdown
    equations: list[Equation]


def source_files(
    helpers: Path = paths.HELPERS, tests: Path = paths.ROOT / "tests"
) -> dict[str, list[SourceFile]]:
    """By room, the files of helpers whose functions or classes state or cite an equation."""
    tests_of = references.tests_by_function(tests)
    read = {
        room: [_read(room, file, tests_of) for file in sorted((helpers / room).glob("*.py"))]
        for room in ROOMS
    }
    return {room: [file for file in files if file.equations] for room, files in read.items()}


def equations_page(rooms: dict[str, list[SourceFile]]) -> str:
    """Write the index by papers, then each function with its equation, code and tests."""
    chapters = references.CHAPTERS
    by_paper: dict[str, list[dict]] = {}
    for equation in (one for files in rooms.values() for file in files for one in file.equations):
        for paper, place in equation.sources:
            if place or paper in chapters:
                by_paper.setdefault(paper, []).append({"place": place, "equation": equation})
    others = sorted(set(by_paper) - set(chapters))
    listed = {id(row["equation"]) for rows in by_paper.values() for row in rows}
    ours = [
        {"place": "", "equation": equation}
        for files in rooms.values()
        for file in files
        for equation in file.equations
        if id(equation) not in listed
    ]
    return render.markdown(
        "equations",
        papers=[(name, chapters[name], by_paper[name]) for name in chapters if name in by_paper],
        others=[(name, by_paper[name]) for name in others],
        ours=ours,
        rooms=[(ROOMS[room], files) for room, files in rooms.items() if files],
        shown_tests=SHOWN_TESTS,
    )


def _read(room: str, file: Path, tests_of: dict[str, list[str]]) -> SourceFile:
    source = file.read_text(encoding="utf-8")
    tree = ast.parse(source)
    about = ast.get_docstring(tree) or ""
    paper = references.paper_of(about) if room == "papers" else ""
    equations = []
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        description, sections = docstrings.sections(ast.get_docstring(node) or "")
        sources = references.citations(description, paper)
        if "math::" not in description and not any(place for _, place in sources):
            continue
        equations.append(
            Equation(
                name=node.name,
                label=f"equation-{room}-{file.stem}-{node.name}".replace("_", "-").lower(),
                line=node.lineno,
                sources=sources or ([(paper, "")] if paper else []),
                description=docstrings.to_markdown(description),
                parameters=docstrings.as_definition_list(sections.get("Parameters", "")),
                code=_without_docstring(source, node),
                tests=tests_of.get(f"helpers.{room}.{file.stem}.{node.name}", []),
            )
        )
    path = f"helpers/{room}/{file.name}"
    return SourceFile(path, docstrings.to_markdown(about), equations)


def _without_docstring(source: str, node: ast.FunctionDef | ast.ClassDef) -> str:
    """The source of a function or class, with its comments, but for its docstring."""
    lines = source.splitlines()
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    docstring = node.body[0]
    before = lines[first - 1 : docstring.lineno - 1]
    return "\n".join(before + lines[docstring.end_lineno : node.end_lineno])
