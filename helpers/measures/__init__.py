"""Numbers from maps and from measurements. Imports nothing of ours."""
