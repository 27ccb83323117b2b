"""Nodes that read the driving video and save the result."""

from typing import Any

from comfy_api.input import VideoInput
from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.video.writer import write_clip
from .comfy.alpha import iterate_rgba, stores_alpha, transparency_input
from .comfy.files import OutputVideo, validate_prefix
from .comfy.images import iterate_images, warn_single_frame_list
from .comfy.messages import check_interrupt, node_progress, report_warnings
from .comfy.schema import searchable
from .comfy.validation import coerce_inputs
from .comfy.video import audio_source, select_frames, to_audio
from .comfy.workflow import fill_patterns, workflow_metadata

CATEGORY = "Animate-X/video"


@searchable("driving video", "video to images", "frame load cap", "extract frames")
class AnimateXDrivingFrames(io.ComfyNode):
    """Selects frames of the driving video, with their sound."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXDrivingFrames",
            display_name="Driving Frames",
            category=CATEGORY,
            description="Selects the frames of a video that drive the character, with their "
            "sound. Encode the result at the fps output to keep the tempo.",
            inputs=[
                io.Video.Input("video", tooltip="The video whose motion is used."),
                io.Int.Input(
                    "frames",
                    default=32,
                    min=0,
                    max=100_000,
                    tooltip="Number of frames to use. 0 uses all frames from start to end. The "
                    "model was trained on 32.",
                ),
                io.Int.Input(
                    "stride",
                    default=2,
                    min=1,
                    max=100,
                    tooltip="Use every n-th frame: 2 halves the frame rate and covers twice the "
                    "time. It is lowered if the video is too short.",
                ),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=1e6,
                    step=0.01,
                    tooltip="Time of the first frame in the video, in seconds.",
                ),
                io.Float.Input(
                    "end",
                    default=0.0,
                    min=0.0,
                    max=1e6,
                    step=0.01,
                    tooltip="Time at which to stop, in seconds. 0 is the end of the video.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="The selected frames."),
                io.Audio.Output(
                    display_name="audio",
                    tooltip="The sound of these frames; empty if the video has no sound.",
                ),
                io.Float.Output(
                    display_name="fps",
                    tooltip="The frame rate at which these frames keep the tempo of the video.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @coerce_inputs
    def execute(cls, video: VideoInput, frames: int, stride: int, start: float, end: float) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            part = select_frames(video, frames=frames or None, stride=stride, start=start, end=end or None)
        return io.NodeOutput(part.frames, to_audio(part.sound), part.fps)


@searchable(
    "save video", "export video", "video combine", "images to video", "gif", advanced=("save_metadata",)
)
class AnimateXEncodeVideo(io.ComfyNode):
    """Saves frames and sound as a video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXEncodeVideo",
            display_name="Encode Video",
            category=CATEGORY,
            description="Saves frames as a video with sound in ComfyUI's output folder.",
            inputs=[
                io.Image.Input("images", tooltip="The frames of the video."),
                io.Float.Input(
                    "fps",
                    default=12.0,
                    min=0.1,
                    max=1000.0,
                    step=0.01,
                    tooltip="Frame rate. Connect the fps of Driving Frames to keep the tempo. GIF "
                    "supports up to 50.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="video/Animate-X",
                    tooltip="File name in the output folder, before the counter. May contain "
                    "folders, %date:yyyy-MM-dd%, %year%, %width%, %KSampler.seed% and "
                    "similar patterns.",
                ),
                io.Combo.Input(
                    "format",
                    options=["mp4", "webm", "gif", "png", "mov", "webp", "apng"],
                    default="mp4",
                    tooltip="mp4 plays everywhere; webm is smaller; mov is ProRes 4444 for video "
                    "editors; gif, webp and apng have no sound and store no workflow; png is a folder "
                    "of lossless images without sound. All but mp4 and gif keep transparency.",
                ),
                io.Float.Input(
                    "quality",
                    default=7.0,
                    min=0.0,
                    max=10.0,
                    step=0.5,
                    tooltip="0 gives small files, 10 the best quality. Only for mp4, webm and webp.",
                ),
                io.Audio.Input(
                    "audio",
                    optional=True,
                    tooltip="The sound, cut or padded to the length of the frames. If connected, "
                    "the sound of video is not used.",
                ),
                io.Video.Input(
                    "video",
                    optional=True,
                    tooltip="A video whose sound is used from its beginning, if audio has none.",
                ),
                io.Boolean.Input(
                    "save_metadata",
                    default=True,
                    tooltip="Store the workflow in the file, so that dragging it onto ComfyUI restores it.",
                ),
                transparency_input(),
            ],
            outputs=[
                io.Video.Output(display_name="video", tooltip="The video, for nodes with a VIDEO input.")
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, filename_prefix: Any = None) -> bool | str:
        """Reject an invalid prefix before the run."""
        return validate_prefix(filename_prefix)

    @classmethod
    @coerce_inputs
    def execute(
        cls,
        images: Tensor,
        fps: float,
        filename_prefix: str,
        format: str,
        quality: float,
        save_metadata: bool,
        audio: Any = None,
        video: VideoInput | None = None,
        mask: Tensor | None = None,
    ) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            warn_single_frame_list(len(images), "Each image")
            saved = OutputVideo.named(fill_patterns(filename_prefix, cls.hidden), format, images)
            alpha = stores_alpha(images, mask, format)
            with audio_source(audio, video) as sound:
                write_clip(
                    saved.path,
                    iterate_rgba(images, mask) if alpha else iterate_images(images),
                    alpha=alpha,
                    fps=fps,
                    quality=quality,
                    sound=sound,
                    metadata=workflow_metadata(cls.hidden) if save_metadata else None,
                    progress=node_progress(len(images)),
                    check=check_interrupt,
                )
        return io.NodeOutput(saved.as_video(images, audio, fps), ui=saved.preview())
