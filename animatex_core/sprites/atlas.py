"""The description of a sprite sheet, in the JSON forms of TexturePacker that engines read."""

from typing import Any

from .. import __version__
from .settings import Form
from .sheet import Sprite, SpriteSheet
from .trimming import Rect


def atlas(sheet: SpriteSheet, image_name: str, name: str, form: Form) -> dict[str, Any]:
    """Describe a sheet as TexturePacker does in its forms "JSON (hash)" and "JSON (array)".

    Phaser, PixiJS and importers of Godot and Unity read both. The pivot is there twice, as `pivot` for Phaser
    and as `anchor` for PixiJS; `duration` in milliseconds is Aseprite's addition, and `animations` PixiJS's.

    Args:
        sheet: The sheet.
        image_name: Name of its file, in the same directory as the description.
        name: Of the animation; frames are called NAME_0000, NAME_0001 and so on.
        form: See `SheetSettings`.

    Returns:
        Plain values for JSON.

    """
    names = [f"{name}_{number:04}" for number in range(len(sheet.sprites))]
    entries = [_entry(sheet, sprite) for sprite in sheet.sprites]
    height, width, _ = sheet.image.shape
    meta = {
        "app": "https://github.com/animate-x/animate-x",
        "version": __version__,
        "image": image_name,
        "format": "RGBA8888",
        "size": {"w": width, "h": height},
        "scale": "1",
    }
    if form == "array":
        pairs = zip(names, entries, strict=True)
        return {"frames": [{"filename": each, **entry} for each, entry in pairs], "meta": meta}
    return {"frames": dict(zip(names, entries, strict=True)), "animations": {name: names}, "meta": meta}


def _entry(sheet: SpriteSheet, sprite: Sprite) -> dict[str, Any]:
    width, height = sheet.frame_size
    pivot = dict(zip("xy", sheet.pivot, strict=True))
    return {
        "frame": _rect(sprite.on_sheet),
        "rotated": False,
        "trimmed": sprite.in_frame != Rect(0, 0, width, height),
        "spriteSourceSize": _rect(sprite.in_frame),
        "sourceSize": {"w": width, "h": height},
        "pivot": pivot,
        "anchor": pivot,
        "duration": sprite.duration,
    }


def _rect(rect: Rect) -> dict[str, int]:
    return {"x": rect.x, "y": rect.y, "w": rect.width, "h": rect.height}
