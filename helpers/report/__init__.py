"""Claims, figures, charts, tables and pages: numbers in, pages out. Knows no torch."""

from helpers.store import schemas

schemas.load()  # before Altair does
