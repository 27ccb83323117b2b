"""Encoders of images and text, and the decoder of latents, used by Animate-X outside ComfyUI."""
