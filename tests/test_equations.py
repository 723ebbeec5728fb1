"""The page of equations: what it reads out of docstrings and tests, on files made for it."""

import re

import pytest

from helpers.report import docstrings, equations, references
from helpers.store import paths

METHOD = '''
"""Maps, as Arya ran them."""

from functools import cache

LIMIT = 3


@cache
def scaled(x, factor):
    r"""Scale a map.

    .. math::
        y_i = a \\, x_i,

        a < 1

    Arya 2024, Eq. 4. See :func:`helpers.papers.maps.other` and ``x``; :math:`a` is a factor.

    Parameters
    ----------
    x
        A map,
        (H, W).
    factor
        a.
    """
    return factor * x  # as in the paper


def other(x):
    """No equation."""
    return x


def _private(x):
    """Arya 2024, Eq. 5."""
'''
TESTS = """
from helpers.papers import maps
from helpers.papers.maps import other

CASES = [maps.scaled]

def helper(x):
    return maps.scaled(x, 2)

def fixture():
    return other(1)

def test_directly():
    assert maps.scaled(1, 1) == 1

def test_through_a_helper():
    assert helper(1) == 2

def test_through_a_constant():
    assert CASES

def test_through_a_fixture(fixture):
    assert fixture

def test_of_something_else():
    assert len("maps.scaled")
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "helpers" / "papers").mkdir(parents=True)
    (tmp_path / "helpers" / "papers" / "maps.py").write_text(METHOD)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_maps.py").write_text(TESTS)
    return tmp_path


@pytest.fixture
def read(project):
    return equations.source_files(project / "helpers", project / "tests")


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        (
            "Selvaraju et al. 2017, Eqs. 1 and 2; Arya 2024, Eqs. 1 to 3.",
            [("Selvaraju et al. 2017", "Eqs. 1 and 2"), ("Arya 2024", "Eqs. 1 to 3")],
        ),
        ("(Storn & Price 1997, Algorithm 1)", [("Storn & Price 1997", "Algorithm 1")]),
        ("Ornek & Ceylan's Eq. 5 lost its weights.", [("Ornek & Ceylan 2024", "Eq. 5")]),
        ("Arya 2024, Algorithm 1. As (Eq. 1) says", [("Arya 2024", "Algorithm 1, Eq. 1")]),
        ("Nocedal & Wright 2006, Alg. 7.4, on", [("Nocedal & Wright 2006", "Alg. 7.4")]),
        ("Zhang et al. 2018's game.", [("Zhang et al. 2018", "")]),
        ("LRP-epsilon (Table 1, second row).", [("Paper", "Table 1, second row")]),
        ("The 3 of 2017 are Eq-less.", []),
    ],
)
def test_citation_is_read_as_paper_and_place(text, cited):
    assert references.citations(text, "Paper") == cited


def test_a_place_without_a_paper_is_nobodys_where_the_file_has_no_paper():
    assert references.citations("LRP-epsilon (Table 1).") == []


def test_the_paper_of_a_file_is_the_first_of_the_book_that_it_mentions():
    text = "Maps (Otsu 1979) as Dieter &\nZisgen ran them, before Arya 2024."

    assert references.paper_of(text) == "Dieter & Zisgen 2023"
    assert references.paper_of("Maps (Otsu 1979).") == ""


def test_references_of_a_test_are_followed_through_its_files_own_definitions(project):
    by_function = references.tests_by_function(project / "tests")

    assert by_function == {
        "helpers.papers.maps.scaled": [
            "test_maps::test_directly",
            "test_maps::test_through_a_helper",
            "test_maps::test_through_a_constant",
        ],
        "helpers.papers.maps.other": ["test_maps::test_through_a_fixture"],
    }


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        (".. math:: a < b", "$$\na < b\n$$"),
        (".. math::\n    a\n\n    b\n\nText.", "$$\na\nb\n$$\n\nText."),
        ("that :math:`x <\n1` is", "that $x < 1$ is"),
        ("``code`` and `name` and :func:`~helpers.a.b`", "`code` and `name` and `b`"),
        ("a <b> & `<c>`", "a &lt;b> & `<c>`"),
    ],
)
def test_restructured_text_becomes_markdown(text, markdown):
    assert docstrings.to_markdown(text) == markdown


def test_docstring_is_parted_into_its_sections_and_a_section_into_entries():
    description, sections = docstrings.sections(
        "Words.\n\nReturns\n-------\nint\n    A\n    number.\n"
    )

    assert description == "Words."
    assert docstrings.definitions(sections["Returns"]) == [("int", "A\nnumber.")]


def test_function_is_shown_with_its_equation_and_its_source_without_docstring(read):
    [file] = read["papers"]
    [equation] = file.equations

    assert file.path == "helpers/papers/maps.py"
    assert file.description == "Maps, as Arya ran them."
    assert (equation.name, equation.sources) == ("scaled", [("Arya 2024", "Eq. 4")])
    assert "$$\ny_i = a \\, x_i,\na < 1\n$$" in equation.description
    assert "Parameters" not in equation.description
    assert equation.parameters == "`x`\n: A map,\n  (H, W).\n\n`factor`\n: a.\n"
    assert equation.code == (
        "@cache\ndef scaled(x, factor):\n    return factor * x  # as in the paper"
    )
    assert len(equation.tests) == 3


def test_page_leads_from_the_paper_to_the_function_and_on_to_its_tests(read):
    page = equations.equations_page(read)

    link = "- Eq. 4: [`scaled`](#equation-papers-maps-scaled)"
    assert f"[Arya 2024](runs/gradcam_training.ipynb)\n: {link}\n" in page
    assert "(equation-papers-maps-scaled)=\n#### scaled\n" in page
    assert "- `test_maps::test_through_a_helper`" in page


def test_every_paper_of_the_book_has_an_equation_and_every_link_a_target():
    page = equations.equations_page(equations.source_files())

    for paper, chapter in references.CHAPTERS.items():
        assert f"[{paper}](runs/{chapter}.ipynb)" in page
    targets = re.findall(r"^\((equation-[\w-]+)\)=$", page, re.MULTILINE)
    assert len(targets) == len(set(targets))
    assert set(re.findall(r"\(#(equation-[\w-]+)\)", page)) == set(targets)


def test_every_function_of_the_papers_room_with_an_equation_is_on_the_page_with_its_source():
    stated = sum(
        file.read_text().count("\n    .. math::")
        for file in (paths.HELPERS / "papers").glob("*.py")
    )

    listed = [one for file in equations.source_files()["papers"] for one in file.equations]

    assert sum(one.description.count("$$") // 2 for one in listed) == stated
    assert [one.name for one in listed if not one.sources] == []
