"""Corrections of poses by hand, which are stored as JSON and applied to whatever poses come in."""
