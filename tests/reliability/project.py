"""A copy of the project in a folder, committed, in which files may be spoiled."""

import subprocess
from pathlib import Path

from helpers.store import paths

WHO = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")


def copied(folder: Path) -> Path:
    """Copy what git knows and what is new; one commit holds all of it."""
    root = folder / "project"
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(words, cwd=paths.ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, names.stdout.split("\0")):
        source = paths.ROOT / name
        if source.is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(source.read_bytes())
    for git in (["init", "-q"], ["add", "-A"], [*WHO, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *git], cwd=root, check=True)
    return root
