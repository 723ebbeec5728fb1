"""A number, a caption and links for every figure and table: data, cell, command."""

import csv
import io
from typing import NamedTuple

from bs4 import BeautifulSoup, Tag

from helpers.report import render
from helpers.report.site import charts, specs, tables

SHOWN_ROWS = 40  # of the numbers under a chart; the file has all
KIND = {"img": "Figure", "div": "Figure", "table": "Table"}


class Shown(NamedTuple):
    """What a page shows with a number, and the data that it is made of."""

    number: str  # such as "Figure 3"
    data: str  # CSV, or nothing


def numbered(page: BeautifulSoup, drawn: list[charts.Chart], base: str) -> dict[str, str]:
    """Give all figures and tables of the article a number, a caption and links.

    Parameters
    ----------
    page
        Changed in place; its charts and tables are rewritten already.
    drawn
        Its charts.
    base
        The name of its data files before their number, such as ``elime-``.

    Returns
    -------
    dict
        The data files that the links name, by name.
    """
    article = page.find("article")
    if article is None:
        return {}
    of_element = {id(chart.element): chart for chart in drawn}
    counts, files = {"Figure": 0, "Table": 0}, {}
    _anchor_cells(article)
    for element in article.find_all(["img", "div", "table"]):
        if not _is_shown(element, of_element):
            continue
        kind = KIND[element.name]
        counts[kind] += 1
        number = f"{kind} {counts[kind]}"
        chart = of_element.get(id(element))
        data = _chart_data(chart) if chart else tables.as_csv(element) if kind == "Table" else ""
        name = f"{base}{number.replace(' ', '-').lower()}.csv"
        if data:
            files[name] = data
        _wrap(page, element, number, chart, name if data else "")
    return files


def _is_shown(element: Tag, of_element: dict[int, charts.Chart]) -> bool:
    if element.name == "div":
        return id(element) in of_element
    if element.find_parent(["noscript", "figure", "dl"]) or "still" in element.get("class", []):
        return False
    if element.name == "table":
        return element.find("td") is not None and element.find_parent("table") is None
    return bool(element.get("alt")) and "sd-card-img" not in element.get("class", [])


def _anchor_cells(article: Tag) -> None:
    for number, cell in enumerate(article.select("div.cell"), start=1):
        if not cell.get("id"):
            cell["id"] = f"cell-{number}"


def _chart_data(chart: charts.Chart) -> str:
    """The rows of a chart as CSV, without pictures that stand in them."""
    rows = specs.rows_of(chart.spec)
    names = [
        name
        for name in dict.fromkeys(key for row in rows for key in row)
        if not any(str(row.get(name, "")).startswith("data:") for row in rows[:1])
    ]
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n")
    write.writerow(names)
    write.writerows([row.get(name) for name in names] for row in rows)
    return file.getvalue()


def _wrap(
    page: BeautifulSoup, element: Tag, number: str, chart: charts.Chart | None, data: str
) -> None:
    cell = element.find_parent("div", class_="cell")
    caption = _caption(element, chart)
    outer = element.find_parent("div", class_="verdicts") or element.find_parent("a") or element
    links = render.html(
        "shown_links",
        data=f"_data/{data}" if data else "",
        cell=cell["id"] if cell is not None else "",
        picture=element["src"] if element.name == "img" else "",
        command="#run-card" if page.find(id="run-card") else "",
    )
    figure = page.new_tag(
        "figure", attrs={"class": "shown", "id": number.replace(" ", "-").lower()}
    )
    outer.wrap(figure)
    below = page.new_tag("figcaption")
    strong = page.new_tag("b")
    strong.string = f"{number}. "
    below.extend([strong, f"{caption} ", BeautifulSoup(links, "html.parser")])
    if element.name == "table":
        figure.insert(0, below)
    else:
        figure.append(below)
    if chart:
        figure.append(BeautifulSoup(_numbers(chart), "html.parser"))


def _caption(element: Tag, chart: charts.Chart | None) -> str:
    if chart:
        text = chart.spec["description"]
    elif element.name == "img":
        text = element["alt"]
    else:
        first = element.find("th")
        if first is not None and first.get_text(strip=True) == "conclusion":
            return "The conclusions, and our verdicts."
        heading = element.find_previous(lambda before: _names(before, element))
        text = heading.get_text(" ", strip=True).rstrip("#").strip() if heading else ""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _names(before: Tag, element: Tag) -> bool:
    """Whether something before an element names it: a heading, or the bar of the box it is in."""
    if before.name == "summary":
        folded = before.find_parent("details", class_=["hide", "numbers"]) is not None
        return not folded and any(parent is before.parent for parent in element.parents)
    return before.name in ("h1", "h2", "h3", "h4")


def _numbers(chart: charts.Chart) -> str:
    """The chart's numbers as a folded table, as far as they are few enough to read."""
    names, rows = specs.fields(chart.spec), specs.rows_of(chart.spec)
    rows = [row for row in rows if any(name in row for name in names)]
    names = [name for name in names if any(name in row for row in rows)]
    cells = [[_text(row.get(name)) for name in names] for row in rows[:SHOWN_ROWS]]
    return render.html("numbers", names=names, rows=cells, all=len(rows)) if names else ""


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = "" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
