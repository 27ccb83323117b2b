"""Training of the small bundled models: `python -m animatex_core.training.small_models`."""
