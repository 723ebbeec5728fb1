"""Networks and layers of libraries by name, looked up before a run starts.

The schema of a parameter can only say what a name looks like. Here the library says whether it has
such a network, and the network whether it has such a layer; no weight is made or read for it.
"""

import difflib
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

CLOSE = 5  # names that an error tells


def check(rules: Mapping[str, dict], values: Mapping[str, Any], given: Iterable[str]) -> None:
    """Refuse a name that a library does not know, among the values that were `given`.

    Parameters
    ----------
    rules
        The parameters' schemas by name. A schema's ``x-library`` says whose network the value
        names, "ours" being :data:`helpers.inputs.classifiers.IMAGENET` (where it has a colon, the
        value says so itself: ``timm:resnet18``), and
        ``x-layers-of`` says of which parameter's network it names layers.
    values
        Of all parameters.
    given
        Those that differ from the profile, whose own names are known to be right.

    Raises
    ------
    ValueError
        If there is no such network or layer; the message has the names near it.
    """
    given = set(given)
    for key, rule in rules.items():
        if key in given and "x-library" in rule:
            _network(key, values[key], rule["x-library"])
        source = rule.get("x-layers-of")
        if source and values[key] and given & {key, source}:
            _layers(key, values[key], values[source], rules[source]["x-library"])


def _split(value: str, library: str) -> tuple[str, str]:
    """The library and the name of a network; no library where it is a user's own."""
    before, colon, name = value.partition(":")
    if colon:
        return (before, name) if before in ("timm", "torchvision") else ("", name)
    if library == "ours":
        library = "timm" if value.startswith("tf_") else "torchvision"
    return library, value


def _network(key: str, value: str, library: str) -> None:
    ours = library == "ours" and ":" not in value  # which the schema's own pattern lists
    library, name = _split(value, library)
    if not ours and library in ("timm", "torchvision") and name not in _known(library):
        near = difflib.get_close_matches(name, _known(library), CLOSE, 0.4)
        raise ValueError(
            f"{key} is {value!r}: {library} has no network {name!r}; near it: "
            f"{', '.join(near) or 'none'}"
        )


def _known(library: str) -> list[str]:
    if library == "torchvision":
        from torchvision import models

        return models.list_models()
    timm = _timm()
    names = timm.list_models()
    return [*names, *timm.list_pretrained()]


def _timm() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of deprecated names within timm
        import timm
    return timm


def _layers(key: str, value: str, network: str, library: str) -> None:
    library, name = _split(network, library)
    if library not in ("timm", "torchvision") or name not in _known(library):
        return  # a user's own
    known = _names(library, name)
    for layer in value.split():
        bare = layer.removeprefix("network.").removeprefix("body.")  # of what stands around it
        if bare not in known:
            near = difflib.get_close_matches(bare, known, CLOSE, 0.3)
            raise ValueError(
                f"{key} is {value!r}: {network} has no layer {bare!r}; near it: "
                f"{', '.join(near or known[-CLOSE:])}"
            )


def _names(library: str, name: str) -> list[str]:
    """The names of a network's layers; on the device that holds shapes only."""
    import torch

    with torch.device("meta"):
        if library == "torchvision":
            from torchvision import models

            network = models.get_model(name, weights=None)
        else:
            network = _timm().create_model(name, pretrained=False)
    return [layer for layer, _ in network.named_modules() if layer]
