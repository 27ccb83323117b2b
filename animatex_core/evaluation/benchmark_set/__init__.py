"""Tools for building sets like A2Bench: prompts for generators, and screening of their videos."""
