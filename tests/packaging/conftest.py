"""The ComfyUI of these tests is that of the tests inside ComfyUI."""

from tests.comfyui.conftest import comfyui, pytest_generate_tests

__all__ = ["comfyui", "pytest_generate_tests"]
