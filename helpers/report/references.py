"""Which paper and equation a docstring cites, and which tests refer to a function."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from helpers.report.scorecard import PAPERS

CHAPTERS = {paper.name: paper.chapter for paper in PAPERS if paper.name[-1].isdigit()}
_BOOK = {name.rsplit(" ", 1)[0]: name for name in CHAPTERS}  # authors without the year
_AUTHORS = r"[A-Z][\w-]+(?: et al\.| & [A-Z][\w-]+)?"
_YEAR = r"(?:19|20)\d\d"
_PAPER = re.compile(
    rf"({'|'.join(map(re.escape, _BOOK))}|{_AUTHORS}(?= {_YEAR}\b))(?:'s)?(?: ({_YEAR}))?"
)
_PLACE = re.compile(
    r"(?:Eqs?\.|Algorithms?|Algs?\.|Tables?|Figures?|Sect?s?\.|[Ss]ections?) \d[\d.]*\d?"
    r"(?:(?:, | and | to )\d+)*(?:, \w+ row)?"
)


def citations(text: str, default: str = "") -> list[tuple[str, str]]:
    """The papers that a docstring cites, each with its equations, algorithms or tables.

    ``"Selvaraju et al. 2017, Eqs. 1 and 2; Arya 2024, Eqs. 1 to 3"`` gives ``[("Selvaraju et al.
    2017", "Eqs. 1 and 2"), ("Arya 2024", "Eqs. 1 to 3")]``. Places before the first paper belong
    to `default`, the paper of the file, if it has one.
    """
    text = " ".join(text.split())
    mentions = list(_PAPER.finditer(text))
    starts = [match.end() for match in mentions] + [len(text)]
    stops = [match.start() for match in mentions[1:]] + [len(text)]
    papers = [_full_name(match[1], match[2]) for match in mentions]
    before = text[: mentions[0].start()] if mentions else text
    cited = {default: _places(before)} if default and _places(before) else {}
    for paper, start, stop in zip(papers, starts, stops, strict=False):
        cited[paper] = cited.get(paper, []) + _places(text[start:stop])
    return [(paper, ", ".join(dict.fromkeys(places))) for paper, places in cited.items()]


def paper_of(text: str) -> str:
    """The paper of the book that a file's docstring mentions first, or nothing."""
    match = re.search("|".join(map(re.escape, _BOOK)), " ".join(text.split()))
    return _BOOK[match[0]] if match else ""


def tests_by_function(folder: Path) -> dict[str, list[str]]:
    """For each function of helpers, as ``module.name``, the tests that refer to it.

    A test refers to what its own text names, its decorators and fixtures included, and to what the
    functions and constants of its file that it uses name.
    """
    tests: dict[str, list[str]] = {}
    for file in sorted(folder.glob("test_*.py")):
        for test, functions in _referred(ast.parse(file.read_text(encoding="utf-8"))):
            for function in sorted(functions):
                tests.setdefault(function, []).append(f"{file.stem}::{test}")
    return tests


def _full_name(authors: str, year: str | None) -> str:
    return f"{authors} {year}" if year else _BOOK[authors]


def _places(text: str) -> list[str]:
    return [match[0].rstrip(".,") for match in _PLACE.finditer(text)]


def _referred(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Each test of a file with the functions of helpers that it refers to."""
    modules, functions = _imports(tree)
    direct: dict[str, set[str]] = {}  # what a definition of this file names of helpers
    local: dict[str, set[str]] = {}  # and of this file
    for node in tree.body:
        for name in _defined(node):
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            names |= {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
            attributes = {
                f"{modules[part.value.id]}.{part.attr}"
                for part in ast.walk(node)
                if isinstance(part, ast.Attribute)
                and isinstance(part.value, ast.Name)
                and part.value.id in modules
            }
            direct[name] = attributes | {functions[used] for used in names if used in functions}
            local[name] = names - {name}
    for test in direct:
        if test.startswith("test_"):
            yield test, set().union(*(direct[name] for name in _closure(test, local)))


def _closure(start: str, edges: dict[str, set[str]]) -> set[str]:
    """A definition and all that it uses, directly or through others."""
    closed, waiting = set(), {start}
    while waiting:
        name = waiting.pop()
        closed.add(name)
        waiting |= {used for used in edges[name] if used in edges} - closed
    return closed


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def _imports(tree: ast.Module) -> tuple[dict[str, str], dict[str, str]]:
    """Names of a file that stand for modules of helpers, and those that stand for functions."""
    modules, functions = {}, {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helpers"):
            for alias in node.names:
                name = alias.asname or alias.name
                whole = f"{node.module}.{alias.name}"
                is_module = node.module.count(".") < 2
                (modules if is_module else functions)[name] = whole
    return modules, functions
