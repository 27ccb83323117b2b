"""Evaluation of animations by metrics and by people. The rest of the library does not import it."""
