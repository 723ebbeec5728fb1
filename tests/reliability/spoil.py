"""What can happen to a file: each fault takes its bytes and gives others, or None where it cannot.

All chance is drawn from a generator that the caller seeds.
"""

import json
import random
from collections.abc import Callable

import yaml

PORTAL = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Wi-Fi</body></html>\n"
Spoil = Callable[[bytes, random.Random], bytes | None]


def one_bit(whole: bytes, chance: random.Random) -> bytes:
    """One bit turned, anywhere."""
    place = chance.randrange(len(whole))
    turned = bytes([whole[place] ^ (1 << chance.randrange(8))])
    return whole[:place] + turned + whole[place + 1 :]


def one_digit(whole: bytes, chance: random.Random) -> bytes | None:
    """One digit replaced by another, anywhere."""
    places = [number for number, byte in enumerate(whole) if byte in b"0123456789"]
    if not places:
        return None
    place = chance.choice(places)
    others = [digit for digit in b"0123456789" if digit != whole[place]]
    return whole[:place] + bytes([chance.choice(others)]) + whole[place + 1 :]


ANY: dict[str, Spoil] = {
    "empty": lambda whole, chance: b"",
    "first half only": lambda whole, chance: whole[: len(whole) // 2],
    "last byte missing": lambda whole, chance: whole[:-1],
    "zeros in the second half": lambda whole, chance: (
        whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2)
    ),
    "a login page": lambda whole, chance: PORTAL,
    "random bytes": lambda whole, chance: chance.randbytes(len(whole)),
    "bytes appended": lambda whole, chance: whole + chance.randbytes(9),
    **{f"one bit turned ({number})": one_bit for number in range(1, 5)},
}


def _text(change: Callable[[str], str]) -> Spoil:
    return lambda whole, chance: change(whole.decode()).encode()


TEXT: dict[str, Spoil] = {
    "byte order mark": lambda whole, chance: b"\xef\xbb\xbf" + whole,
    "line ends of Windows": _text(lambda text: text.replace("\n", "\r\n")),
    "UTF-16": lambda whole, chance: whole.decode().encode("utf-16"),
    "null bytes appended": lambda whole, chance: whole + b"\0\0\0",
    **{f"one digit changed ({number})": one_digit for number in range(1, 4)},
}


def _line(number: int, change: Callable[[str], str]) -> Spoil:
    """Another line in a text; a table's first line is its head."""

    def spoiled(whole: bytes, chance: random.Random) -> bytes | None:
        lines = whole.decode().splitlines()
        if len(lines) < 2:
            return None
        lines[number] = change(lines[number])
        return ("\n".join(lines) + "\n").encode()

    return spoiled


def _number_as(text: str) -> Spoil:
    """The last cell of the last row that is a number becomes another text."""

    def change(line: str) -> str:
        cells = line.split(",")
        for number in reversed(range(len(cells))):
            if cells[number].replace(".", "").replace("-", "").isdigit():
                cells[number] = text
                break
        return ",".join(cells)

    return _line(-1, change)


CSV: dict[str, Spoil] = {
    "first column named otherwise": _line(0, lambda line: f"other{line}"),
    "last column named otherwise": _line(0, lambda line: f"{line}other"),
    "a column twice": _line(0, lambda line: f"{line.split(',')[0]},{line}"),
    "a row twice": lambda whole, chance: whole + whole.splitlines()[-1] + b"\n",
    "a cell too many": _line(-1, lambda line: f"{line},9"),
    "a cell too few": _line(-1, lambda line: line.rpartition(",")[0]),
    "NaN for a number": _number_as("nan"),
    "infinity for a number": _number_as("inf"),
    "a word for a number": _number_as("two"),
    "no number": _number_as(""),
    "only the head": lambda whole, chance: whole.splitlines()[0] + b"\n",
    "semicolons for commas": _text(lambda text: text.replace(",", ";")),
}


def _as_json(change: Callable[[str], str]) -> Spoil:
    return _text(change)


JSON: dict[str, Spoil] = {
    "a key twice": lambda whole, chance: _key_twice(whole),
    "an empty list": lambda whole, chance: b"[]",
    "an empty object": lambda whole, chance: b"{}",
    "null": lambda whole, chance: b"null",
    "a number": lambda whole, chance: b"3",
}


def _key_twice(whole: bytes) -> bytes | None:
    first = next(iter(json.loads(whole)), None)
    return whole.replace(b"{", f'{{"{first}": 0, '.encode(), 1) if first else None


YAML: dict[str, Spoil] = {
    "a key twice": lambda whole, chance: _first_key_again(whole),
    "an empty list": lambda whole, chance: b"[]\n",
    "nothing": lambda whole, chance: b"# nothing\n",
    "a word": lambda whole, chance: b"word\n",
    "an object of Python": lambda whole, chance: whole + b"\nz: !!python/object/apply:os.getcwd []",
    "a bracket left open": lambda whole, chance: whole + b"\nz: [1, 2\n",
    "tabs": _text(lambda text: text.replace("  ", "\t")),
}


def _first_key_again(whole: bytes) -> bytes | None:
    held = yaml.safe_load(whole)
    if not isinstance(held, dict):
        return None
    return whole + f"\n{next(iter(held))}: {{}}\n".encode()
