"""A small dance in files: a video with audio, its poses, and a character on an empty background."""

from dataclasses import dataclass
from pathlib import Path

from animatex_core.assets.demo_files import DANCE
from animatex_core.pose.formats.reader import read_poses, write_poses
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.training.small_models.demo_files import write_beat
from animatex_core.video.audio import AudioSource
from animatex_core.video.writer import write_clip
from tests.support.drawings import draw_character, draw_dancer

FPS, FRAMES = 12, 12
WIDTH, HEIGHT = 96, 142


@dataclass(frozen=True)
class DanceFiles:
    """Where they are."""

    folder: Path

    @property
    def clip(self) -> Path:
        return self.folder / "dance.mp4"

    @property
    def poses(self) -> Path:
        return self.folder / "poses.json"

    @property
    def character(self) -> Path:
        return self.folder / "character.png"

    def options(self, **more: object) -> list[str]:
        """Return options that name the files, and more by their names."""
        named = {"reference": self.character, "driving": self.clip, "poses": self.poses, **more}
        return [part for name, value in named.items() for part in (f"--{name.replace('_', '-')}", str(value))]


def small_dance() -> PoseSequence:
    """A second of real motion."""
    poses = read_poses(DANCE, fps=FPS).select(range(FRAMES))
    return PoseSequence.from_points(poses.points, WIDTH, HEIGHT, FPS)


def write_dance(folder: Path) -> DanceFiles:
    """Write all files."""
    files, poses = DanceFiles(folder), small_dance()
    write_beat(folder / "beat.wav", FRAMES / FPS)
    sound = AudioSource(folder / "beat.wav", start=0, duration=FRAMES / FPS)
    write_clip(files.clip, draw_dancer(poses), fps=FPS, sound=sound)
    write_poses(files.poses, poses)
    draw_character().save(files.character)
    return files
