"""The tests that enter the ranking: those that tell a right map from maps that know nothing.

Where the plain form of a test is won by a map without the network, the corrected one stands here.
All but removal stand on the page *The tests on trial* with their area under the ROC curve, there
with networks whose weights are only shuffled; here ``tests/test_ranking.py`` sends an oracle and
maps that know nothing through each.
"""

from collections.abc import Callable, Mapping

from helpers.planted import corrected
from helpers.ranking import removal
from helpers.trials import battery
from helpers.trials import conditions as families
from helpers.trials.conditions import Condition
from helpers.trials.engine import Maps
from helpers.trials.scores import Score, Trial
from helpers.trials.settings import Settings

IN_WORDS = {  # what a test asks of a map, by its name here
    "decision": "does it follow the decision, beyond noise?",
    "stability": "does it stay under corruption, with weights?",
    "insertion and deletion": "do its pixels carry the score?",
    "removal": "do they when what is removed is imputed?",
    "localization": "does it lie on the half that is explained?",
    "sufficiency": "is what it selects enough?",
    "randomization": "does it forget with the network?",
}


def _needs(*names: str) -> Callable[[Mapping[str, Condition]], list[str]]:
    """The clean images and some conditions; not those that only the plain test looks at."""
    return lambda conditions: [families.CLEAN, *names]


def _of_first_draw(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """Sufficiency of the first draw: further draws of a method that draws nothing are the same."""
    return corrected.sufficient(maps, conditions, settings._replace(seeds=1))


TRIALS: dict[str, Trial] = {
    "decision": corrected.DECISION._replace(
        needs=_needs(families.ATTACKED, families.OTHER_CLASS, families.NOISE)
    ),
    "stability": corrected.STABILITY,
    "insertion and deletion": removal.DIFF_AUC,
    "removal": removal.TRIALS["ROAD"],
    "localization": battery.TRIALS["localisation"],
    "sufficiency": corrected.SUFFICIENCY._replace(needs=_needs(), scores=_of_first_draw),
    "randomization": corrected.RANDOMIZATION,
}
CLEAN_ALONE = ("insertion and deletion", "removal", "localization", "sufficiency")
# removal with other fills: how far the order depends on what replaces a pixel
FILLS: dict[str, Trial] = {
    f"removal, {name}": trial for name, trial in removal.TRIALS.items() if name != "ROAD"
}
