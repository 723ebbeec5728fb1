"""The page that sets two methods' maps side by side."""

import itertools
import json
from pathlib import Path

from helpers.report import figures, leaderboard, render
from helpers.report.site import spelling
from helpers.store import paths, reading

_JPEG, _PNG = "/9j/", "iVBORw0KGgo"  # how they begin in base64


def load(folder: Path = paths.RESULTS) -> dict | None:
    """Photographs, maps and scores to look at, by network; None before the first run.

    ``{"networks": [{"name", "images": [{"name", "class", "probability", "picture"}], "maps":
    {method: [map, ...]}, "scale": {method: "signed" or "unsigned"}, "scores": {method: {measure:
    [value, ...]}}}]}``, the lists in the order of the images; a picture is a JPEG and a map a grey
    PNG, both in base64. Grey 0 to 255 is 0 to where the strongest 1 % of the map begin, or, where
    signed, 128 is 0 and 255 where the strongest 1 % by magnitude begin.

    Raises
    ------
    ValueError
        If a list has not one entry an image, or a picture is of another format.
    """
    file = folder / f"{leaderboard.CHAPTER}-explorer.json"
    if not file.exists():
        return None
    content = reading.object_of(file, "networks")
    for network in content["networks"]:
        _check_lengths(network, file.name)
        _check_formats(network, file.name)
    return content


def explorer_page(content: dict | None) -> str:
    """Write the page's frame, which its script fills; without data, how to get them."""
    if content is None:
        return render.markdown("not_run", chapter=leaderboard.CHAPTER)
    return render.html("explorer")


def explorer_script(content: dict) -> str:
    """Write the explorer's data and its maps' colors as a script, which needs no server."""
    content = {"networks": [_named(network) for network in content["networks"]]}
    colors = {"unsigned": figures.color_table(False), "signed": figures.color_table(True)}
    return f"window.EXPLORER = {json.dumps({**content, 'colors': colors})};\n"


def _named(network: dict) -> dict:
    """A network's maps and scores with the names that all pages have."""
    maps, scale = (
        {spelling.named(method): entry for method, entry in network[part].items()}
        for part in ("maps", "scale")
    )
    scores = {
        spelling.named(method): {spelling.spelled(name): row for name, row in measures.items()}
        for method, measures in network["scores"].items()
    }
    return {**network, "maps": maps, "scale": scale, "scores": scores}


def _check_lengths(network: dict, file: str) -> None:
    scores = [row for measures in network["scores"].values() for row in measures.values()]
    count = len(network["images"])
    wrong = {len(row) for row in [*network["maps"].values(), *scores]} - {count}
    if wrong:
        raise ValueError(
            f"{file} has lists of {sorted(wrong)} entries for {network['name']}; "
            f"expected {count}, one an image"
        )


def _check_formats(network: dict, file: str) -> None:
    pictures = [image["picture"] for image in network["images"]]
    for texts, beginning in ((pictures, _JPEG), (itertools.chain(*network["maps"].values()), _PNG)):
        wrong = [text[:12] for text in texts if not text.startswith(beginning)]
        if wrong:
            raise ValueError(
                f"{file}: a picture begins with {wrong[0]!r}; expected {beginning!r}, "
                "photographs as JPEG and maps as PNG, in base64"
            )
