"""`python -m workflow_tools.showcase`: animate the demo characters, for the README."""

from pathlib import Path

import numpy as np
from PIL import Image

from animatex_core import AnimateXPipeline, write_video
from animatex_core.assets.demo_files import CHARACTERS, CLIP
from animatex_core.video.reader import read_frames

VIDEO = Path(__file__).parents[1] / "docs" / "images" / "characters.webp"
SIZE, FRAMES, STRIDE, FPS = (192, 288), 32, 2, 12
QUALITY = 5.0


def main() -> None:
    """Write the dancer and all characters side by side."""
    pipeline = AnimateXPipeline.from_bundle("small", device="cpu")
    columns = [_dancer(), *(_animated(pipeline, path) for path in sorted(CHARACTERS.glob("*.png")))]
    write_video(VIDEO, np.concatenate(columns, axis=2), fps=FPS, quality=QUALITY)


def _dancer() -> np.ndarray:
    """Return the dance at the size of the characters: (f, h, w, 3)."""
    chosen = range(0, FRAMES * STRIDE, STRIDE)
    return np.stack([_fitted(frame) for frame in read_frames(CLIP, indices=chosen)])


def _fitted(frame: np.ndarray) -> np.ndarray:
    return np.array(Image.fromarray(frame).resize(SIZE, Image.Resampling.LANCZOS))


def _animated(pipeline: AnimateXPipeline, character: Path) -> np.ndarray:
    """Return a character that dances: (f, h, w, 3)."""
    animation = pipeline(character, CLIP, frames=FRAMES, stride=STRIDE, size=SIZE)
    return np.stack(list(animation.frames))


if __name__ == "__main__":
    main()
