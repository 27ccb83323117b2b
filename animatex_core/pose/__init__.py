"""Keypoints of people in images: found, read, smoothed, written and drawn."""
