"""Cut the character out of a finished video: alpha, and colors without the background."""
