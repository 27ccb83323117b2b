"""Names and defaults of the library that the help shows, without importing NumPy.

They repeat the library's; a test compares them.
"""

from collections.abc import Mapping
from types import MappingProxyType

IMAGE_RATE = MOTION_RATE = 24.0
MASK_SHOWS = ("automatic", "character", "background")
RETARGET_MODES = ("none", "align", "retarget")
BODY_PARTS = (
    *("head", "face", "arms", "legs", "feet", "hands", "eyes", "ears"),
    *("right_arm", "left_arm", "right_leg", "left_leg", "right_foot", "left_foot"),
    *("right_hand", "left_hand", "right_eye", "left_eye", "right_ear", "left_ear"),
)
VIEWS = ("front", "three-quarter")
UPS = ("auto", "y", "z", "-y", "-z")
SCENES = 500
THRESHOLDS: Mapping[str, float] = MappingProxyType(
    {"joints": 10, "found": 0.9, "gap": 0.5, "confidence": 0.5}
)
TRIMS = ("each frame", "all frames", "off")
SHEET_FORMS = ("hash", "array")
SHEET_SPACING: Mapping[str, int] = MappingProxyType({"padding": 2, "extrude": 0})
MAX_TEXTURE = 8192
