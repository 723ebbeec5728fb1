"""The verdict on one claim: each word has one rule, here and on the page *What counts*.

All rules compare our 95 % interval with what the paper says. What is undecided stays undecided.
"""

import math
from collections.abc import Iterable
from statistics import NormalDist
from typing import Protocol

from scipy import stats

REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE = "reproduced", "not reproduced", "inconclusive"
DEPENDS = "depends on the reading"
NOT_COMPARABLE, NOT_RUN = "not comparable", "not run"
VERDICTS = [REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE, DEPENDS, NOT_COMPARABLE, NOT_RUN]
DECIDED = {REPRODUCED, NOT_REPRODUCED}
ABOVE, BELOW, EQUAL, BINOMIAL = "above", "below", "equal", "binomial"
BOUNDS = ("", ABOVE, BELOW, EQUAL, BINOMIAL)
LEVEL = 0.05  # of every test
PERCENT = "%"
_NEAR_INTEGER = 0.05  # a printed share, such as 33.33 %, times its rounds


class Row(Protocol):
    """A judged row, as ``itertuples`` gives it."""

    verdict: str
    bound: str
    unit: str
    reported: float
    tolerance: float
    rounds: float
    value: float
    low: float
    high: float


def verdict(
    reported: float,
    tolerance: float,
    low: float,
    high: float,
    bound: str = "",
    *,
    value: float = math.nan,
    rounds: float = math.nan,
    unit: str = "",
) -> str:
    """Hold our 95 % interval [low, high] against what the paper says.

    Reproduced: the whole interval lies in the :func:`region` of its bound. Not reproduced: it lies
    wholly outside. Inconclusive: it straddles an edge. For ``equal`` see :func:`of_equivalence`.

    Raises
    ------
    ValueError
        If a number is NaN, the tolerance is negative, the interval is upside down, or the bound is
        none of the five.
    """
    if bound not in BOUNDS:
        raise ValueError(
            f"bound is {bound!r}; expected 'above', 'below' or nothing, 'equal' or 'binomial'"
        )
    needed = {"reported": reported, "low": low, "high": high}
    if bound != BINOMIAL:
        needed["tolerance"] = tolerance
    undefined = [name for name, number in needed.items() if math.isnan(number)]
    if undefined:
        raise ValueError(f"{undefined[0]} is NaN; a verdict needs a number, else it is {NOT_RUN!r}")
    if tolerance < 0:
        raise ValueError(f"tolerance is {tolerance}; expected 0 or more")
    if low > high:
        raise ValueError(f"interval [{low}, {high}] is upside down; give (low, high)")
    floor, ceiling = region(reported, tolerance, bound, rounds=rounds, unit=unit)
    if bound == EQUAL:
        return of_equivalence(floor, ceiling, value, low, high)
    if floor <= low and high <= ceiling:
        return REPRODUCED
    return NOT_REPRODUCED if high < floor or ceiling < low else INCONCLUSIVE


def region(
    reported: float, tolerance: float, bound: str, *, rounds: float = math.nan, unit: str = ""
) -> tuple[float, float]:
    """Between which ends, both included, our whole interval must lie.

    A number and an equality: reported ± tolerance. An order: all that is more, or less, than
    reported, with a tolerance all beyond it; at the bound itself nothing is more, or less. The
    paper's k of n rounds: all shares under which k is not unusual (each binomial tail at least
    2.5 %), which is the interval of Clopper & Pearson (1934) around k / n.

    Raises
    ------
    ValueError
        If the reported share is no whole number of rounds.
    """
    if bound == ABOVE:
        return math.nextafter(reported + tolerance, math.inf), math.inf
    if bound == BELOW:
        return -math.inf, math.nextafter(reported - tolerance, -math.inf)
    if bound != BINOMIAL:
        return reported - tolerance, reported + tolerance
    scale = 100 if unit == PERCENT else 1
    k, n = _successes(reported / scale, rounds)
    found = stats.binomtest(k, n).proportion_ci(1 - LEVEL, method="exact")
    return scale * float(found.low), scale * float(found.high)


def _successes(share: float, rounds: float) -> tuple[int, int]:
    """The k and the n of a printed share."""
    if math.isnan(rounds) or rounds < 1:
        raise ValueError(f"rounds is {rounds}; a binomial claim needs how many the paper shows")
    k = round(share * rounds)
    if abs(share * rounds - k) > _NEAR_INTEGER or not 0 <= k <= rounds:
        raise ValueError(f"{share:g} of {rounds:g} rounds is no whole number from 0 to {rounds:g}")
    return k, int(rounds)


def of_equivalence(floor: float, ceiling: float, value: float, low: float, high: float) -> str:
    """Equality up to a margin, by two one-sided tests at 5 % (TOST; Schuirmann 1987).

    Reproduced: the 90 % interval lies within the margin. Not reproduced: the 95 % interval lies
    wholly outside. Else inconclusive. Each side of the 90 % interval is the 95 % interval's,
    shortened by the ratio of the normal quantiles, 1.645 / 1.960.

    Raises
    ------
    ValueError
        If the value is no number of the interval.
    """
    if not low <= value <= high:
        raise ValueError(f"value {value:g} is not in its interval [{low}, {high}]")
    narrow_low, narrow_high = at_level(value, low, high, 0.90)
    if floor <= narrow_low and narrow_high <= ceiling:
        return REPRODUCED
    return NOT_REPRODUCED if high < floor or ceiling < low else INCONCLUSIVE


def of_readings(main: str, others: Iterable[str]) -> str:
    """The verdict over the admissible readings of what a paper leaves open.

    Depends on the reading: at least one reading is reproduced and at least one is not; inconclusive
    ones count for neither. Else the verdict of the main reading.
    """
    found = {main, *others}
    return DEPENDS if found >= DECIDED else main


def strength(judged: Row) -> float:
    """Two-sided p value of a decided verdict: by it Holm's procedure ranks the rows of a family.

    One minus the widest level at which the interval, scaled about the value by normal quantiles,
    would stay on its side of the edges; half of that where two one-sided tests decided (TOST). 0
    where the interval is the value itself. Of a binomial row that is not reproduced it is the
    paper's two-sided tail under the end of our interval nearest to it, and 0 of one that is:
    agreement is no rejection. NaN where nothing is decided.
    """
    if judged.verdict not in DECIDED:
        return math.nan
    if judged.bound == BINOMIAL:
        return 0.0 if judged.verdict == REPRODUCED else _tail(judged)
    ends = region(judged.reported, judged.tolerance, judged.bound)
    standard = NormalDist()
    p = 0.0
    for edge in (end for end in ends if math.isfinite(end)):
        half = judged.value - judged.low if edge <= judged.value else judged.high - judged.value
        if half > 0:
            z = abs(judged.value - edge) / (half / standard.inv_cdf(0.975))
            p = max(p, 2 * (1 - standard.cdf(z)))
    one_sided = judged.bound == EQUAL and judged.verdict == REPRODUCED
    return min(p / 2 if one_sided else p, LEVEL)  # decided at 5 %, whatever the interval's shape


def _tail(judged: Row) -> float:
    """Twice the binomial tail that the paper's rounds leave under our interval's nearest end."""
    scale = 100 if judged.unit == PERCENT else 1
    k, n = _successes(judged.reported / scale, judged.rounds)
    if judged.low / scale > k / n:
        return 2 * float(stats.binom.cdf(k, n, judged.low / scale))
    return 2 * float(stats.binom.sf(k - 1, n, judged.high / scale))


def at_level(value: float, low: float, high: float, level: float) -> tuple[float, float]:
    """The 95 % interval brought to another level, each side by the ratio of normal quantiles."""
    ratio = NormalDist().inv_cdf((1 + level) / 2) / NormalDist().inv_cdf(0.975)
    return value - (value - low) * ratio, value + (high - value) * ratio
