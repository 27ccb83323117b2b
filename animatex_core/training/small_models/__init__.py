"""How the small bundled models were trained: `python -m animatex_core.training.small_models`."""
