"""Metrics over pairs of clips, as the papers on pose animation and their shared code (DisCo) define them."""
