"""The command line: `python -m animatex_core COMMAND`."""
