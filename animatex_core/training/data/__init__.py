"""Data sets of encoded training clips: preparation, storage and reading."""
