"""Pictures and clips: read and written, frame by frame, with their sound."""
