"""Faults put in on purpose, each with what became of it: ``make test-slow``.

Kills, damaged files, bad inputs, forged results and mutations of the code are tried one after
another; ``data/reliability.json`` keeps the record, and the page *Reliability* shows it.
"""
