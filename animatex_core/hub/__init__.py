"""Model files: the catalogue, the models directory, downloads and checksums."""
