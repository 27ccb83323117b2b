"""What turns pictures and text into the inputs of the denoiser, and latents back into pictures."""
