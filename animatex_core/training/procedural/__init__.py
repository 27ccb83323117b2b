"""Cartoon characters and dances made up from a seed, so that what shall come out is known exactly."""
