"""A chapter's sentences, tables and charts: pure functions of frames and numbers, no torch."""
