"""What statistics refuse at their border; knows no torch, as the pages' code uses them."""

import numpy as np


def numbers(values: object, name: str = "values") -> np.ndarray:
    """Values of any shape as float64, NaN among them.

    Raises
    ------
    ValueError
        If one is no real number, or the rows are of unequal lengths.
    """
    try:
        found = np.asarray(values)
        if found.dtype.kind not in "biufO":  # texts such as "1", dates and complex numbers
            raise ValueError
        return found.astype(float)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} hold what is no number, or are no table; expected numbers (N, ...), or NaN to "
            "leave one out"
        ) from None


def draws(number: int, level: float) -> None:
    """Refuse a bootstrap without draws, or with a level that is no share.

    Raises
    ------
    ValueError
        If the number is below 1 or no whole number, or the level not between 0 and 1.
    """
    if number < 1 or number % 1 or not 0 < level < 1:
        raise ValueError(
            f"draws is {number} and level {level}; expected 1 or more, and a share such as 0.95"
        )


def group(members: np.ndarray, values: np.ndarray) -> None:
    """Refuse a group that is not one truth value for each of the values (N,).

    Raises
    ------
    ValueError
        If it is of another type (the complement of 0 is -1) or shape.
    """
    if members.dtype != bool or members.shape != values.shape or values.ndim != 1:
        raise ValueError(
            f"group is {members.dtype} {members.shape} for values {values.shape}; expected bool, "
            "one a value"
        )
