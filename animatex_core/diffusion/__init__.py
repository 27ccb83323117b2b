"""Noise schedule, solvers, guidance and long videos: pure functions over a denoiser callable."""
