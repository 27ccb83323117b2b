"""Files, validation, devices, progress and text: what every package may use."""
