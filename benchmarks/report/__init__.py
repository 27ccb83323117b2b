"""The measured tables of docs/fidelity-and-speed.md: `python -m benchmarks.report`."""
