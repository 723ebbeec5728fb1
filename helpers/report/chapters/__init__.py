"""What each chapter's page says: sentences, tables, charts, from frames and numbers alone."""
