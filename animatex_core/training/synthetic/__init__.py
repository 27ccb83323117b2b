"""Synthetic characters, dances and videos, drawn from a seed."""
