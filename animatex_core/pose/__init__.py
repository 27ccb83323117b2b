"""Keypoints of people in pictures: found, read, smoothed, written and drawn."""
