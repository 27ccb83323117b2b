"""The small bundle: every network of the pack in small, trained from pictures that are made up."""
