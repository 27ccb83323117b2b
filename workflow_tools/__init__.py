"""Writes `workflows/` from descriptions in Python, so that the graphs keep in step with the nodes."""
