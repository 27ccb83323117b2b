"""The only room that adapts ComfyUI's objects to the core's."""
