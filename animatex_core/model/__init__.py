"""The denoiser: a 3D UNet that predicts v, and the encoders of its conditions."""
