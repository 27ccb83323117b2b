"""The workflows that hand the animation over to ComfyUI's own nodes for larger images and more frames."""

from .animation_graphs import AUTOMATIC, Start, animation, sampled
from .graph import Group, Node, Workflow, node
from .needed_files import CORES_OWN
from .notes import ENLARGED


def upscaled() -> Workflow:
    """Animate a character, and save the video in twice its size."""
    return animation("upscale", sampled(**AUTOMATIC), ending=_upscaled_ending)


def interpolated() -> Workflow:
    """Animate a character, and save the video in four times its size with twice as many frames."""
    ending, files = _interpolated_ending, ENLARGED
    return animation("upscale-and-interpolate", sampled(**AUTOMATIC), ending=ending, files=files)


def _upscaled_ending(decoded: Node, start: Start) -> Group:
    """Enlarge the frames without a model file."""
    large = node("ImageScaleBy", image=decoded["IMAGE"], upscale_method="lanczos", scale_by=2.0)
    sound = {"fps": start.driving["fps"], "audio": start.driving["audio"]}
    video = node("AnimateXEncodeVideo", images=large["IMAGE"], **sound)
    return Group("6 · Large video", ((decoded, large), (video,)))


def _interpolated_ending(decoded: Node, start: Start) -> Group:
    """Enlarge the frames, add frames between them, and raise the frame rate as much."""
    upscaler, interpolator = (node(kind, model_name=name) for kind, (name, *_) in CORES_OWN.items())
    times = node("PrimitiveInt", "Times as many frames", value=2)
    large = node("ImageUpscaleWithModel", upscale_model=upscaler["UPSCALE_MODEL"], image=decoded["IMAGE"])
    frames = node(
        "FrameInterpolate",
        interp_model=interpolator["INTERP_MODEL"],
        images=large["IMAGE"],
        multiplier=times["INT"],
    )
    product = {"values.a": start.driving["fps"], "values.b": times["INT"]}
    fps = node("ComfyMathExpression", "Frame rate", expression="a * b", **product)
    sound = {"fps": fps["FLOAT"], "audio": start.driving["audio"]}
    video = node("AnimateXEncodeVideo", images=frames["IMAGE"], **sound)
    columns = ((decoded, upscaler, large), (interpolator, times, frames, fps), (video,))
    return Group("6 · Large and smooth video", columns)
