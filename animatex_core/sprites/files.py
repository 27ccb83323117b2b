"""The files of a sprite sheet: image, animated preview, and the JSON that game engines read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..errors import InvalidInput
from ..utils.documents import read_json
from ..utils.files import check_writable, write_json
from ..utils.progress import Check, Progress, no_check, no_progress
from ..video.image import write_image
from ..video.writer import write_clip
from .packing import Form, Rect
from .sheet import Sprite, SpriteSheet

APP = "https://github.com/animate-x/animate-x"


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
        "app": APP,
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


SUFFIX = ".png"


@dataclass(frozen=True)
class SheetFiles:
    """The files of a sprite sheet: NAME.png, NAME.json and NAME.webp in one directory."""

    image: Path

    @classmethod
    def of(cls, path: str | Path) -> "SheetFiles":
        """Return the files that belong to a path ending in .png.

        Raises:
            InvalidInput: It ends in something else.
            StorageError: Nothing can be written there.

        """
        path = Path(path).absolute()
        if path.suffix.lower() != SUFFIX:
            raise InvalidInput(f"{str(path)!r} is not the name of a sprite sheet: use one that ends in .png.")
        files = cls(path)
        for each in files.paths:
            check_writable(each)
        return files

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files."""
        return self.image, self.description, self.preview

    def require_replaceable(self) -> None:
        """Raise InvalidInput if description or preview exist and do not belong to a sheet of this name.

        Only the name of the image is given, so nobody expects the others to be replaced.
        """
        if self._is_described():
            return
        for each in (self.description, self.preview):
            if each.exists():
                raise InvalidInput(
                    f"{str(each)!r} exists and does not belong to a sprite sheet {self.image.name!r}, so it "
                    "is not replaced: use another name for the sheet, or move the file."
                )

    def _is_described(self) -> bool:
        try:
            meta = read_json(self.description)["meta"]
            return bool((meta["app"], meta["image"]) == (APP, self.image.name))
        except (OSError, ValueError, LookupError, TypeError):  # missing, or the description of something else
            return False

    @property
    def description(self) -> Path:
        """The JSON file."""
        return self.image.with_suffix(".json")

    @property
    def preview(self) -> Path:
        """The animation, which browsers play."""
        return self.image.with_suffix(".webp")

    def write(
        self,
        sheet: SpriteSheet,
        frames: Sequence[np.ndarray],
        form: Form,
        *,
        progress: Progress = no_progress,
        check: Check = no_check,
    ) -> None:
        """Write all files; the description comes last, so that an engine never sees one without its image.

        Args:
            sheet: The sheet.
            frames: All frames it was built from, (h, w, 4) uint8; the preview shows those that were kept.
            form: See `SheetSettings`.
            progress: Called after every frame of the preview.
            check: Called several times a second meanwhile; an exception stops the work.

        Raises:
            InvalidInput: See `require_replaceable`.
            StorageError: A file cannot be written.

        """
        self.require_replaceable()
        kept = [frames[index] for index in sheet.timing.indices]
        write_clip(self.preview, kept, fps=sheet.timing.fps, alpha=True, progress=progress, check=check)
        write_image(self.image, sheet.image, alpha=True)
        write_json(self.description, atlas(sheet, self.image.name, self.image.stem, form))
