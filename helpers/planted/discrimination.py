"""How well a score tells right maps from wrong ones: the receiver operating characteristic.

A threshold on the score calls a map right; its true positive rate is the share of right maps that
it calls so, its false positive rate that of wrong ones. The area under the curve is the
probability that a right map scores above a wrong one, ties counting half (Hanley & McNeil 1982;
Mann & Whitney's U over the number of pairs): 1 is perfect, 0.5 no better than a coin.
"""

import numpy as np

from helpers.measures import intervals, sample_checks


def roc_area(right: np.ndarray, wrong: np.ndarray, *, draws: int, seed: int) -> np.ndarray:
    """The area under the curve of all images, and of as many bootstrap draws: (draws + 1,).

    Images are drawn, and with an image all its maps, right and wrong ones, because they share it.

    Parameters
    ----------
    right, wrong
        Scores (N, R) and (N, W) of R right and W wrong maps of each of N images; NaN drops out.
    draws, seed
        Of the bootstrap; the first entry is the area of the images as they are.

    Returns
    -------
    numpy.ndarray
        NaN where a draw has no score on one side.

    Raises
    ------
    ValueError
        If the two are not of the same images.
    """
    sample_checks.draws(draws, 0.95)
    if len(right) != len(wrong):
        raise ValueError(f"right maps are of {len(right)} images, wrong ones of {len(wrong)}")
    count = len(right)
    above = np.zeros((count, count))  # of right maps of i and wrong ones of j, how many pairs win
    pairs = np.zeros((count, count))
    for left in right.T:
        for other in wrong.T:
            known = ~np.isnan(left)[:, None] & ~np.isnan(other)
            above += known * ((left[:, None] > other) + 0.5 * (left[:, None] == other))
            pairs += known
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(count, np.full(count, 1 / count), draws)
    weights = np.concatenate([np.ones((1, count)), drawn])
    with np.errstate(invalid="ignore"):
        return ((weights @ above) * weights).sum(1) / ((weights @ pairs) * weights).sum(1)


def area_interval(
    right: np.ndarray, wrong: np.ndarray, *, draws: int, seed: int
) -> tuple[float, float, float, int]:
    """The area with its 95 % interval, and the number of images that it rests on.

    Where every right map scores above every wrong one, or below, each draw says the same, although
    another image might not; then the interval is that of as many successes in as many trials
    (Clopper & Pearson 1934), an image a trial. Arguments as for :func:`roc_area`.
    """
    drawn = roc_area(right, wrong, draws=draws, seed=seed)
    both = (~np.isnan(right)).any(1) & (~np.isnan(wrong)).any(1)
    count = int(both.sum())
    value, low, high = intervals.estimate_and_interval(drawn)
    if value in (0, 1) and count:
        _, low, high = intervals.share_interval(int(value) * count, count)
    return value, low, high, count
