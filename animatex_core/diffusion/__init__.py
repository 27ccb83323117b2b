"""Noise schedule, solvers, guidance and windows: pure functions over a denoiser callable."""
