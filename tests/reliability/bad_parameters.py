"""Ask the runner for what there is not: each parameter of each notebook with each wrong value."""

from collections.abc import Iterator
from typing import Any

from helpers.run import parameters
from reliability import record

DIGITS = {  # texts that Python takes for numbers, and people do not
    "digits of another script": "３", "an underscore": "1_0", "a blank before": " 3",
    "a line's end": "3\n", "hexadecimal": "0x3", "NaN": "nan", "infinity": "inf",
    "too large": "1e400", "5000 digits": "9" * 5000, "a word": "many", "empty": "", "true": "true",
    "a fraction bar": "1/2", "a comma": "1,5", "two minus signs": "--3",
}  # fmt: skip
TEXTS = {
    "a line's end": "a\nb", "a null byte": "a\0b", "markup": "<script>alert(1)</script>",
    "a command": "; rm -r x", "5000 letters": "a" * 5000, "blanks": "   ", "a path up": "../../x",
}  # fmt: skip


def faults(rule: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Values that a parameter of this rule must not take, by what is wrong in them."""
    kind = rule["type"]
    if kind in ("integer", "number"):
        yield "below its range", rule["minimum"] - 1
        yield "above its range", rule["maximum"] + 1
        yield from DIGITS.items()
        yield "a truth value", True
        yield "a list", [3]
        if kind == "integer":
            yield "a fraction", rule["minimum"] + 0.5
    elif kind == "boolean":
        yield from {"yes": "yes", "1": "1", "a number": 1, "empty": "", "none": None}.items()
    else:
        yield from TEXTS.items()
        yield "a list", ["a"]
        yield "a truth value", True
        if "enum" in rule:
            yield "no choice", "other"
            yield "empty", ""


def run(tried: record.Tried) -> None:
    """Every parameter of every notebook."""
    known = parameters.notebooks()
    parameters.notebooks = lambda: known  # reading the YAML takes most of the time
    for name, chosen in known.items():
        for key, rule in chosen["parameters"].items():
            for fault, value in faults(rule):
                tried.case(f"{name} -p {key}", fault, lambda k=key, v=value, n=name: asked(n, k, v))
        for fault, given in (
            ("no such parameter", ("nothing", 1)),
            ("a profile as parameter", ("profile", "laptop")),
        ):
            tried.case(f"{name} -p", fault, lambda n=name, g=given: asked(n, *g))


def asked(name: str, key: str, value: Any) -> tuple[str, str]:
    """What the runner says of a parameter's value; to take it is wrong."""
    return record.judged(
        lambda: parameters.resolve(name, "smoke", [(key, value)]),
        lambda given: f"taken as {given.get(key)!r}"[:90],
        key,
    )
