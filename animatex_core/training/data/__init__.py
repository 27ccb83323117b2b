"""Clips that are encoded once and read many times."""
