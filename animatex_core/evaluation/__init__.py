"""Evaluation: how good animations are, measured and as people see it. Nothing of the library imports it."""
