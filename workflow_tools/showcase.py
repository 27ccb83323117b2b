"""`python -m workflow_tools.showcase`: animate the demo characters, for README and docs/training.md."""

from pathlib import Path

import numpy as np
from PIL import Image

from animatex_core import AnimateXPipeline, open_reference, write_video
from animatex_core.assets.demo_files import CHARACTERS, CLIP, OTHER_STYLES
from animatex_core.video.reader import read_frames

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZE, FRAMES, STRIDE, FPS = (192, 288), 32, 2, 12
QUALITY = 5.0


def main() -> None:
    """Write the dancer beside the characters, and beside those of other styles."""
    pipeline = AnimateXPipeline.from_bundle("small", device="cpu")
    for folder, name in ((CHARACTERS, "characters.webp"), (OTHER_STYLES, "other-styles.webp")):
        columns = [_dancer(), *(_animated(pipeline, path) for path in sorted(folder.glob("*.png")))]
        write_video(IMAGES / name, np.concatenate(columns, axis=2), fps=FPS, quality=QUALITY)


def _dancer() -> np.ndarray:
    """Return the dance at the size of the characters: (f, h, w, 3)."""
    chosen = range(0, FRAMES * STRIDE, STRIDE)
    return np.stack([_fitted(frame) for frame in read_frames(CLIP, indices=chosen)])


def _fitted(frame: np.ndarray) -> np.ndarray:
    return np.array(Image.fromarray(frame).resize(SIZE, Image.Resampling.LANCZOS))


def _animated(pipeline: AnimateXPipeline, character: Path) -> np.ndarray:
    """Return a character that dances: (f, h, w, 3). A file of its pose may lie beside the image."""
    pose = character.with_suffix(".json")
    reference = open_reference(character, pose=pose) if pose.is_file() else character
    animation = pipeline(reference, CLIP, frames=FRAMES, stride=STRIDE, size=SIZE)
    return np.stack(list(animation.frames))


if __name__ == "__main__":
    main()
