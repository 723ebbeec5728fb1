"""The methods of a run: the registry's with a budget, and the one that a user brings."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from helpers.saliency import contract, gradients, registry, user_code
from helpers.store import cache
from helpers.trials import guard
from helpers.trials.settings import Settings

YOURS, KIND_OF_YOURS = "Yours", "yours"
BLACK_BOX, CONTROL = "black box", "control"
Brought = (
    contract.Explain
    | str
    | Sequence[contract.Explain | str]
    | Mapping[str, contract.Explain | str]
    | None
)


class Method(NamedTuple):
    """A saliency method as the engine runs it."""

    name: str
    kind: str  # of the registry, or "yours"
    explain: contract.Explain
    key: str  # digest of its code and options: equal only for equal methods
    half_precision: bool = False  # whether it evaluates the network in bfloat16

    @property
    def is_brought(self) -> bool:
        """Whether a user brought it, so that it may fail without ending the run."""
        return self.kind == KIND_OF_YOURS


def registered(settings: Settings) -> list[Method]:
    """All methods of :data:`helpers.saliency.registry.METHODS`, within the settings' budget."""
    found = []
    for kind, methods in registry.METHODS.items():
        for name, explain in methods.items():
            options: dict[str, int] = {}
            if kind == BLACK_BOX:
                options = {"evaluations": settings.evaluations}
            if explain is gradients.smooth_grad:
                options = {"samples": settings.samples}
            if explain is gradients.integrated_gradients:
                options = {"steps": settings.path_steps}
            half = kind == BLACK_BOX and settings.precision == "bfloat16"
            key = _key_of_registered(kind, name, explain, options)
            found.append(Method(name, kind, partial(explain, **options), key, half))
    return found


def brought_all(given: Brought) -> list[Method]:
    """The methods that a user brings, in the order given.

    Parameters
    ----------
    given
        A function, ``module:name``, several of these apart by commas, or a list of them; or a
        dictionary from names to them. One alone is called :data:`YOURS`, several "Yours: NAME".

    Raises
    ------
    ValueError
        If one is not there or cannot be called, or two have one name.
    """
    if given is None or (isinstance(given, str) and not given.strip()):
        return []
    named = _named(given)
    loaded = {name: _loaded(method) for name, method in named.items()}
    if len(loaded) == 1 and not isinstance(given, Mapping):
        return [brought(method) for method in loaded.values()]
    return [brought(method, f"{YOURS}: {name}") for name, method in loaded.items()]


def _named(given: Brought) -> dict[str, contract.Explain | str]:
    """Methods by name; of two with one name the second has its place behind it."""
    if isinstance(given, Mapping):
        return {str(name): method for name, method in given.items()}
    if isinstance(given, str):
        given = [word.strip() for word in given.split(",") if word.strip()]
    elif callable(given):
        given = [given]
    named: dict[str, contract.Explain | str] = {}
    for place, method in enumerate(given or [], 1):
        name = method if isinstance(method, str) else _name_of(method)
        named[f"{name} ({place})" if name in named else name] = method
    return named


def _name_of(method: object) -> str:
    while isinstance(method, partial):
        method = method.func
    return getattr(method, "__name__", type(method).__name__)


def _loaded(method: contract.Explain | str) -> contract.Explain:
    return user_code.load_method(method) if isinstance(method, str) else method


def brought(explain: contract.Explain, name: str = YOURS) -> Method:
    """A method that a user brings, run under :mod:`helpers.trials.guard`.

    Its key follows from its code, what it closes over and what its modules import; one whose
    content cannot be told gets a key of its own, so that nothing of an earlier run is used.

    Raises
    ------
    ValueError
        If it cannot be called.
    """
    if not callable(explain):
        raise ValueError(
            f"the method is {type(explain).__name__}; expected a function (model, images, classes)"
        )
    key = cache.key_of_brought(explain)
    return Method(name, KIND_OF_YOURS, partial(guard.run_guarded, explain), key)


def _key_of_registered(
    kind: str, name: str, explain: contract.Explain, options: Mapping[str, int]
) -> str:
    """By name where the code stands in helpers, whose rooms every key covers; else by content."""
    code = explain
    while isinstance(code, partial):
        code = code.func
    inside = getattr(code, "__module__", "").startswith("helpers.")
    return cache.key_of(_identity, kind, name, dict(options), None if inside else explain)


def _identity(*parts: object) -> tuple:
    return parts
