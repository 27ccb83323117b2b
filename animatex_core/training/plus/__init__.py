"""Training of Animate-X++: two tasks at once, each with the parameters that learn from it."""
