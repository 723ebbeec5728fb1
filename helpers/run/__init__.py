"""Run a notebook: its parameters, its execution, its run card. ``python -m helpers.run --help``."""
