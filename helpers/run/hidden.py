"""Refuse a folder whose files hide modules of Python's; imports nothing that they could hide."""

import os
import sys

LIBRARIES = frozenset(
    """IPython PIL altair captum cv2 foolbox ipykernel jinja2 jsonschema jupytext lime
    matplotlib nbformat numpy pandas papermill pytorch_grad_cam safetensors scipy skimage sklearn
    timm torch torchvision tqdm yaml zennit""".split()  # noqa: SIM905
)


def hiding(folder: str) -> list[str]:
    """Names of a folder's files that hide a standard module or a library from what runs there."""
    names = {name[:-3] for name in os.listdir(folder) if name.endswith(".py")}  # noqa: PTH208
    return sorted(names & (sys.stdlib_module_names | LIBRARIES))


def check() -> None:
    """End with 2 and one sentence where such a file stands in the folder from which one runs."""
    here = os.getcwd()  # noqa: PTH109
    if {"", here} & {*sys.path} and (names := hiding(here)):
        files = ", ".join(f"{name}.py" for name in names)
        print(
            f"helpers.run: {files} in this folder hides the module of the same name from Python; "
            f"rename it, to my_{names[0]}.py say",
            file=sys.stderr,
        )
        raise SystemExit(2)
