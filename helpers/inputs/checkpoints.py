"""Weights in and out of safetensors files, with a record of how they were made and a checksum."""

import json
from pathlib import Path

from torch import nn

from helpers.store import cache, files, paths, reading

MADE_BY = "made by"  # the entry of a record that names the run


def load_weights(network: nn.Module, content: bytes, name: str) -> nn.Module:
    """Put the weights of a safetensors file into a network, frozen and in evaluation mode.

    A checksum in the file itself, and for a committed one that in ``data/models/SHA256SUMS``, must
    hold.

    Parameters
    ----------
    network
        Of the weights' kind.
    content
        The file's bytes.
    name
        The file's name: of a committed one as it stands in ``data/models``.

    Raises
    ------
    ValueError
        If the bytes are no safetensors file or have changed, the tensors do not fit the network, or
        a weight is NaN or infinite.
    """
    reading.check_sum(paths.MODELS / name, content, reading.sums(paths.MODELS).get(name, ""))
    try:
        tensors, _ = files.tensors_of(content, Path(name))
        network.load_state_dict(tensors)
    except (reading.Damaged, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{name} does not fit the network: {reason}") from error
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise ValueError(f"{name} holds NaN or infinity in {key}; expected finite weights")
    return network.eval().requires_grad_(False)


def read_checkpoint(file: Path) -> bytes:
    """The bytes of a checkpoint of ours, which has a checksum in it or beside it.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    ValueError
        If it was cut short, altered, or has no checksum.
    """
    content = reading.content(file)
    _, told = files.tensors_of(content, file)
    if "sha256" not in told and file.name not in reading.sums(file.parent):
        raise reading.Damaged(f"{reading.shown(file)} has no checksum; {reading.mend(file)}")
    return content


def save_checkpoint(file: Path, network: nn.Module, record: dict) -> None:
    """Write a network's weights, with a record of how they were made and by which run, at once."""
    files.write_tensors(file, dict(network.state_dict()), {**record, MADE_BY: cache.maker})


def checkpoint_record(file: Path) -> dict:
    """How a checkpoint was made, or an empty record where there is no such file.

    A kept one that another run made is counted for the run card.

    Raises
    ------
    ValueError
        If the file was cut short or altered.
    """
    if not file.exists():
        return {}
    _, told = files.tensors_of(reading.content(file), file)
    record = json.loads(told.get("record", "{}"))
    if file.is_relative_to(paths.CACHE):
        cache.note_source(file, record)
    return {key: value for key, value in record.items() if key != MADE_BY}
