"""Animate-X++: the pose indicator on the image-to-video transformer of Wan 2.1."""
