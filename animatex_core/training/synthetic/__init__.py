"""Synthetic characters, motion and videos, generated from a seed."""
