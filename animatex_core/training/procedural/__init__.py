"""Cartoon characters and dances made up from a seed: exact triples of a picture, a dance and what shall come out."""
