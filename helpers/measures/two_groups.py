"""Differences between two groups of images, which are not paired."""

import numpy as np

from helpers.measures import checks, intervals


def mean_difference(
    values: np.ndarray, group: np.ndarray, *, draws: int = 1000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean outside a group less the mean within, with its 95 % bootstrap interval.

    Images are drawn, not groups, so that the groups' sizes vary as they would. A draw that lacks
    one of the groups says nothing and is left out.

    Parameters
    ----------
    values
        One number an image, (N,); NaN is left out.
    group
        Which images are in the group, bool (N,).

    Raises
    ------
    ValueError
        If the group is not bool, or not one a value.
    """
    values, group = np.asarray(values), np.asarray(group)
    checks.group(group, values)
    valid = ~np.isnan(values)
    sums = np.zeros((len(values), 2, 2))  # image; within and outside; sum and count
    for column, members in enumerate((group, ~group)):
        sums[:, column, 0] = np.where(valid & members, values, 0)
        sums[:, column, 1] = valid & members

    def difference(total: np.ndarray) -> np.ndarray:
        if not total[:, 1].all():
            return np.array(np.nan)
        return total[1, 0] / total[1, 1] - total[0, 0] / total[0, 1]

    return intervals.bootstrap_groups(sums, difference, draws=draws, seed=seed)
