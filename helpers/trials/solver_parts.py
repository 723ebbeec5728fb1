"""Pairs that SciPy's solver has attacked, kept with the project, so that several days add up.

A pair takes a minute of one core. A part (some pairs of one network) lies in
``data/results/lrp_adversarial-solver`` or, before it is committed, in ``data/cache/solver``. Its
name follows from the network's weights, the images, the targets, the iterations and the code of the
solver, and from nothing else: no edit elsewhere makes it again. ``python -m
helpers.trials.solver_parts`` moves what the cache holds to the results.
"""

import hashlib
import shutil
from pathlib import Path

from torch import Tensor, nn

from helpers.store import digests, files, paths, rooms
from helpers.trials import lockstep, scipy_attack

RESULTS = paths.RESULTS / "lrp_adversarial-solver"
VERSION = 1  # to be raised when the same arguments mean another attack


def file_name(network: nn.Module, images: Tensor, targets: Tensor, iterations: int) -> str:
    """What a part is called: one name for one network, images (N, C, H, W) and targets (N,)."""
    weights = {key: value.cpu() for key, value in network.state_dict().items()}
    made_of = weights, images.cpu(), targets.cpu(), iterations, VERSION
    return f"pairs-{digests.digest(*made_of, _code())}.safetensors"


def attack_pairs(
    network: nn.Module, images: Tensor, targets: Tensor, iterations: int
) -> dict[str, Tensor]:
    """As :func:`scipy_attack.attack_pairs`: read if a part is there, else made and kept.

    `network` takes images (N, C, H, W) in [0, 1] to logits; `targets` are (N,).

    Raises
    ------
    reading.Damaged
        If the part has changed since it was written.
    """
    name = file_name(network, images, targets, iterations)
    for folder in (RESULTS, _waiting()):
        if (folder / name).is_file():
            return files.read_tensors(folder / name)[0]
    made = scipy_attack.attack_pairs(network, images, targets, iterations)
    _waiting().mkdir(parents=True, exist_ok=True)
    record = {"pairs": len(targets), "iterations": iterations, "libraries": digests.versions()}
    files.write_tensors(_waiting() / name, made, record)
    return made


def publish() -> list[Path]:
    """Move the parts of the cache to the results, and give their files there."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    found = sorted(_waiting().glob("pairs-*.safetensors"))
    for file in found:
        files.read_tensors(file)  # its checksum holds
        shutil.move(file, RESULTS / file.name)
    return [RESULTS / file.name for file in found]


def _waiting() -> Path:
    return paths.CACHE / "solver"


def _code() -> str:
    """The solver's code without its words."""
    sources = [Path(module.__file__) for module in (scipy_attack, lockstep) if module.__file__]
    text = "".join(rooms.without_words(file.read_text(encoding="utf-8")) for file in sources)
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    for file in publish():
        print(file)
