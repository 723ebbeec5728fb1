"""Tables on the built pages: nothing out of sight, no noise, both materials side by side.

On a narrow page each row becomes a card, whose cells name their column.
"""

import copy
import csv
import io
import re
from itertools import zip_longest

from bs4 import BeautifulSoup, Tag

from helpers.report import verdicts

NOISE = re.compile(r"(?<![\w.])[-−]?\d+\.\d{5,}(?![\w.])")
DIGITS = 4  # that a long number keeps
COLUMN = 640  # pixels; of a page at 1280, less a margin for what letters differ
CLAIMS = ["claim", "verdict", "paper", "ours", "n", "unit", "arm", "where"]  # of runs of before
ARMS = {"A": "A, the authors’ material", "B": "B, independent", "–": "ours"}


def without_noise(text: str) -> str:
    """A text whose long numbers are rounded to four digits after the first one that is not zero."""
    return NOISE.sub(lambda found: _short(float(found[0].replace("−", "-"))), text)


def made_readable(page: BeautifulSoup) -> list[Tag]:
    """Mend every table of the article in place, and give them in the page's order."""
    article = page.find("article") or page
    for table in article.find_all("table"):
        if _heads(table) == CLAIMS:
            _pivot(page, table)
    tables = [table for table in article.find_all("table") if table.find("td")]
    for table in tables:
        _round(table)
        _one_head(table)
        _drop_row_numbers(table)
        _let_names_break(page, table)
        _name_cells(table)
        _fold_amendments(page, table)
    return tables


def as_csv(table: Tag) -> str:
    """A table's texts as CSV."""
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n")
    for row in table.find_all("tr"):
        write.writerow(map(_text, row.find_all(["th", "td"])))
    return file.getvalue()


def _text(cell: Tag) -> str:
    """A cell's words, without the marks of where one may break."""
    parts = []
    for part in cell.strings:
        before = part.previous_sibling
        within = isinstance(before, Tag) and before.name == "wbr"
        parts.append(str(part) if within else f" {part}")
    return " ".join("".join(parts).replace("\u00ad", "").split())


def _let_names_break(page: BeautifulSoup, table: Tag) -> None:
    """Heads may break behind an underscore: a network's name is longer than its column."""
    for head in table.find_all("th"):
        for part in head.find_all(string=re.compile(r"_\w")):
            pieces = re.split(r"(?<=_)(?=\w)", str(part))
            for piece in pieces[:-1]:
                part.insert_before(piece, page.new_tag("wbr"))
            part.replace_with(pieces[-1])


def _fold_amendments(page: BeautifulSoup, table: Tag) -> None:
    """Put what was changed in a claim, and why, behind one line that says how often."""
    for cell in table.select("tr[data-key] > :is(th, td)"):
        told = [part for part in cell.find_all("small") if part.get_text().startswith("Amended ")]
        if not told:
            continue
        folded = page.new_tag("details", attrs={"class": "amended"})
        summary = page.new_tag("summary")
        summary.string = "amended" if len(told) == 1 else f"amended {len(told)} times"
        folded.append(summary)
        for part in told:
            line = part.find_previous_sibling()
            if line is not None and line.name == "br":
                line.decompose()
            part.name = "p"
            folded.append(part.extract())
        cell.append(folded)


def _heads(table: Tag) -> list[str]:
    head = table.find("tr")
    return [cell.get_text(" ", strip=True) for cell in head.find_all("th")] if head else []


def _round(table: Tag) -> None:
    for text in list(table.find_all(string=NOISE)):
        text.replace_with(without_noise(str(text)))
    for text in list(table.find_all(string=re.compile(r"^\s*NaN\s*$"))):
        text.replace_with("–")  # pandas' word for what was not measured


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.{DIGITS}g}"


def _one_head(table: Tag) -> None:
    """Join the two heads that pandas writes where the index has a name; heads get their scope.

    Above the index pandas writes the name of all columns, below it the index's own, which counts.
    """
    head = table.find("thead")
    rows = head.find_all("tr") if head else []
    if len(rows) == 2 and not any(cell.get("colspan") for cell in rows[0].find_all("th")):
        for first, second in zip(rows[0].find_all("th"), rows[1].find_all("th"), strict=False):
            if text := second.get_text(strip=True):
                first.string = text
        rows[1].decompose()
    for cell in head.find_all("th") if head else []:
        cell["scope"] = "col"
        if not cell.get_text(strip=True):  # a head must say something
            cell.name = "td"
            del cell["scope"]
    for cell in table.select("tbody th"):
        cell["scope"] = "row"
    for name in ("border", "style"):
        if table.has_attr(name):
            del table[name]
    for row in table.find_all("tr"):
        del row["style"]


def _drop_row_numbers(table: Tag) -> None:
    """Leave out a first column without a name that only numbers rows, as pandas does by itself."""
    heads, firsts = (
        [row.find(["th", "td"], recursive=False) for row in table.select(f"{part} > tr")]
        for part in ("thead", "tbody")
    )
    texts = [cell.get_text(strip=True) if cell and cell.name == "th" else "" for cell in firsts]
    named = any(cell.get_text(strip=True) for cell in heads if cell)
    if named or not heads or not texts or not all(text.isdigit() for text in texts):
        return
    numbers = [int(text) for text in texts]
    if numbers == sorted(set(numbers)) and not any(cell.has_attr("rowspan") for cell in firsts):
        for cell in [*heads, *firsts]:
            cell.decompose()


def _name_cells(table: Tag) -> None:
    """Each cell with its column's name, which a narrow page writes before it."""
    names = _names(table)
    table["class"] = [*table.get("class", []), "cards"]
    if len(names) > 6:
        table["class"].append("wide")
    spans: dict[int, tuple[int, Tag]] = {}  # column to how many more rows a cell stands for
    for row in table.select("tbody tr"):
        cells = iter(row.find_all(["th", "td"], recursive=False))
        last = None
        for column, name in enumerate(names):
            left, above = spans.pop(column, (0, None))
            cell = next(cells, None) if above is None else _repeated(row, last, above)
            if cell is None:
                break
            cell["data-label"] = name
            more = left if above is not None else int(cell.get("rowspan", 1))
            if more > 1:
                spans[column] = more - 1, cell
            last = cell
    if _words_fit(table, wide=len(names) > 6):
        table["class"].append("unbroken")


def _words_fit(table: Tag, *, wide: bool) -> bool:
    """Whether the longest words of all columns stand beside each other in a page's column.

    Where they do not, words must be broken for the table to keep to it.
    """
    longest: dict[int, int] = {}  # column to letters
    for row in table.find_all("tr"):
        cells = row.find_all(["th", "td"], recursive=False)
        for column, cell in enumerate(cells):
            words = re.split(r"[\s\-/\u00ad]+", cell.get_text(" "))
            if "colspan" not in cell.attrs:
                longest[column] = max(longest.get(column, 0), *map(len, words))
    letter, padding = (6.6, 11) if wide else (7.8, 9)  # pixels, of the style sheet's sizes
    return sum(letter * letters + padding for letters in longest.values()) <= COLUMN


def _repeated(row: Tag, last: Tag | None, above: Tag) -> Tag:
    """A copy of a cell that stands for this row too: for rows that are cards, and for the CSV."""
    cell = copy.copy(above)
    del cell["rowspan"]
    cell["class"] = [*(name for name in above.get("class", []) if name != "repeated"), "repeated"]
    if last is None:
        row.insert(0, cell)
    else:
        last.insert_after(cell)
    return cell


def _names(table: Tag) -> list[str]:
    """The name of each column, from all rows of the head, wide cells counted for each column."""
    head = table.find("thead")
    names: list[str] = []
    for row in head.find_all("tr") if head else []:
        texts = [
            _text(cell)
            for cell in row.find_all(["th", "td"])
            for _ in range(int(cell.get("colspan", 1)))
        ]
        names = [
            f"{above} {text}".strip() for above, text in zip_longest(names, texts, fillvalue="")
        ]
    return names


def _pivot(page: BeautifulSoup, table: Tag) -> None:
    """One row per claim with its arms beside each other, in a table of claims of before."""
    claims: dict[tuple[str, ...], dict[str, list[Tag]]] = {}
    for row in table.select("tbody tr"):
        cells = row.find_all("td", recursive=False)
        says, verdict, paper, ours, n, unit, arm, where = cells
        named = (row["data-key"],) if row.get("data-key") else (says, unit, where)
        key = tuple(p if isinstance(p, str) else p.get_text(" ", strip=True) for p in named)
        of_claim = claims.setdefault(key, {"": [row]})
        of_claim[arm.get_text(strip=True)] = [says, verdict, paper, ours, n, unit, where]
    arms = sorted({arm for of_claim in claims.values() for arm in of_claim if arm})
    heads = ["claim", "paper", *(ARMS.get(arm, arm) for arm in arms)]
    for cell in table.select("thead tr > *"):
        cell.decompose()
    for name in heads:
        cell = page.new_tag("th", scope="col")
        cell.string = name
        table.select_one("thead tr").append(cell)
    body = table.find("tbody")
    body.clear()
    for of_claim in claims.values():
        body.append(_claim_row(page, of_claim, arms))
    papers = [row.find("td") for row in body.find_all("tr")]
    if not any(cell.get_text(strip=True) for cell in papers):  # conclusions: the claim says it all
        for cell in [*papers, table.select_one("thead tr").find_all("th")[1]]:
            cell.decompose()
    table["class"] = [*table.get("class", []), "claims"]


def _claim_row(page: BeautifulSoup, of_claim: dict[str, list[Tag]], arms: list[str]) -> Tag:
    old = of_claim.pop("")[0]
    says, _, paper, _, _, unit, where = next(iter(of_claim.values()))
    row = page.new_tag("tr", attrs={k: v for k, v in old.attrs.items() if k.startswith("data-")})
    row["data-verdicts"] = "|".join(
        f"{arm}:{_verdict(cells[1].get_text(' ', strip=True))}" for arm, cells in of_claim.items()
    )
    first = page.new_tag("th", scope="row")
    for part in list(says.contents):
        first.append(part)
    first.append(page.new_tag("br"))
    first.append(_small(page, where.get_text(" ", strip=True)))
    row.append(first)
    row.append(_with_unit(page, paper, unit.get_text(strip=True)))
    for arm in arms:
        cell = page.new_tag("td", attrs={"data-arm": arm})
        if arm in of_claim:
            _, verdict, _, ours, n, own_unit, _ = of_claim[arm]
            for part in list(verdict.contents):
                cell.append(part)
            cell.append(page.new_tag("br"))
            for part in _with_unit(page, ours, own_unit.get_text(strip=True)).contents[:]:
                cell.append(part)
            if n.get_text(strip=True) not in ("", "–"):  # as conclusions have
                cell.append(_small(page, f" n = {n.get_text(strip=True)}"))
        else:
            cell.append("–")
        row.append(cell)
    return row


def _with_unit(page: BeautifulSoup, cell: Tag, unit: str) -> Tag:
    """A cell with the unit behind its first number."""
    made = page.new_tag("td")
    parts = list(cell.contents)
    for part in parts:
        made.append(part)
    number = made.find(string=re.compile(r"\d"))
    if number is not None and unit and number.parent is made:
        number.replace_with(f"{str(number).strip()} {unit} ")
    return made


def _small(page: BeautifulSoup, text: str) -> Tag:
    made = page.new_tag("small")
    made.string = text
    return made


def _verdict(text: str) -> str:
    """The verdict that a cell begins with, behind its mark."""
    return next((word for word in verdicts.VERDICTS if text.lstrip("✓✗?±≠– ").startswith(word)), "")
