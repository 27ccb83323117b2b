"""Animate-X and Animate-X++ as a small PyTorch library that knows nothing of any host.

Rooms: `model` (the denoiser), `diffusion` (schedule and solvers), `encoders` (CLIP, autoencoder, text),
`checkpoints` (files), `pipeline` (the way through them). Importing this package imports none of them.
"""

__version__ = "0.1.0"
