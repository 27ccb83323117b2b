"""The training loop, independent of what is trained."""
