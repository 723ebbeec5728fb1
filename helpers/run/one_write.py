"""Papermill's engine, but the notebook is written at its end only, not twice a cell.

The file lies in a scratch folder that nobody reads before the end; a notebook with charts takes a
tenth of a second a time, for which the kernel waits.
"""

from typing import Any

from papermill.engines import NBClientEngine, papermill_engines

NAME = "one-write"


class OneWrite(NBClientEngine):
    """Executes as Papermill does; of a run that breaks off, what was executed is written, too."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, *args: Any, **kwargs: Any) -> None:
        """Execute the cells while the file's name is put away, so that nothing is written."""
        file, nb_man.output_path = nb_man.output_path, None
        try:
            super().execute_managed_notebook(nb_man, *args, **kwargs)
        finally:
            nb_man.output_path = file


papermill_engines.register(NAME, OneWrite)
