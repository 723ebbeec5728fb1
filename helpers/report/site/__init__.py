"""What the built pages get after Sphinx wrote them: charts, tables, captions, head, footer."""
