"""Which files of a folder are photographs, and which are passed over and why; nothing is read.

Knows no torch, so that a folder is checked before anything slow is imported.
"""

import os
import unicodedata
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

# Pillow has a name for these, but gives them to another program or reads nothing of them.
NOT_READ = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}
LITTER = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}  # of Windows and macOS
LITTER_FOLDERS = {"__MACOSX", "@eaDir", "$RECYCLE.BIN"}
FEWEST = 2  # photographs: an interval needs two


class Listing(NamedTuple):
    """A folder's files: photographs, in the order of their names, and those passed over."""

    root: Path
    files: list[Path]
    passed: dict[str, str]  # why, by the name from the folder

    def name(self, file: Path) -> str:
        """A file's name from the folder, with slashes: what messages and pages show."""
        return file.relative_to(self.root).as_posix()


@lru_cache(maxsize=1)
def formats() -> tuple[str, ...]:
    """The image formats that are read, as Pillow calls them."""
    from PIL import Image

    Image.init()
    return tuple(sorted(set(Image.OPEN) - NOT_READ))


@lru_cache(maxsize=1)
def suffixes() -> frozenset[str]:
    """Suffixes in lower case that this machine's Pillow opens, such as ``.jpg`` and ``.webp``."""
    from PIL import Image

    known = set(formats())
    return frozenset(end for end, kind in Image.registered_extensions().items() if kind in known)


def listing(folder: Path, deep: bool = True) -> Listing:
    """List the photographs of a folder and, if `deep`, of the folders in it.

    Hidden files (``._a.jpg``), what macOS and Windows leave behind, other suffixes, and what is no
    regular file (a pipe would be waited for forever) are passed over, each with its reason. Links
    to folders are not followed, since they may lead in a circle.
    """
    found: list[Path] = []
    passed: dict[str, str] = {}

    def closed(error: OSError) -> None:
        name = os.path.relpath(error.filename or folder, folder)
        passed[f"{Path(name).as_posix()}/"] = f"folders that cannot be read: {error.strerror}"

    for here, below, names in os.walk(folder, onerror=closed):
        hidden = [name for name in below if name.startswith(".") or name in LITTER_FOLDERS]
        linked = [name for name in below if (Path(here) / name).is_symlink()]
        for name in (set(hidden) | set(linked)) if deep else set():
            label = (Path(here) / name).relative_to(folder).as_posix() + "/"
            passed[label] = "hidden or of the system" if name in hidden else "links to folders"
        below[:] = [name for name in below if deep and name not in {*hidden, *linked}]
        for name in names:
            file = Path(here) / name
            if reason := _why_passed(file):
                passed[file.relative_to(folder).as_posix()] = reason
            else:
                found.append(file)
    found.sort(key=lambda file: _order(file.relative_to(folder)))
    return Listing(Path(folder), found, dict(sorted(passed.items())))


def _why_passed(file: Path) -> str:
    if file.name.startswith(".") or file.name.lower() in LITTER:
        return "hidden or of the system"
    if file.suffix.lower() not in suffixes():
        return f"{file.suffix} not read" if file.suffix else "no suffix"
    return "" if file.is_file() else "no regular files"


def _order(file: Path) -> tuple[str, str]:
    """By name; the same on macOS, which stores an accent as a letter of its own."""
    return unicodedata.normalize("NFC", file.as_posix()), file.as_posix()


def check(found: Listing) -> None:
    """Refuse a folder with fewer than two photographs.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If there is one, which has no interval.
    """
    shown = found.root.resolve().name
    if not found.root.exists():
        raise FileNotFoundError(f"there is no folder {shown}; look for a slip in its path")
    if not found.root.is_dir():
        raise FileNotFoundError(f"{shown} is a file; expected a folder of photographs")
    if not found.files:
        raise FileNotFoundError(
            f"there is no photograph in {shown}{_but(found)}; expected files such as a.jpg, b.png "
            "or c.webp, in it or in its folders"
        )
    if len(found.files) < FEWEST:
        raise ValueError(
            f"{shown} holds one photograph, {found.name(found.files[0])}{_but(found)}; give two or "
            "more: a single one has no interval"
        )


def _but(found: Listing) -> str:
    return f" (passed over: {told(found)})" if found.passed else ""


def told(found: Listing) -> str:
    """Counts and names of what was passed over, by reason: ``2 .txt not read (a.txt, b.txt)``."""
    counts = Counter(found.passed.values())
    return "; ".join(
        f"{count} {reason} ({some([n for n, why in found.passed.items() if why == reason])})"
        for reason, count in sorted(counts.items())
    )


def some(names: list[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
