"""Videos, image sequences and images: reading and writing, frame by frame, with audio."""
