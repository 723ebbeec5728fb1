"""The words, tables and charts of each notebook: functions of numbers and frames, without torch."""
