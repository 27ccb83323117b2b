"""Benchmarks of speed and memory, not part of the tests: `python -m benchmarks.NAME`."""
