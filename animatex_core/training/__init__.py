"""Training: data sets of clips, the explicit pose indicator, the trainer, and the small bundle."""
