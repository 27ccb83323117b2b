"""The files of the demo, and the dance that they show."""

from . import ASSETS

DATA = ASSETS / "demo"
CLIP, CHARACTERS = DATA / "dance.mp4", DATA / "characters"  # drawn for the small networks
OTHER_STYLES = DATA / "other_styles"  # characters in styles that the small networks do not know, with poses
DANCE = DATA / "dance.json"  # what is danced in the clip
FPS = 24  # of all
MOTION = DATA / "dance.bvh"  # another dance, in three dimensions
