"""Write a sprite sheet: its image, its description and a preview."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InvalidInput
from ..utils.files import check_writable, write_json
from ..utils.progress import Check, Progress, no_check, no_progress
from ..video.image import write_image
from ..video.writer import write_clip
from .atlas import atlas
from .settings import Form
from .sheet import SpriteSheet

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
        for each in (files.image, files.description, files.preview):
            check_writable(each)
        return files

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
            StorageError: A file cannot be written.

        """
        kept = [frames[index] for index in sheet.timing.indices]
        write_clip(self.preview, kept, fps=sheet.timing.fps, alpha=True, progress=progress, check=check)
        write_image(self.image, sheet.image, alpha=True)
        write_json(self.description, atlas(sheet, self.image.name, self.image.stem, form))
