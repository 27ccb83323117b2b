"""Metrics of videos, and the networks that they need."""
