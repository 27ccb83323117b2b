"""The nodes: each one converts ComfyUI's types, calls the core, and converts the result back."""
