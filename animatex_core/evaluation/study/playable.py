"""Which files every browser shows as they are."""

import re
from pathlib import Path

from ...errors import InvalidInput
from ...video.clip import look_at_first_frame, probe

CLIPS = {".mp4": "video/mp4", ".webm": "video/webm"}
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
# As ffmpeg names them. Others, and frames of more colour than 4:2:0, play in some browsers only.
PLAYED = re.compile(r"Stream #0:\d+.*?: Video: (?:h264|vp8|vp9|av1)\b.*?, yuvj?420p\b")


def mime_type(path: Path) -> str:
    """Return the type of a clip or picture, as its suffix says."""
    return (CLIPS | PICTURES)[path.suffix.lower()]


def playable_seconds(path: Path) -> float:
    """Return how long a clip lasts; raises InvalidInput unless it is one that every browser plays."""
    clip = probe(path)
    if not PLAYED.search(look_at_first_frame(clip.path).log):
        raise InvalidInput(
            f"The clip {str(path)!r} is of a kind that not all browsers play: write it anew as H.264 of 8 "
            "bits, by `ffmpeg -i old.mp4 -c:v libx264 -pix_fmt yuv420p new.mp4`."
        )
    return clip.duration or 0.0
