"""The training of the denoiser, on one processor or many GPUs: configuration, loss, loop and checkpoints."""
