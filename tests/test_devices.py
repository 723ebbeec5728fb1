"""The device of a run: chosen, refused, named; and on a GPU the numbers of the CPU."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from device_calls import CALLS, moved, network

from helpers.inputs import classifiers, devices
from helpers.report import counted
from helpers.run import __main__, card, costs, notebook, parameters
from helpers.store import paths

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def two_cards(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "zeros", lambda *shape, **options: None)
    taken = []
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    return taken


@pytest.mark.parametrize(
    ("named", "device", "set_to"),
    [("", "cuda", None), ("cpu", "cpu", None), ("cuda", "cuda", None), ("cuda:1", "cuda:1", 1)],
)
def test_the_device_is_the_one_that_the_variable_names(
    named, device, set_to, two_cards, monkeypatch
):
    monkeypatch.setenv(devices.VARIABLE, named)

    assert str(devices.chosen()) == device
    assert classifiers.default_device() == devices.chosen()
    assert {place.index for place in two_cards} == ({set_to} if set_to else set())


@pytest.mark.parametrize("named", ["cuda:2", "gpu", "meta", "CPU", "cpu, cuda"])
def test_a_device_that_is_not_there_is_refused_with_what_is(named, two_cards, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setenv(devices.VARIABLE, named)

    with pytest.raises(ValueError, match=f"is '{named}'; this machine has: cpu, cuda:0, cuda:1$"):
        devices.chosen()


def test_a_device_without_float64_is_refused(monkeypatch):
    def refuse(*shape, **options):
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch, "zeros", refuse)
    monkeypatch.setenv(devices.VARIABLE, "mps")

    with pytest.raises(ValueError, match="'mps', which cannot compute in float64"):
        devices.chosen()


def test_a_wrong_device_ends_a_run_with_2_before_it_starts(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv(devices.VARIABLE, "cuda:7")
    monkeypatch.setattr("helpers.run.execute.execute", lambda *given: pytest.fail("it started"))

    assert __main__.main(["haycam", "--output", str(tmp_path / "o.ipynb")]) == 2
    assert "XAI_DEVICE is 'cuda:7'; this machine has: cpu" in capsys.readouterr().err


def test_a_notebook_refuses_a_wrong_device_in_its_first_cell(monkeypatch):
    monkeypatch.setenv(devices.VARIABLE, "tpu")

    with pytest.raises(parameters.WrongParameter, match="XAI_DEVICE is 'tpu'"):
        notebook.begin("haycam", {"profile": "smoke"})


def test_importing_the_networks_turns_tf32_off_and_the_card_says_so():
    code = (
        "import torch; before = torch.backends.cudnn.allow_tf32\n"
        "from helpers.inputs import classifiers, devices\n"
        "print(before, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic,"
        " torch.get_float32_matmul_precision(), devices.arithmetic(), sep='|')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=paths.ROOT, check=True
    )

    assert done.stdout.strip() == (
        "True|False|True|highest|float32 without TF32, cuDNN deterministic"
    )


def test_the_arithmetic_is_read_from_torch_and_not_assumed(monkeypatch):
    monkeypatch.setattr(
        torch.backends, "cudnn", SimpleNamespace(allow_tf32=True, deterministic=False)
    )

    assert devices.arithmetic() == "float32 with TF32, cuDNN not deterministic"


def test_the_card_names_the_gpu_of_the_run_with_its_libraries(two_cards, monkeypatch):
    monkeypatch.setenv(devices.VARIABLE, "cuda:1")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device.index}")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91200)

    monkeypatch.setattr(devices, "driver", lambda: "580.65")

    assert card.device_name() == "card 1 (cuda:1), CUDA 13.0, cuDNN 91200, driver 580.65"


def test_the_driver_is_what_nvidias_program_tells_and_nothing_without_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert devices.driver() == ""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 580.65.06\necho 580.65.06\n")
    program.chmod(0o755)

    assert devices.driver() == "580.65.06"


def test_only_the_runs_own_gpu_has_its_random_numbers_guarded():
    assert devices.of_rng(CPU) == []
    assert devices.of_rng(torch.device("cuda:1")) == [torch.device("cuda:1")]


@pytest.mark.parametrize("seed", [0, 7])
def test_training_and_maps_leave_the_callers_random_numbers_alone(seed):
    from helpers.saliency import contract

    torch.manual_seed(seed)
    expected = torch.rand(3)
    torch.manual_seed(seed)
    contract.checked_maps(
        lambda n, x, c: torch.rand(x[:, 0].shape), None, torch.ones(2, 3, 4, 4),
        torch.tensor([0, 1]), seed=3,
    )  # fmt: skip

    assert torch.equal(torch.rand(3), expected)


def test_a_card_says_what_float32_meant_and_an_older_card_says_nothing():
    made = {
        "profile": "smoke", "seconds": 3, "device": "a card", "kept": {}, "versions": {},
        "command": "run", "data": "", "commit": "c", "digest": "d", "finished": "now",
    }  # fmt: skip

    assert "3 s on a card\n" in card.as_text(made)
    told = card.as_text(made | {"arithmetic": "float32 without TF32"})
    assert "3 s on a card; float32 without TF32\n" in told


# --- what a run will cost ---

TABLE = {
    "pass": {"small": 0.5, "large": 2.0, "other": 1.0},
    "gpu_hours": {"trial": 7},
    "work": {
        "trial": [
            {"what": "a", "passes": "networks", "times": [["count", "more"], 3], "in_precision": 1},
            {"what": "b", "passes": "networks", "first": True, "times": ["list"]},
            {"what": "c", "seconds": 10, "times": ["count"], "unless": {"more": 0}},
        ]
    },
}
VALUES = {"profile": "laptop", "networks": "large small", "count": 4, "more": 6, "list": "a 1; b 2"}


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setattr(counted, "table", lambda: TABLE)


@pytest.mark.parametrize(
    ("changed", "seconds"),
    [
        ({}, 10 * 3 * 2.5 + 2 * 2.0 + 4 * 10),
        ({"more": 0}, 4 * 3 * 2.5 + 2 * 2.0),
        ({"networks": "unheard"}, 10 * 3 * 1.0 + 2 * 1.0 + 4 * 10),
        ({"precision": "bfloat16"}, 10 * 3 * 2.5 / 2 + 2 * 2.0 + 4 * 10),
        ({"precision": "float32"}, 10 * 3 * 2.5 + 2 * 2.0 + 4 * 10),
    ],
)
@pytest.mark.usefixtures("table")
def test_the_hours_of_a_run_are_its_products_times_measured_seconds(changed, seconds):
    assert counted.hours("trial", VALUES | changed) == pytest.approx(seconds / 3600)


@pytest.mark.usefixtures("table")
def test_bfloat16_without_units_costs_eight_times_as_much_and_is_said(monkeypatch):
    values = VALUES | {"precision": "bfloat16"}
    assert counted.hours("trial", values, slow=True) == pytest.approx((600 + 4 + 40) / 3600)

    monkeypatch.setattr(devices, "is_slow_in_bfloat16", lambda device: True)
    (said,) = costs.notes("trial", values, CPU)
    assert "8 times as long" in said
    assert "give -p precision float32" in said
    monkeypatch.setattr(devices, "is_slow_in_bfloat16", lambda device: False)
    assert costs.notes("trial", values, CPU) == []
    assert costs.notes("trial", VALUES, CPU) == []


@pytest.mark.usefixtures("table")
def test_a_long_run_is_told_before_it_starts(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    (said,) = costs.notes("trial", VALUES | {"count": 4000}, CPU)

    assert said.startswith("It may take 10 hours on this processor, 2 threads")  # 70,049 s of one
    assert costs.notes("trial", VALUES, GPU) == []
    (said,) = costs.notes("trial", VALUES | {"profile": "paper"}, GPU)
    assert said.startswith("It may take 7 hours on a GPU")


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0.5, "30 minutes"), (0.01, "10 minutes"), (1.4, "an hour"), (9.6, "10 hours"),
     (26, "26 hours"), (72, "3 days"), (24 * 123, "120 days")],
)  # fmt: skip
def test_hours_are_said_with_a_digit_or_two(hours, words):
    assert costs.in_words(hours) == words


@pytest.mark.parametrize("name", parameters.notebooks())
def test_the_cost_of_every_notebook_is_known_and_grows_with_its_profile(name):
    smoke, laptop, paper = (
        counted.hours(name, parameters.resolve(name, profile, []))
        for profile in parameters.PROFILES
    )

    assert 0 <= smoke < 0.5 < paper
    assert smoke <= laptop <= paper


# --- a GPU ---


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
@pytest.mark.parametrize("name", CALLS)
def test_a_gpu_gives_the_numbers_of_the_cpu(name):
    """To a thousandth of the largest: float32 sums are added up in another order there."""
    call, tensors = CALLS[name]
    expected = moved(call(network(), *tensors), "cpu")
    found = moved(call(network().to(GPU), *moved(tensors, GPU)), "cpu")

    for ours, theirs in zip(*map(torch.utils._pytree.tree_leaves, (found, expected)), strict=True):
        scale = theirs.double().abs().max().clamp(min=1e-12).item()
        torch.testing.assert_close(ours.double(), theirs.double(), rtol=0, atol=1e-3 * scale)
