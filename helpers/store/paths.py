"""Where things lie, relative to the project's root."""

import os
from pathlib import Path


def project_root(start: Path, package: Path) -> Path:
    """The project's folder: that of an editable installation, else the one around `start`.

    It is known by ``notebooks/parameters.yaml``. Where there is none, as after ``pip install`` far
    from a clone, it is `start` itself: only functions that need no file of the project then work.
    """
    for folder in (package.parent, start, *start.parents):
        if (folder / "notebooks" / "parameters.yaml").is_file():
            return folder
    return start


ROOT = project_root(Path.cwd(), Path(__file__).resolve().parents[1])
HELPERS = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
NOTEBOOKS = ROOT / "notebooks"
DATA = ROOT / "data"
MODELS = DATA / "models"  # small checkpoints of ours, committed
REPORTED = DATA / "reported"  # the papers' numbers, committed
RESULTS = DATA / "results"  # our numbers, committed
SMOKE = DATA / "smoke"  # what the smoke profile gives, committed
CACHE = DATA / "cache"  # downloads and unfinished long work, not committed
FAILED = DATA / "failed"  # notebooks of runs that broke off, not committed
RUNS = BOOK / "runs"  # executed notebooks, committed
ALONE = "XAI_ALONE"  # set: a run sees no data but what is committed, and what packages carry


def xai_data() -> Path | None:
    """The folder that the environment variable ``XAI_DATA`` names, if it is set.

    None where :data:`ALONE` is set, too: runs that are compared see the same data everywhere.
    A relative one counts from the project's root, so that it means the same from every folder.

    Raises
    ------
    FileNotFoundError
        If it is set to something that is no folder.
    """
    named = os.environ.get("XAI_DATA")
    if not named or os.environ.get(ALONE):
        return None
    folder = Path(named).expanduser()
    folder = folder if folder.is_absolute() else ROOT / folder
    if not folder.is_dir():
        raise FileNotFoundError(f"XAI_DATA names {named}, which is no folder; unset it or mend it")
    return folder


def located(text: str, start: Path | None = None) -> Path:
    """The file or folder that a text means; ``~`` is the home folder.

    A relative path counts from where the user stands or, if there is nothing, from the project's
    root.
    """
    named = Path(text).expanduser()
    here = (start or Path.cwd()) / named
    return here if here.exists() or not (ROOT / named).exists() else ROOT / named


def told(text: str, start: Path | None = None) -> str:
    """A path as a page may show it: one that :func:`located` understands, without private folders.

    From where the user stands, from the project's root, or from ``~``; else up from where he
    stands. Only what shares nothing with these stays absolute.
    """
    if not text:
        return text
    stands = (start or Path.cwd()).resolve()
    full = Path(os.path.abspath(located(text, stands)))  # noqa: PTH100, keeps links
    for home, prefix in ((stands, ""), (ROOT.resolve(), ""), (Path("~").expanduser(), "~/")):
        for form in (full, full.resolve()):
            if form.is_relative_to(home) and located(_from(home, form, prefix), stands).exists():
                return _from(home, form, prefix)
    common = os.path.commonpath([full, stands])
    return str(full) if common == os.sep else Path(os.path.relpath(full, stands)).as_posix()


def _from(home: Path, full: Path, prefix: str) -> str:
    text = prefix + full.relative_to(home).as_posix()
    return f"./{text}" if text.startswith("-") else text
