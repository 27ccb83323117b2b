"""Sprite sheets for game engines, from frames with alpha."""
