"""Nodes: ComfyUI types in, one call of the core, ComfyUI types out."""
