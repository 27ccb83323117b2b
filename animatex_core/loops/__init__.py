"""Loops: the best in and out points of a dance, on its beats where it has music."""
