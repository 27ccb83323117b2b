"""Measurements of speed and memory, none of them a test: `python -m benchmarks.NAME`."""
