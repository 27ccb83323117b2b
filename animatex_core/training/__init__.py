"""Training: data sets, the explicit pose indicator, the trainer, and the small bundle."""
