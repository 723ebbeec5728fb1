"""What the book shows of an executed notebook, which keeps the order of execution itself."""

import copy
import subprocess
import sys

import nbformat
import pytest

from helpers.report import claims, executed_pages, opening
from helpers.store import paths

CARD = {
    "profile": "laptop",
    "command": "python -m helpers.run small --profile laptop -p text '<b>'",
}


def code(source, *tags):
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})


def executed():
    cells = [
        nbformat.v4.new_markdown_cell("# A title\n\n# no title\ntext", id="title"),
        code("x = 1", "parameters"),
        code("x = 2", "injected-parameters"),
        code("session = notebook.begin('small', globals())"),
        code("short"),
        code("\n".join(["long"] * 13), "picture"),
        code("notebook.finish()", "verdict"),
        code("last"),
    ]
    language = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    return nbformat.v4.new_notebook(cells=cells, metadata={"provenance": CARD, **language})


def test_the_verdict_stands_below_the_title_and_the_rest_keeps_its_order():
    page = executed_pages.as_page(executed())

    assert [cell["source"][:8] for cell in page["cells"]] == [
        "# A titl", "notebook", "*This pa", "x = 1", "x = 2", "session ",
        "short\n\nl", "last",
    ]  # fmt: skip
    assert page["cells"][2]["source"] == "*This page shows the profile **laptop**.*"


def test_long_cells_are_folded_and_machinery_is_hidden():
    page = executed_pages.as_page(executed())

    tags = {cell["source"][:5]: cell["metadata"].get("tags", []) for cell in page["cells"]}
    assert tags["short"] == ["hide-input", "picture"]
    assert tags["noteb"] == ["verdict", "remove-input"]
    assert tags["sessi"] == ["remove-input"]
    assert page["cells"][4]["metadata"]["tags"] == ["injected-parameters", "remove-cell"]


def test_the_notebook_itself_is_left_as_it_is():
    notebook = executed()
    before = copy.deepcopy(notebook)

    executed_pages.as_page(notebook, yours=True)

    assert notebook == before


def test_a_readers_own_run_tells_its_parameters_in_the_title_as_text():
    page = executed_pages.as_page(executed(), yours=True)

    assert (
        page["cells"][0]["source"]
        == "# [laptop run] A title: laptop, text '&lt;b&gt;'\n\n# no title\ntext"
    )


def test_a_notebook_without_a_run_card_is_shown_as_it_is():
    notebook = executed()
    del notebook["metadata"]["provenance"]

    assert executed_pages.as_page(notebook) is notebook


def test_the_book_registers_the_extension():
    config = (paths.ROOT / "_config.yml").read_text()

    assert "    helpers.report.executed_pages: .  #" in config


@pytest.mark.slow
def test_sphinx_shows_a_page_so(tmp_path):
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(paths.ROOT)!r})\n"
        "extensions = ['myst_nb', 'helpers.report.executed_pages']\n"
        "nb_execution_mode = 'off'\n"
    )
    notebook = executed()
    notebook.cells[6].outputs = [
        nbformat.v4.new_output("display_data", {"text/markdown": "**Verdict.** It holds."}),
        nbformat.v4.new_output("display_data", {"text/html": "<details>Run card</details>"}),
    ]
    nbformat.write(notebook, tmp_path / "index.ipynb")
    before = (tmp_path / "index.ipynb").read_bytes()

    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", tmp_path, tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown = (tmp_path / "out/index.html").read_text()

    order = [shown.index(text) for text in ("<h1>A title", "It holds.", "Run card", "short")]
    assert order == sorted(order)
    assert "notebook.finish" not in shown
    assert "hide-input" in shown or "toggle" in shown
    assert (tmp_path / "index.ipynb").read_bytes() == before


def with_first_screen():
    notebook = executed()
    (verdict,) = [c for c in notebook.cells if "verdict" in c["metadata"].get("tags", [])]
    verdict.outputs = [
        nbformat.v4.new_output("display_data", {"text/markdown": f"{opening.MARK}\nof the run"}),
        nbformat.v4.new_output("display_data", {"text/markdown": "**Verdict.** So."}),
    ]
    return notebook


def test_a_committed_page_opens_with_the_first_screen_by_the_present_claims():
    page = executed_pages.as_page(with_first_screen(), first_screen="**Is it so?** No.")

    assert [cell["source"][:8] for cell in page["cells"]][:5] == [
        "# A titl", "**Is it ", "notebook", "*This pa", "# no tit",
    ]  # fmt: skip
    assert "of the run" not in str(page["cells"])
    assert "**Verdict.** So." in str(page["cells"])
    assert executed_pages.OLDER not in str(page["cells"])


def test_a_stale_page_says_so_before_anything_else():
    notebook = with_first_screen()
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell("Stale.", id="stale-0"))

    page = executed_pages.as_page(notebook, first_screen="**Is it so?** No.")

    assert [cell["source"] for cell in page["cells"]][1] == "Stale."


def test_the_runs_own_summary_is_folded_where_claims_were_amended():
    page = executed_pages.as_page(with_first_screen(), first_screen="No.", amended=True)
    plain = executed_pages.as_page(with_first_screen(), first_screen="No.")

    tagged = [cell for cell in page["cells"] if "hide-output" in cell["metadata"].get("tags", [])]
    assert ["**Verdict.** So." in str(cell) for cell in tagged] == [True]
    assert "hide-output" not in str(plain["cells"])


def test_a_page_tells_where_claims_were_amended_after_the_run():
    page = executed_pages.as_page(with_first_screen(), first_screen="No.", amended=True)

    assert page["cells"][2]["source"] == executed_pages.OLDER


def test_a_readers_own_run_keeps_its_own_first_screen():
    assert "of the run" in str(executed_pages.as_page(with_first_screen(), yours=True)["cells"])


@pytest.mark.parametrize("chapter", [file.stem for file in paths.RUNS.glob("*.ipynb")])
def test_the_first_screen_of_each_committed_page_is_that_of_the_scorecard(chapter):
    shown = executed_pages.of_committed_run(chapter)

    assert shown["first_screen"] == opening.opening(chapter, claims.scorecard(chapter), boxed=True)
    assert executed_pages.of_committed_run("no chapter") == {}


@pytest.mark.parametrize(
    ("source", "teaches"),
    [
        ("def half(x):\n    return x / 2", True),
        ("chart = alt.Chart(frame)", False),
        ("\n".join(["def long():", *["    pass"] * 13]), False),
        ("not Python at all", False),
    ],
)
def test_only_a_short_definition_is_shown_unfolded(source, teaches):
    assert executed_pages.teaches(source) == teaches


def test_folded_cells_in_a_row_that_show_nothing_become_one_with_the_next():
    notebook = executed()
    shows = code("shows")
    shows["outputs"] = [nbformat.v4.new_output("stream", text="seen")]
    notebook["cells"] = [*notebook["cells"][:1], code("one"), shows, code("after")]

    page = executed_pages.as_page(notebook)

    assert [cell["source"] for cell in page["cells"][2:]] == ["one\n\nshows", "after"]
    assert page["cells"][2]["outputs"] == shows["outputs"]


def test_a_run_of_a_readers_own_is_marked_in_title_and_box():
    page = executed_pages.as_page(executed(), yours=True)

    assert page["cells"][0]["source"].startswith("# [laptop run] ")
    assert "no result of the book" in page["cells"][1]["source"]
    assert "no result" not in str(executed_pages.as_page(executed())["cells"])
