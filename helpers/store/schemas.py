"""jsonschema, without the grammar of links that it would compile at its import for two seconds."""

import sys
from types import ModuleType

_GRAMMAR = "rfc3987_syntax"  # nothing here checks a link


def load() -> ModuleType:
    """The package jsonschema, which Altair and nbformat load too, so call this before them.

    While it is loaded the package that compiles the grammar is not to be found. Whoever needs that
    package itself imports it as ever.
    """
    if "jsonschema" not in sys.modules and _GRAMMAR not in sys.modules:
        sys.modules[_GRAMMAR] = None  # type: ignore[assignment]
        try:
            import jsonschema
        finally:
            del sys.modules[_GRAMMAR]
    import jsonschema

    return jsonschema
