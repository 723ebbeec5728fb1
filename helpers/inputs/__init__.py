"""What goes in: images, networks, training. Imports ``papers.checks`` and ``store``."""
