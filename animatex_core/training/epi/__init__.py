"""The explicit pose indicator (Animate-X, section 3.3): training with poses of other bodies."""
