"""Where things lie, relative to the repository's root."""

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
