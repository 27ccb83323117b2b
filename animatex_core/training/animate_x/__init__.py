"""Training of Animate-X."""
