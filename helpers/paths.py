"""Where things lie, relative to the repository's root, and how files are written there."""

import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
NOTEBOOKS = ROOT / "notebooks"
HELPERS = ROOT / "helpers"
DATA = ROOT / "data"
MODELS = DATA / "models"  # small checkpoints of ours, committed
REPORTED = DATA / "reported"  # the papers' numbers, committed
RESULTS = DATA / "results"  # our numbers, committed
CACHE = DATA / "cache"  # downloads and unfinished long work, not committed
FAILED = DATA / "failed"  # notebooks of runs that broke off, not committed
RUNS = BOOK / "runs"  # executed notebooks, committed


def write_atomically(file: Path, content: bytes) -> None:
    """Write a whole file or nothing: to a neighbour first, then one rename."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".tmp", delete=False) as neighbour:
        try:
            neighbour.write(content)
        except BaseException:
            Path(neighbour.name).unlink()
            raise
    Path(neighbour.name).chmod(0o644)
    Path(neighbour.name).replace(file)
