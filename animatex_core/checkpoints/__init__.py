"""Weights files: safe reading of checkpoints, validation, and writing of safetensors files."""
