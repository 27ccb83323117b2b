"""Programs that run inside ComfyUI and print what they measure as JSON; `runner` starts them."""
