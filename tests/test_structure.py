"""Rules of the house: what a room may import, how long files and cells are, how notebooks work."""

import ast
import builtins
import re
import subprocess
import sys

import jupytext
import pytest
import yaml

import helpers
from helpers.run import parameters
from helpers.store import paths

ROOMS = dict(re.findall(r"^``(\w+)``.* {2,}(\S.*)$", helpers.__doc__, re.MULTILINE))
FILES = sorted(file for room in ROOMS for file in (paths.HELPERS / room).rglob("*.py"))
NOTEBOOKS = sorted(paths.NOTEBOOKS.glob("*.py"))
LINES_OF_A_FILE, LINES_OF_A_NOTEBOOK, LINES_OF_A_CELL = 300, 500, 30


def named(file):
    return file.relative_to(paths.ROOT).as_posix()


# --- rooms ---


def allowed(room):
    """What a room may import, from the table of rooms, as prefixes of ``helpers.``."""
    rule = ROOMS[room]
    rooms = list(ROOMS)
    if rule == "all":
        return rooms
    if rule == "the rooms above":
        return rooms[: rooms.index(room) + 1]
    return [room, *([] if rule == "nothing of ours" else rule.split(", "))]


def imported(file):
    """Modules of ours that a file imports anywhere, such as ``papers.checks``."""
    modules = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "helpers":
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names if alias.name.startswith("helpers")}
    return {module.removeprefix("helpers.") for module in modules}


def test_every_folder_of_helpers_is_a_room_with_a_rule():
    folders = {file.parent.name for file in paths.HELPERS.glob("*/__init__.py")}

    assert folders == set(ROOMS)
    assert ROOMS["papers"] == ROOMS["measures"] == ROOMS["store"] == "nothing of ours"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_its_rule_allows(room):
    for file in sorted((paths.HELPERS / room).rglob("*.py")):
        wrong = [
            module
            for module in imported(file)
            if not any(f"{module}.".startswith(f"{prefix}.") for prefix in allowed(room))
        ]
        assert not wrong, f"{named(file)} imports {wrong}; {room} may import {ROOMS[room]}"


def test_no_room_knows_a_notebook():
    for file in FILES:
        assert "notebooks" not in {m.split(".")[0] for m in imported(file)}, named(file)


def test_the_report_loads_without_torch_and_compiles_no_grammar():
    modules = [
        ".".join(file.relative_to(paths.ROOT).with_suffix("").parts)
        for file in sorted((paths.HELPERS / "report").rglob("*.py"))
        if file.stem != "__init__"
    ]
    heavy = "{'torch', 'lark'} & {*sys.modules}"  # lark: jsonschema's, see helpers/__init__.py
    code = f"import sys, {', '.join(modules)}; sys.exit(', '.join({heavy}) or 0)"

    done = subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True)

    assert done.returncode == 0, done.stderr.decode()[-2000:]


@pytest.mark.parametrize("file", FILES, ids=named)
def test_no_file_is_too_long(file):
    assert len(file.read_text().splitlines()) <= LINES_OF_A_FILE


# --- docstrings ---

SHAPE = re.compile(r"\([\w*. /+' ]*,[\w*.,/+' ]*\)|images' shape|same shape|of any shape", re.ASCII)
WITHOUT_SHAPE = {  # of functions whose tensors have no fixed shape, with the reason
    "helpers/store": "files and digests of any tensors",
    "helpers/run": "passes tensors on",
}


def functions_of_tensors():
    """Public functions with a tensor in their signature: (file, name, docstring)."""
    for file in FILES:
        if any(named(file).startswith(room) for room in WITHOUT_SHAPE):
            continue
        for node in ast.parse(file.read_text()).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            args = node.args
            hints = [a.annotation for a in args.posonlyargs + args.args + args.kwonlyargs]
            text = " ".join(ast.unparse(hint) for hint in [*hints, node.returns] if hint)
            if re.search(r"\bTensor\b", text):
                yield pytest.param(node, id=f"{named(file)}:{node.name}")


@pytest.mark.parametrize("function", functions_of_tensors())
def test_a_public_function_of_tensors_states_their_shapes(function):
    assert SHAPE.search(ast.get_docstring(function) or ""), ast.get_docstring(function)


@pytest.mark.parametrize("file", FILES, ids=named)
def test_every_public_function_and_class_has_a_docstring(file):
    missing = [
        node.name
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not missing


# --- notebooks ---


def cells(file):
    return jupytext.read(file).cells


def code_lines(source):
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") for line in source.split("\n")
    )


def tree_of(cell):
    """The cell's syntax; lines of IPython's own are comments here."""
    return ast.parse(re.sub(r"^[%!]", "#", cell.source, flags=re.MULTILINE))


def only_defines(cell):
    """Whether a cell only imports and defines: functions, classes and constants in capitals."""
    return all(
        isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in tree_of(cell).body
    )


@pytest.mark.parametrize("file", NOTEBOOKS, ids=named)
def test_a_notebook_is_short(file):
    total = sum(code_lines(cell.source) for cell in cells(file) if cell.cell_type == "code")

    assert total <= LINES_OF_A_NOTEBOOK


@pytest.mark.parametrize("file", NOTEBOOKS, ids=named)
def test_no_cell_of_code_is_long(file):
    long = {
        cell.source.split("\n")[0]: code_lines(cell.source)
        for cell in cells(file)
        if cell.cell_type == "code" and code_lines(cell.source) > LINES_OF_A_CELL
    }
    assert not long


@pytest.mark.parametrize("file", NOTEBOOKS, ids=named)
def test_text_stands_between_cells_of_code_unless_the_first_only_defines(file):
    bare = [
        second.source.split("\n")[0]
        for first, second in zip(cells(file), cells(file)[1:], strict=False)
        if first.cell_type == second.cell_type == "code" and not only_defines(first)
        and "notebook.begin" not in first.source and "parameters" not in tags(first)
    ]  # fmt: skip
    assert not bare


def tags(cell):
    return cell.metadata.get("tags", [])


def parameters_cell(file):
    (cell,) = [cell for cell in cells(file) if "parameters" in tags(cell)]
    return cell


@pytest.mark.parametrize("name", yaml.safe_load(parameters.SETTINGS.read_text()))
def test_every_profile_sets_every_parameter(name):
    chosen = yaml.safe_load(parameters.SETTINGS.read_text())[name]

    assert list(chosen["profiles"]) == list(parameters.PROFILES)
    for values in chosen["profiles"].values():
        assert set(values) == set(chosen["parameters"])


@pytest.mark.parametrize("file", NOTEBOOKS, ids=named)
def test_each_parameter_has_a_type_and_a_comment_and_leaves_its_value_to_the_profile(file):
    known = yaml.safe_load(parameters.SETTINGS.read_text())[file.stem]["parameters"]
    source = parameters_cell(file).source
    profile, *others = ast.parse(source).body

    assert all(isinstance(node, ast.AnnAssign) for node in (profile, *others))
    assert (profile.target.id, profile.value.value) == ("profile", "smoke")
    assert [node.target.id for node in others] == list(known)
    assert all(node.value.value is None for node in others)
    lines = source.split("\n")
    assert all(re.search(r"  # \w", lines[node.end_lineno - 1]) for node in (profile, *others))


def stores(node):
    """Names that a piece of syntax binds outside of functions and classes."""
    names = set()
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        names.add(node.id)
    for child in ast.iter_child_nodes(node):
        names |= stores(child)
    return names


def outside_functions(node):
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            yield from outside_functions(child)


def root(node):
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


GROWS = {"append", "extend", "insert", "update", "add", "pop", "remove", "setdefault", "clear"}


@pytest.mark.parametrize("file", NOTEBOOKS, ids=named)
def test_a_cell_that_runs_twice_grows_nothing_of_another_cell(file):
    wrong = []
    for cell in cells(file):
        if cell.cell_type != "code":
            continue
        tree = tree_of(cell)
        grown = {
            node.target.id
            for node in outside_functions(tree)
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)
        }
        own = {name for statement in tree.body for name in plain_stores(statement)}
        for node in outside_functions(tree):
            if isinstance(node, ast.AugAssign):
                grown.add(root(node.target))
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if called and node.func.attr in GROWS:
                grown.add(root(node.func))
        wrong += sorted(name for name in grown - own if name)
    assert not wrong


def plain_stores(node):
    """Names bound by something else than ``+=``."""
    names = set()
    for part in outside_functions(node):
        if isinstance(part, ast.AugAssign):
            continue
        targets = [*getattr(part, "targets", []), getattr(part, "target", None)]
        for target in filter(None, targets):
            names |= stores(target)
        if isinstance(part, ast.Import | ast.ImportFrom):
            names |= stores(part)
        for item in getattr(part, "items", []):
            names |= stores(item.optional_vars) if getattr(item, "optional_vars", None) else set()
    return names


def free_names(function):
    """Names that a function reads and does not bind: its globals."""
    bound, read = set(), set()
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ExceptHandler):
            bound.add(node.name)
        elif isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
    return read - bound - set(dir(builtins))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=named)
def test_a_function_of_a_notebook_takes_what_it_needs_as_arguments(file):
    """Imports, other functions, constants in capitals and parameters may be read."""
    code = [cell for cell in cells(file) if cell.cell_type == "code"]
    known = yaml.safe_load(parameters.SETTINGS.read_text())[file.stem]["parameters"]
    statements = [statement for cell in code for statement in tree_of(cell).body]
    visible = {"profile", *known} | {
        name
        for statement in statements
        if isinstance(
            statement, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom | ast.With
        )
        for name in stores(statement)
    }
    wrong = {
        f"{statement.name} reads {name}"
        for statement in statements
        if isinstance(statement, ast.FunctionDef)
        for name in free_names(statement) - visible
        if not name.isupper()
    }
    assert not wrong
