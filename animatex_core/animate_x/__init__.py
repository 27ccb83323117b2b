"""Animate-X: the 3D UNet, its pose indicators and conditions, checkpoints, sampling and pipeline."""
