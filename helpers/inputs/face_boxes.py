"""Boxes of photographs from a table or Pascal VOC files, as people and programs write them."""

import csv
import io
from pathlib import Path, PureWindowsPath
from xml.etree import ElementTree

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels, half-open
COLUMNS = ["file", "x0", "y0", "x1", "y1"]
WITHOUT = "without_mask"  # objects of this name in a Pascal VOC file are no masks


def boxes_of(folder: Path, files: list[Path]) -> dict[str, Box]:
    """One box a photograph, by file name, from ``boxes.csv`` or ``annotations/*.xml``.

    A name may come with folders, with another suffix or with none, if one photograph is meant.

    Raises
    ------
    ValueError
        If there are no boxes, a photograph has none or several, or a box has no photograph.
    """
    table, annotations = folder / "boxes.csv", folder / "annotations"
    if table.exists():
        rows = read_table(table)
    elif annotations.is_dir():
        found = sorted(f for f in annotations.glob("*.xml") if not f.name.startswith("."))
        rows = [row for file in found for row in read_voc(file)]
    else:
        raise ValueError(f"{folder.name} has neither boxes.csv nor annotations/; add one of them")
    meant = [(_meant(name, files), box) for name, box in rows]
    names = [name for name, _ in meant]
    for file in files:
        if names.count(file.name) != 1:
            raise ValueError(
                f"{file.name} has {names.count(file.name) or 'no'} box"
                f"{'es' * (names.count(file.name) > 1)}; expected one"
            )
    for name in sorted(set(names) - {file.name for file in files}):
        raise ValueError(f"there is a box for {name}, but no such photograph in images/")
    return dict(meant)


def _meant(name: str, files: list[Path]) -> str:
    """The photograph that a name in a table means; the name itself if that is not clear."""
    last = PureWindowsPath(name.strip()).name  # takes both kinds of slashes
    if last in {file.name for file in files}:
        return last
    stems = [f.name for f in files if f.stem in (last, PureWindowsPath(last).stem)]
    return stems[0] if len(stems) == 1 else last


def read_table(table: Path) -> list[tuple[str, Box]]:
    """Rows of a CSV file: UTF-8 with or without a mark, else Latin-1; commas, semicolons or tabs.

    Raises
    ------
    ValueError
        If a column or a number is missing; the message has the line.
    """
    content = table.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    head = text.split("\n", 1)[0]
    mark = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=True)
    reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or []]
    if missing := [name for name in COLUMNS if name not in reader.fieldnames]:
        raise ValueError(f"{table.name} lacks the column {missing[0]!r}; it needs {COLUMNS}")
    rows = []
    for row in reader:
        try:
            x0, y0, x1, y1 = (_number(row[key], mark) for key in COLUMNS[1:])
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"{table.name}, line {reader.line_num}: {error}") from error
        rows.append((row["file"], (x0, y0, x1, y1)))
    return rows


def _number(text: str, mark: str) -> float:
    """A number; between semicolons a comma may be a decimal point."""
    return float(text.replace(",", ".") if mark == ";" else text)


def read_voc(file: Path) -> list[tuple[str, Box]]:
    """Boxes of a Pascal VOC file, from 1-based and inclusive to 0-based and half-open.

    Boxes of parts of an object, and of faces without a mask, do not count.

    Raises
    ------
    ValueError
        If it is no such file; the message names it.
    """
    root = _root(file)
    name = root.findtext("filename") or file.stem
    found = []
    for thing in root.iter("object"):
        box = thing.find("bndbox")
        if box is None or (thing.findtext("name") or "").strip() == WITHOUT:
            continue
        try:
            x0, y0, x1, y1 = (float(box.findtext(k, "")) for k in ("xmin", "ymin", "xmax", "ymax"))
        except ValueError as error:
            raise ValueError(f"{file.name} is no Pascal VOC file ({error})") from error
        found.append((name, (x0 - 1, y0 - 1, x1, y1)))
    return found


def stated_size(folder: Path, photograph: Path) -> tuple[int, int] | None:
    """Width and height that a photograph's Pascal VOC file states, where its boxes count."""
    file = folder / "annotations" / f"{photograph.stem}.xml"
    if (folder / "boxes.csv").exists() or not file.exists():
        return None
    root = _root(file)
    try:
        size = int(root.findtext("size/width", "")), int(root.findtext("size/height", ""))
    except ValueError:
        return None
    return size if min(size) > 0 else None  # some programs write 0


def _root(file: Path) -> ElementTree.Element:
    """The file's root, its tags without namespaces."""
    try:
        root = ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ValueError(f"{file.name} is no Pascal VOC file ({error})") from error
    for node in root.iter():
        node.tag = str(node.tag).rpartition("}")[2]
    return root
