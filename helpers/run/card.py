"""The run card: what made a result."""

import datetime
import html
import os
import platform
import shlex
import time
from typing import Any

import torch

from helpers.inputs import devices
from helpers.run import memory, origin
from helpers.store import cache, digests, paths


def run_card(
    name: str, values: dict[str, Any], profile: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """All that made a run: command, commit, digest, device, versions, parameters, kept parts.

    Commit and digest are those of the start; what was edited since stands under "edited".

    Parameters
    ----------
    name
        The notebook.
    values
        Its parameters, "profile" among them.
    profile
        What the profile asks for; what differs stands in the command.
    seconds
        How long it took.
    """
    before = origin.begun(name, values)
    card = {
        "profile": values["profile"],
        "command": command(name, values, profile),
        "commit": before.commit,
        "digest": before.digest,
        "device": device_name(),
        "arithmetic": devices.arithmetic(),
        "versions": digests.versions(),
        "seeds": [values["seed"]] if "seed" in values else [],
        "seconds": round(seconds),
        "processor_seconds": round(time.process_time()),
        "memory_mb": memory_taken(),
        "kept": dict(cache.counts),
        "kept from": dict(cache.sources),
        "parameters": values,
        "data": "XAI_DATA set" if paths.xai_data() else "",
        "finished": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    edited = origin.changes(before, name, values)
    return card | ({"edited": edited} if edited else {})


def memory_taken() -> dict[str, int]:
    """The most MB that this process has had, and on a GPU that torch has had there."""
    taken = {"process": memory.peak_mb(os.getpid())}
    if devices.chosen().type == "cuda":
        taken["GPU"] = round(torch.cuda.max_memory_allocated() / 1e6)
    return taken


def command(name: str, values: dict[str, Any], profile: dict[str, Any]) -> str:
    """The command that runs a notebook so, as it can be pasted into a shell."""
    words = ["python", "-m", "helpers.run", name, "--profile", values["profile"]]
    for key, value in values.items():
        if key != "profile" and profile.get(key) != value:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            words += ["-p", key, text]
    return shlex.join(words)


def as_html(card: dict[str, Any]) -> str:
    """The run card, folded, as a notebook or a page shows it."""
    rows = "".join(f"<li>{html.escape(line)}</li>" for line in _lines(card))
    return (
        f'<details class="run-card"><summary>Run card: profile {html.escape(card["profile"])}'
        f"</summary><ul>{rows}</ul></details>"
    )


def as_text(card: dict[str, Any]) -> str:
    """The run card where there is no HTML."""
    return "\n- ".join([f"Run card: profile {card['profile']}", *_lines(card)])


def _lines(card: dict[str, Any]) -> list[str]:
    packages = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    sources = card.get("kept from", {})
    read = sum(sources.values())
    parts = f", not counting {read} parts kept from earlier runs" if read else ""
    meaning = f"; {card['arithmetic']}" if "arithmetic" in card else ""  # none in older cards
    taken = card.get("memory_mb", {})  # none in older cards, nor where the system does not tell
    most = [f"{mb / 1000:.1f} GB of the {where}'s memory" for where, mb in taken.items() if mb]
    lines = [
        f"{card['seconds']} s on {card['device']}{parts}{meaning}",
        *([f"at most {' and '.join(most)}"] if most else []),
        card["command"] + (f", with {card['data']}" if card["data"] else ""),
        f"commit {card['commit']}, digest of code and data {card['digest']}",
        packages,
        f"finished {card['finished']}",
        *(f"{count} parts kept from {source}" for source, count in sources.items()),
    ]
    return lines + ([f"edited: {card['edited']}"] if card.get("edited") else [])


def device_name() -> str:
    """The run's GPU with CUDA and cuDNN, or the processor with the threads that torch uses."""
    device = devices.chosen()
    if device.type == "cuda":
        versions = f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
        versions += f", driver {version}" if (version := devices.driver()) else ""
        return f"{torch.cuda.get_device_name(device)} ({device}), {versions}"
    if device.type != "cpu":
        return str(device)
    return f"CPU ({platform.machine()}), {torch.get_num_threads()} threads"
