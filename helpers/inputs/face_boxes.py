"""Boxes of faces' masks from a table or Pascal VOC files, as annotation tools write them.

Tables come with commas, semicolons or tabs, in UTF-8 or Latin-1; annotations name their photograph
with folders, another suffix or none. What has one reading is read; the rest is named and refused.
"""

import codecs
import csv
import io
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from xml.etree import ElementTree

from helpers.inputs import folders
from helpers.store import reading

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels, half-open
COLUMNS = ("file", "x0", "y0", "x1", "y1")
MASKED = {"with_mask", "mask", "masked", "face_mask"}  # what objects with a mask are called
UNMASKED = {"without_mask", "no_mask", "unmasked"}


class Row(NamedTuple):
    """One box as it is written."""

    file: str  # the photograph's name, as it is written
    box: Box
    size: tuple[int, int] | None  # width and height of the photograph, where they are written
    source: str  # where it is written, as messages say it


def read_boxes(folder: Path, names: list[str]) -> tuple[dict[str, Row], list[str]]:
    """One box for each photograph, from ``boxes.csv`` or ``annotations/*.xml``, and notes.

    Parameters
    ----------
    folder
        Where these lie.
    names
        Of the photographs, with folders inside of ``images/``.

    Raises
    ------
    ValueError
        If there are no boxes, they cannot be read, a photograph has none or more than one, or one
        belongs to no photograph.
    """
    table, annotations = folder / "boxes.csv", folder / "annotations"
    notes = []
    if table.exists():
        rows = list(_table(table))
        if annotations.is_dir():
            notes.append("boxes from boxes.csv, not from annotations/")
    elif annotations.is_dir():
        rows = [row for file in _xml_files(annotations) for row in _voc(file)]
    else:
        raise ValueError(f"{folder.name} has neither boxes.csv nor annotations/; add one of them")
    found: dict[str, list[Row]] = {name: [] for name in names}
    for row in rows:
        found[_photograph(row, names)].append(row)
    for name, its in found.items():
        if len(its) != 1:
            raise ValueError(
                f"{name} has {len(its) or 'no'} box{'es' * (len(its) > 1)}; expected one"
            )
    return {name: its[0] for name, its in found.items()}, notes


def _photograph(row: Row, names: Iterable[str]) -> str:
    """The one photograph that a row means: by its path, its name or its name without suffix.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    written = unicodedata.normalize("NFC", row.file.strip()).replace("\\", "/")
    for way in (str, str.casefold):
        by_name = {name: way(unicodedata.normalize("NFC", name)) for name in names}
        for fits in _fitting(way(written), by_name):
            if len(fits) > 1:
                raise ValueError(
                    f"{row.source}: {row.file} may be {' or '.join(sorted(fits))}; write its "
                    "folder and suffix too"
                )
            if fits:
                return fits[0]
    raise ValueError(
        f"{row.source}: there is a box for {row.file or 'no file'}, but no such photograph in "
        "images/"
    )


def _fitting(written: str, by_name: dict[str, str]) -> Iterable[list[str]]:
    """Photographs of that path; of that name; of that name without suffix; of the same stem."""
    yield [name for name, its in by_name.items() if its == written]
    last = PurePosixPath(written)
    yield [name for name, its in by_name.items() if PurePosixPath(its).name == last.name]
    yield [name for name, its in by_name.items() if PurePosixPath(its).stem == last.name]
    if last.suffix.lower() in folders.suffixes():  # photo.1 is no photo with the suffix .1
        yield [name for name, its in by_name.items() if PurePosixPath(its).stem == last.stem]


def _text(file: Path) -> str:
    """A text file in UTF-8 or UTF-16 with a mark, UTF-8, or else Latin-1 as Windows has it."""
    data = reading.content(file)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _table(table: Path) -> Iterable[Row]:
    """Rows of a table with columns file, x0, y0, x1, y1 and, if they are there, width, height."""
    lines = _text(table).splitlines()
    if lines and lines[0].lower().startswith("sep="):  # Excel's
        lines[0] = ""
    header = next((line for line in lines if line.strip()), "")
    separator = max(",;\t|", key=header.count)
    separator = separator if separator in header else " "
    reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, skipinitialspace=True)
    columns: list[str] = []
    for cells in reader:
        values = [cell.strip() for cell in cells]
        if separator == " ":
            values = [value for value in values if value]
        if not any(values):
            continue
        if columns:
            yield _row(dict(zip(columns, values, strict=False)), len(values) - len(columns),
                       separator, f"{table.name}, line {reader.line_num}")  # fmt: skip
            continue
        columns = [value.casefold() for value in values]
        if missing := [name for name in COLUMNS if name not in columns]:
            raise ValueError(
                f"{table.name} lacks the column {missing[0]!r}; it needs {list(COLUMNS)}"
            )
    if not columns:
        raise ValueError(f"{table.name} is empty; it needs the columns {list(COLUMNS)}")


def _row(row: dict[str, str], further: int, separator: str, source: str) -> Row:
    if further > 0 or not all(row.get(name) for name in COLUMNS):
        raise ValueError(
            f"{source} has {'more' if further > 0 else 'fewer'} values than columns; mend it"
        )
    try:
        x0, y0, x1, y1 = (_number(row[name], separator) for name in COLUMNS[1:])
        sides = [_number(row[name], separator) for name in ("width", "height") if row.get(name)]
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    size = (int(sides[0]), int(sides[1])) if len(sides) == 2 and all(sides) else None
    return Row(row["file"], (x0, y0, x1, y1), size, source)


def _number(text: str, separator: str) -> float:
    return float(text.replace(",", ".") if separator != "," else text)


def _xml_files(annotations: Path) -> list[Path]:
    files = [file for file in annotations.rglob("*") if file.suffix.lower() == ".xml"]
    hidden = folders.LITTER_FOLDERS
    return sorted(
        file
        for file in files
        if not any(part.startswith(".") or part in hidden for part in file.parts[-2:])
    )


def _voc(file: Path) -> list[Row]:
    """Boxes of a Pascal VOC file, from 1-based and inclusive to 0-based and half-open.

    Boxes of an object's parts are none of its own; those of faces without a mask are left out, if
    there is one with.
    """
    try:
        root = ElementTree.fromstring(reading.content(file))
        name = (root.findtext("{*}filename") or "").strip() or file.stem
        size = _size(root)
        objects = root.findall(".//{*}object") or [root]
        boxes = [(_kind(thing), _sides(box)) for thing in objects for box in _own(thing)]
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"{file.name} is no Pascal VOC file ({error})") from error
    rows = []
    for kind, (x0, y0, x1, y1) in boxes:
        if kind and kind not in MASKED | UNMASKED:
            raise ValueError(f"{file.name} has a box of {kind!r}; expected 'with_mask'")
        if kind not in UNMASKED:
            rows.append(Row(name, (x0 - 1, y0 - 1, x1, y1), size, file.name))
    if boxes and not rows:
        raise ValueError(f"{file.name} has boxes of faces without a mask only; expected one with")
    return rows


def _own(thing: ElementTree.Element) -> list[ElementTree.Element]:
    return thing.findall("{*}bndbox")


def _kind(thing: ElementTree.Element) -> str:
    return (thing.findtext("{*}name") or "").strip().lower().replace(" ", "_").replace("-", "_")


def _sides(box: ElementTree.Element) -> Box:
    found = {key: box.findtext(f"{{*}}{key}") for key in ("xmin", "ymin", "xmax", "ymax")}
    if lacking := [key for key, text in found.items() if not text]:
        raise ValueError(f"a box lacks its {lacking[0]}")
    x0, y0, x1, y1 = (float(text or "") for text in found.values())
    return x0, y0, x1, y1


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    """Width and height of the photograph; None if they are not written, or written as 0."""
    sides = [int(float(root.findtext(f"{{*}}size/{{*}}{key}") or 0)) for key in ("width", "height")]
    return (sides[0], sides[1]) if all(sides) else None
