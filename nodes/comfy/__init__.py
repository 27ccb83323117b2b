"""Adapters between ComfyUI's objects and the core's, used by all nodes."""
