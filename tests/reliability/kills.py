"""Kill runs at random moments, finish them, and compare with a run that nobody killed.

``python -m reliability.kills RECORD CODE``. A kill counts if what it was meant for was still under
way. What is asked after each: is everything that lies there whole? And in the end: are the results
those of an unbroken run, was finished work done again, and was anything left lying?
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import small_project
import test_workers
import torch

from helpers.run import workers
from helpers.store import files, paths
from reliability import record

KIND = "kills"
OF_A_RUN, OF_A_MATRIX, OF_A_WRITE, OF_A_TRAINING = 12, 20, 12, 4
ENDS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
PATIENCE = 300  # seconds for a run that is to end well
Found = tuple[str, str, str]


def verdict(wrong: list[str]) -> tuple[str, str]:
    """Survived, or lost with the first reason."""
    return (record.LOST, "; ".join(wrong)) if wrong else (record.SURVIVED, "")


def ended(process: subprocess.Popen, how: int) -> bool:
    """Send a signal to a process, or Ctrl-C to all of its group; whether it was still there."""
    if process.poll() is not None:
        return False
    if how == signal.SIGINT:
        os.killpg(process.pid, how)
    else:
        process.send_signal(how)
    process.wait(PATIENCE)
    return True


def begun(words: list[str], folder: Path, **environment: str) -> subprocess.Popen:
    """A process in a group of its own, which Ctrl-C reaches."""
    return subprocess.Popen(
        words, cwd=folder, env={**os.environ, **environment}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


# --- a notebook ---

PARTS = """
def slow(number):
    import pathlib, time
    kept = any(pathlib.Path("data/cache/small").glob(f"slow{number}-*.safetensors"))
    with open("made", "a") as file:
        file.write(f"{number} {kept}\\n")
    time.sleep(0.3)
    return {"x": torch.arange(100) * number}

parts = [cache.kept(f"small/slow{number}", slow, number)["x"].sum().item() for number in range(6)]
"""


def of_a_run() -> list[Found]:
    """A notebook that keeps six parts, killed again and again."""
    with tempfile.TemporaryDirectory() as name:
        roots = []
        for kind in ("unbroken", "broken"):
            (Path(name) / kind).mkdir()
            root = small_project.write(Path(name) / kind)
            source = root / "notebooks/small.py"
            text = source.read_text().replace("total = cache.kept(", PARTS + "total = cache.kept(")
            source.write_text(
                text.replace("print(text.upper()", "print(parts)\nprint(text.upper()")
            )
            roots.append(root)
        unbroken, broken = roots
        scratch = Path(name) / "scratch"
        scratch.mkdir()
        surroundings = {"PYTHONPATH": str(unbroken), "TMPDIR": str(scratch)}
        words = [sys.executable, "-m", "helpers.run", "small", "--profile", "laptop"]
        started = time.monotonic()
        assert begun(words, unbroken, **surroundings).wait(PATIENCE) == 0
        took = time.monotonic() - started
        surroundings["PYTHONPATH"] = str(broken)
        chance, found = random.Random(0), []
        for number in range(OF_A_RUN):
            how = ENDS[number % 3]
            process = begun(words, broken, **surroundings)
            time.sleep(chance.uniform(0.2, 0.95) * took)
            if ended(process, how):
                wrong = torn(broken / "data/cache")
                if (broken / "book/runs/small.ipynb").exists():  # comes last: then all is there
                    wrong += unlike(unbroken, broken)
                found.append((f"{how.name}, number {number + 1}", *verdict(wrong)))
            for file in [*broken.glob("book/runs/*"), *broken.glob("data/results/*")]:
                file.unlink()  # if it was finished before, it begins anew
        assert begun(words, broken, **surroundings).wait(PATIENCE) == 0
        wrong = unlike(unbroken, broken) + left(broken) + left(scratch)
        again = [line for line in (broken / "made").read_text().splitlines() if "True" in line]
        wrong += [f"{len(again)} finished parts were made again"] * bool(again)
        return [*found, ("finished in the end", *verdict(wrong))]


def torn(folder: Path) -> list[str]:
    """Kept parts that are not whole."""
    wrong = []
    for file in folder.rglob("*.safetensors"):
        try:
            files.read_tensors(file)
        except ValueError as error:
            wrong.append(str(error))
    return wrong


def left(folder: Path) -> list[str]:
    """What lies about after a run that ended well."""
    litter = [*folder.rglob("*.tmp"), *folder.glob("xai-run-*"), *folder.glob("data/failed/*")]
    return [f"{file.name} was left" for file in litter]


def unlike(root: Path, other: Path) -> list[str]:
    """Published files of two projects that differ; of a page its texts and outputs."""
    wrong = []
    for file in sorted((root / "data/results").iterdir()):
        its = other / file.relative_to(root)
        same = its.exists() and (file.suffix == ".json" or file.read_bytes() == its.read_bytes())
        wrong += [] if same else [f"{file.name} differs"]
    pages = [
        json.loads((folder / "book/runs/small.ipynb").read_text())["cells"]
        for folder in (root, other)
    ]
    shown = [
        [output["text"] for cell in page for output in cell.get("outputs", []) if "text" in output]
        for page in pages
    ]
    return wrong + ["the page differs"] * (shown[0] != shown[1])


# --- a matrix of runs ---


def of_a_matrix() -> list[Found]:
    """Twenty runs and one that merges them, two at a time."""
    with tempfile.TemporaryDirectory() as name:
        unbroken, broken = Path(name) / "unbroken", Path(name) / "broken"
        for folder in (unbroken, broken):
            folder.mkdir()
        workers.fill(test_workers.many(unbroken), at_once=4, folder=unbroken, report=lambda _: None)
        expected = test_workers.results(unbroken)
        chance, found = random.Random(0), []
        for number in range(OF_A_MATRIX):
            process = test_workers.filling(broken)
            while process.poll() is None and not test_workers.children_of(process.pid):
                time.sleep(0.02)
            time.sleep(chance.uniform(0, 0.8))
            if process.poll() is not None:
                break
            how = ("all its runs too", "alone", "SIGTERM")[number % 3]
            if how == "SIGTERM":
                ended(process, signal.SIGTERM)
            else:
                test_workers.kill(process, everything=how != "alone")
            here = test_workers.results(broken) if (broken / "results").exists() else {}
            wrong = [f"{key} is torn" for key, text in here.items() if text != expected[key]]
            found.append((f"killed, {how}, number {number + 1}", *verdict(wrong)))
        wrong = [] if test_workers.filling(broken).wait(PATIENCE) == 0 else ["it does not end well"]
        wrong += ["other results"] * (test_workers.results(broken) != expected)
        wrong += [f"{key} ran twice" for key in test_workers.ran(broken, "twice")]
        wrong += ["a run counts as failed"] * any((broken / "state").glob("*.failed"))
        return [*found, ("finished in the end", *verdict(wrong))]


# --- one file that is written ---

WRITES = """
import itertools, sys
from pathlib import Path
from helpers.store import files
for letter in itertools.cycle(b"ab"):
    files.write_atomically(Path(sys.argv[1]), bytes([letter]) * 4_000_000)
"""


def of_a_write() -> list[Found]:
    """A file that is written over and over, killed while it is."""
    with tempfile.TemporaryDirectory() as name:
        file, chance, found = Path(name) / "file", random.Random(0), []
        for number in range(OF_A_WRITE):
            words = [sys.executable, "-c", WRITES, str(file)]
            process = begun(words, paths.ROOT, PYTHONPATH=str(paths.ROOT))
            until = time.monotonic() + PATIENCE
            while not file.exists() and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(chance.uniform(0.05, 0.3))
            how = ENDS[number % 2]
            ended(process, how)
            wrong = [] if set(file.read_bytes()) in ({97}, {98}) else ["it is torn"]
            wrong += ["it is cut short"] * (file.stat().st_size != 4_000_000)
            found.append((f"{how.name}, number {number + 1}", *verdict(wrong)))
            file.unlink()
        files.clear_unfinished(Path(name))
        return [*found, ("what was left half written is cleared", *verdict(left(Path(name))))]


# --- a training ---

TRAINS = """
import sys, time, torch
sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from torch import nn
from helpers.inputs import cifar, training
torch.manual_seed(0)
network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
pixels = torch.randint(0, 255, (32, 3, 8, 8), dtype=torch.uint8)
for epoch, record in training.fit(
    network, cifar.Images(pixels, torch.arange(32) % 10), Path(sys.argv[2]), epochs=8,
    batch_size=16, momentum=0.9, rate=lambda step: 0.1, seed=0,
):
    time.sleep(0.15)
"""


def of_a_training() -> list[Found]:
    """Eight epochs, killed between and within them."""
    with tempfile.TemporaryDirectory() as name:
        words = [sys.executable, "-c", TRAINS, str(Path(__file__).parents[1])]
        unbroken, broken = Path(name) / "unbroken", Path(name) / "broken"
        assert begun([*words, str(unbroken)], paths.ROOT).wait(PATIENCE) == 0
        chance, found = random.Random(0), []
        for number in range(OF_A_TRAINING):
            process = begun([*words, str(broken)], paths.ROOT)
            before = len(list(broken.glob("epoch-*")))
            while process.poll() is None and len(list(broken.glob("epoch-*"))) <= before:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.2))
            how = ENDS[number % 3]
            if ended(process, how):
                found.append((f"{how.name}, number {number + 1}", *verdict(torn(broken))))
        assert begun([*words, str(broken)], paths.ROOT).wait(PATIENCE) == 0
        last = [
            files.read_tensors(folder / "epoch-08.safetensors")[0] for folder in (unbroken, broken)
        ]
        same = all(torch.equal(tensor, last[1][key]) for key, tensor in last[0].items())
        wrong = [] if same else ["other weights"]
        return [*found, ("finished in the end", *verdict(wrong))]


def run(tried: record.Tried) -> None:
    """All of them."""
    tried.several("writing a file", "all", of_a_write)
    tried.several("a matrix of runs", "all", of_a_matrix)
    tried.several("a training", "all", of_a_training)
    tried.several("a run of a notebook", "all", of_a_run)


if __name__ == "__main__":
    run(record.Tried(Path(sys.argv[1]), KIND, sys.argv[2]))
