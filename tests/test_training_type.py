import pytest
import torch

from helpers.inputs import devices


@pytest.mark.parametrize(
    ("avx", "amx", "expected"),
    [(False, False, None), (True, False, torch.bfloat16), (False, True, torch.bfloat16)],
)
def test_a_processor_trains_in_bfloat16_only_with_units_for_it(monkeypatch, avx, amx, expected):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)

    assert devices.training_type(torch.device("cpu")) is expected


def test_a_torch_that_cannot_tell_trains_in_float32(monkeypatch):
    for name in (n for n in vars(torch.cpu).copy() if n.startswith("_is_")):
        monkeypatch.delattr(torch.cpu, name)

    assert devices.training_type(torch.device("cpu")) is None
