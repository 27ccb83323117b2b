"""A ComfyUI pack with one node that gives any input any value: of JSON, of Python, or what it is given.

ComfyUI imports the file by itself.
"""

import json

import torch


class AnyType(str):
    """The type of a socket that fits every other one."""

    __hash__ = str.__hash__

    def __ne__(self, other: object) -> bool:
        return False


ANY = AnyType("*")


class AnyValue:
    """Any value."""

    RETURN_TYPES = (ANY,)
    FUNCTION = "value"
    CATEGORY = "tests"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, tuple[object, ...]]]:
        return {"required": {"text": ("STRING", {})}, "optional": {"source": (ANY,)}}

    def value(self, text: str, source: object = None) -> tuple[object]:
        if text.startswith("python:"):
            return (eval(text.removeprefix("python:"), {"torch": torch}),)
        return (json.loads(text) if source is None else source,)


NODE_CLASS_MAPPINGS = {"TestAnyValue": AnyValue}
