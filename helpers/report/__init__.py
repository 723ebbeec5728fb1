"""Claims, figures, charts, tables and pages: numbers in, pages out. Knows no torch."""
