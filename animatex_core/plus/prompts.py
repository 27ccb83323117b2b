"""The prompts that the released scripts use."""

NEGATIVE_PROMPT = (
    "细节模糊不清，字幕，作品，画作，画面，静止，最差质量，低质量，JPEG压缩残留，丑陋的，残缺的，多余的手指，"
    "画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，杂乱的背景，三条腿，背景人很多，倒着走"
)
"""What the clip should not show: poor detail, captions, a still picture, bad hands, walking backwards."""

TYPICAL_PROMPT = "a person is dancing."
"""How the released prompts begin; a description of the background follows."""
