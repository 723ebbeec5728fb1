"""Every saliency method under one signature; readers add theirs here. Imports the rooms above it.

A line in :data:`helpers.saliency.registry.METHODS` adds a method.
"""
