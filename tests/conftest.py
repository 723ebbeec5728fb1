import fcntl
import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import browser as driven
import pytest
import torch
from torch import Tensor, nn

from helpers.inputs import checkpoints, cifar, classifiers, conversion
from helpers.store import paths

os.environ["XAI_DEVICE"] = "cpu"  # a GPU's last bits are others; what compares one asks for it
if os.environ.get("XAI_DATA"):  # relative to the project, of which some tests make copies
    os.environ["XAI_DATA"] = str(paths.ROOT / Path(os.environ["XAI_DATA"]).expanduser())
UNUSED = ["gpu", "quic", "background-networking", "component-update", "sync", "dev-shm-usage"]


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run tests marked long, too")


def pytest_collection_modifyitems(config, items):
    """Leave out what takes an hour, unless it is asked for."""
    if not config.getoption("--long"):
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def small_network() -> nn.Sequential:
    """Two convolutions with BatchNorm and pooling, random but fixed, float64."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4, eps=1e-3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3, padding=1),
        nn.BatchNorm2d(5, eps=1e-3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(20, 3),
    ).double()
    for layer in network:
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    return network.eval().requires_grad_(False)


@pytest.fixture
def small_images(generator) -> Tensor:
    return torch.rand(6, 3, 8, 8, generator=generator, dtype=torch.float64)


@pytest.fixture(scope="session")
def trained_network() -> nn.Sequential:
    """Our checkpoint of the first paper's network."""
    file: Path = paths.MODELS / "lrp_adversarial.safetensors"
    return checkpoints.load_weights(classifiers.dieter_cnn(), file.read_bytes(), file.name)


@pytest.fixture(scope="session")
def cifar_images() -> tuple[Tensor, Tensor]:
    """Foolbox's twenty CIFAR-10 images in [0, 1], and their labels."""
    images = cifar.foolbox_cifar10()
    return conversion.to_unit(images.pixels), images.labels


@pytest.fixture(scope="session")
def chromium() -> str:
    """Find a headless browser; only a machine of one's own may lack it."""
    names = "chromium", "chromium-browser", "google-chrome"
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None and "CI" in os.environ:
        pytest.fail(f"none of {names} is installed; `make browser` installs one where it can")
    if program is None:
        pytest.skip(f"none of {names} is installed, so pages are not looked at")
    return program


@pytest.fixture(scope="session")
def drawn(chromium, tmp_path_factory):
    """Open a page in the browser, without a connection, and read its <output> afterwards."""
    flags = [f"--disable-{part}" for part in UNUSED]
    flags += ["--headless", "--no-sandbox", "--no-first-run", "--dump-dom"]

    def draw(page: Path, seconds: int) -> str:
        own = [
            f"--virtual-time-budget={1000 * seconds}",
            f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
        ]
        done = subprocess.run(
            [chromium, *flags, *own, page.as_uri()], capture_output=True, text=True, timeout=300
        )
        output = re.search(r"<output>(.*?)</output>", done.stdout, re.DOTALL)
        assert output, done.stderr[-2000:]
        return html.unescape(output.group(1))

    return draw


@pytest.fixture(scope="session")
def built_book(tmp_path_factory) -> Path:
    """Build the book once, every warning an error; one process of a test run does it for all."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / "book.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "book.built").exists():
            made = subprocess.run(
                [sys.executable, "-m", "helpers.book"],
                cwd=paths.ROOT, capture_output=True, text=True,
            )  # fmt: skip
            assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
            (folder / "book.built").touch()
    return paths.ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def browser(chromium, tmp_path_factory):
    """A browser that tests drive; see tests/browser.py."""
    page = driven.Browser(chromium, tmp_path_factory.mktemp("browser"))
    yield page
    page.close()
