"""Files: where they lie, how they are read and written, what is kept. Imports nothing of ours."""
