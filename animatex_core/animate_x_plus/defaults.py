"""Defaults of the official scripts, which commands show without importing PyTorch."""

from ..hub.models_dir import Variant

STEPS = 50
SHIFT = 5.0
GUIDANCE: dict[Variant, float] = {"full": 3.0, "simple": 5.0}

NEGATIVE_PROMPT = (
    "细节模糊不清，字幕，作品，画作，画面，静止，最差质量，低质量，JPEG压缩残留，丑陋的，残缺的，多余的手指，"
    "画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，杂乱的背景，三条腿，背景人很多，倒着走"
)
"""Wan's negative prompt: poor detail, captions, still images, bad hands, walking backwards and the like."""

TYPICAL_PROMPT = "a person is dancing."
"""Start of the official prompts, which continue with a description of the background."""
