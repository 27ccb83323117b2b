"""Animate-X++: the modules added to a Wan 2.1 transformer, checkpoints, sampling and pipeline."""
