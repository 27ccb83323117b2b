"""The files that the demo works on, and the dance that they show."""

from pathlib import Path

DATA = Path(__file__).parent / "data"
CLIP, CHARACTERS = DATA / "dance.mp4", DATA / "characters"  # drawn for the small networks
DANCE = DATA / "dance.json"  # what is danced in the clip
FPS = 24  # of both
