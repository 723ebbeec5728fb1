"""The run card: what made a result."""

import datetime
import shlex
import subprocess
from typing import Any

import torch

from helpers.store import cache, digests, paths


def run_card(
    name: str, values: dict[str, Any], profile: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """All that made a run: command, commit, digest, device, versions, parameters, kept parts.

    Parameters
    ----------
    name
        The notebook.
    values
        Its parameters, "profile" among them.
    profile
        What the profile asks for; what differs stands in the command.
    """
    changed = [
        f"-p {k} {shlex.quote(_text(v))}"
        for k, v in values.items()
        if k != "profile" and profile.get(k) != v
    ]
    command = " ".join(["python -m helpers.run", name, "--profile", values["profile"], *changed])
    return {
        "profile": values["profile"],
        "command": command,
        "commit": commit(),
        "digest": notebook_digest(name, values),
        "device": device_name(),
        "versions": digests.versions(),
        "seeds": [values["seed"]] if "seed" in values else [],
        "seconds": round(seconds),
        "kept": dict(cache.counts),
        "parameters": values,
        "data": "XAI_DATA set" if paths.xai_data() else "",
        "finished": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def as_markdown(card: dict[str, Any]) -> str:
    """The run card as an admonition of the page."""
    packages = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    kept = card["kept"].get("read", 0)
    parts = f", not counting {kept} parts kept from earlier runs" if kept else ""
    return (
        ":::{admonition} Run card\n:class: note dropdown\n"
        f"- profile **{card['profile']}**, {card['seconds']} s on {card['device']}{parts}\n"
        f"- `{card['command']}`{', with ' + card['data'] if card['data'] else ''}\n"
        f"- commit `{card['commit']}`, digest of code and data `{card['digest']}`\n"
        f"- {packages}\n- finished {card['finished']}\n:::\n\n"
        f"*This page shows the profile **{card['profile']}**.*"
    )


def device_name() -> str:
    """The GPU's name, or the processor's with the number of threads that torch uses."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    import platform

    return f"CPU ({platform.machine()}), {torch.get_num_threads()} threads"


def commit() -> str:
    """The commit checked out, with a plus sign where tracked files differ from it."""

    def git(*words: str) -> str:
        try:
            done = subprocess.run(["git", *words], cwd=paths.ROOT, capture_output=True, text=True)
        except FileNotFoundError:
            return ""
        return done.stdout.strip()

    head = git("rev-parse", "--short=10", "HEAD")
    return (head + ("+" if git("status", "--porcelain", "-uno") else "")) if head else "no commit"


def notebook_digest(name: str, values: dict[str, Any]) -> str:
    """Digest of a notebook's code, the rooms it stands on, its parameters and committed inputs."""
    inputs = [paths.REPORTED / f"{name}.csv", *sorted(paths.MODELS.glob(f"{name}*.safetensors"))]
    present = [file for file in inputs if file.exists()]
    return digests.digest(values, digests.code_digest(paths.NOTEBOOKS / f"{name}.py"), present)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
