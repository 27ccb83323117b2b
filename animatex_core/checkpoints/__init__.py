"""Weights files: reading the released ones safely, key maps, and the bundle that this project writes."""
