"""Solvers that ask for one evaluation at a time, run beside one another: the network sees a batch.

SciPy's solvers call a function for a point and wait. Here each runs in a thread of its own; once
all that have not ended wait, their points are evaluated together in the calling thread. So the
batches follow from the solvers alone, and a second run gives the same numbers.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

Ask = Callable[[Any], Any]  # a point to its evaluation
Result = TypeVar("Result")


class _Meeting:
    """Where solvers hand in a point each, and wait for what it gives."""

    def __init__(self, count: int) -> None:
        self.present = count
        self.points: dict[int, Any] = {}
        self.answers: dict[int, Any] = {}
        self.broken = False
        self.changed = threading.Condition()

    def ask(self, place: int, point: Any) -> Any:
        """The evaluation of a solver's point."""
        with self.changed:
            self.points[place] = point
            self.changed.notify_all()
            self.changed.wait_for(lambda: place in self.answers or self.broken)
            if self.broken:
                raise RuntimeError("the evaluation of the solvers' points failed")
            return self.answers.pop(place)

    def leave(self) -> None:
        """A solver has ended: nobody waits for it any more."""
        with self.changed:
            self.present -= 1
            self.changed.notify_all()

    def serve(self, evaluate: Callable[[list[int], list[Any]], Sequence[Any]]) -> None:
        """Evaluate whenever all present wait, until none is left."""
        with self.changed:
            try:
                while self.present:
                    self.changed.wait_for(lambda: len(self.points) == self.present)
                    places = sorted(self.points)
                    if places:
                        found = evaluate(places, [self.points.pop(place) for place in places])
                        self.answers.update(zip(places, found, strict=True))
                    self.changed.notify_all()
            except BaseException:  # else the solvers wait for ever
                self.broken = True
                self.changed.notify_all()
                raise


def together(
    solvers: Sequence[Callable[[Ask], Result]],
    evaluate: Callable[[list[int], list[Any]], Sequence[Any]],
) -> list[Result]:
    """What each solver returns.

    Parameters
    ----------
    solvers
        Each is given a function that evaluates a point.
    evaluate
        From the numbers of the solvers that ask, in order, and their points to what each gives.
        Runs in the calling thread, so that its threads of computation are one set.
    """
    if not solvers:
        return []
    meeting = _Meeting(len(solvers))

    def run(place: int) -> Result:
        try:
            return solvers[place](partial(meeting.ask, place))
        finally:
            meeting.leave()

    with ThreadPoolExecutor(len(solvers)) as pool:
        running = [pool.submit(run, place) for place in range(len(solvers))]
        meeting.serve(evaluate)
        return [each.result() for each in running]
