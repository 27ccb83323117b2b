"""Model files: the catalogue, where they lie, and their downloads."""
