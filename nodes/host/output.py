"""A clip that is written into ComfyUI's output folder, and how ComfyUI shows it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comfy_api.input import VideoInput
from comfy_api.input_impl import VideoFromFile
from comfy_api.latest import io, ui
from torch import Tensor

from .files import NewFile, new_output
from .video import video_of

PLAYED = ("mp4", "webm")  # by ComfyUI's interface


@dataclass(frozen=True)
class NewClip:
    """A clip to be written. file: itself or, of PNG files, their folder; format: mp4, webm, gif or png."""

    file: NewFile
    format: str

    @classmethod
    def named(cls, prefix: str, format: str, images: Tensor) -> "NewClip":
        """Name a clip of these frames; arguments and errors as for `new_output`."""
        suffix = "" if format == "png" else f".{format}"
        return cls(new_output(prefix, suffix, images.shape[2], images.shape[1]), format)

    @property
    def path(self) -> Path:
        """What the core is to write to."""
        return self.file.path / "%04d.png" if self.format == "png" else self.file.path

    def shown(self) -> dict[str, Any]:
        """Return what the interface shows: a player, pictures, or a gif, which would not play as a video."""
        if self.format in PLAYED:
            return ui.PreviewVideo([self.file.shown]).as_dict()
        if self.format == "gif":
            return {"images": [self.file.shown]}
        folder = f"{self.file.subfolder}/{self.file.path.name}".lstrip("/")
        names = sorted(path.name for path in self.file.path.iterdir())
        return {"images": [ui.SavedResult(name, folder, io.FolderType.output) for name in names]}

    def video(self, images: Tensor, audio: Any, fps: float) -> VideoInput:
        """Return it as a VIDEO: its file, where ComfyUI's own nodes can take that, else its frames."""
        if self.format in PLAYED:
            return VideoFromFile(str(self.file.path))
        return video_of(images, audio, fps)
