"""Wan 2.1 without ComfyUI: transformer, encoders and autoencoder through diffusers and transformers."""
