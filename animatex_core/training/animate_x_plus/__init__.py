"""Training of Animate-X++."""
