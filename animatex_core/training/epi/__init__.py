"""The explicit pose indicator as training uses it (Animate-X, section 3.3): driving poses of other bodies."""
