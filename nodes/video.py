"""Nodes that read the frames of a driving clip, and write the video in the end."""

from typing import Any

from comfy_api.input import VideoInput
from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.video.write import write_clip
from .host.discovery import found_as
from .host.files import validate_prefix
from .host.graph import graph_of
from .host.lists import warn_of_single_frames
from .host.output import NewClip
from .host.pictures import frames_of
from .host.prefixes import filled_in
from .host.progress import check_interrupt, node_progress
from .host.sound import audio_of
from .host.told import told
from .host.values import checked
from .host.video import part_of, sound_file

CATEGORY = "Animate-X/video"


@found_as("driving video", "video to images", "frame load cap", "extract frames")
class DrivingFrames(io.ComfyNode):
    """The frames used of a driving clip, with the sound that belongs to them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="AnimateXDrivingFrames",
            display_name="Driving Frames",
            category=CATEGORY,
            description="Chooses the frames of a clip that drive the character, with their sound. "
            "Written at the fps given out, dance and sound keep their tempo.",
            inputs=[
                io.Video.Input("video", tooltip="The clip whose motion is wanted."),
                io.Int.Input(
                    "frames",
                    default=32,
                    min=0,
                    max=100_000,
                    tooltip="How many frames to use. 0: all from start to end. The model was trained on 32.",
                ),
                io.Int.Input(
                    "stride",
                    default=2,
                    min=1,
                    max=100,
                    tooltip="Use one frame in so many: 2 halves the frame rate and lets the frames reach "
                    "twice as far. It is lowered where the clip is too short.",
                ),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=1e6,
                    step=0.01,
                    tooltip="Where in the clip the first frame lies, in seconds.",
                ),
                io.Float.Input(
                    "end",
                    default=0.0,
                    min=0.0,
                    max=1e6,
                    step=0.01,
                    tooltip="Where in the clip to stop, in seconds. 0: its end.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="The frames chosen."),
                io.Audio.Output(
                    display_name="audio", tooltip="The sound of these frames; none where the clip is silent."
                ),
                io.Float.Output(
                    display_name="fps", tooltip="The rate at which these frames move as fast as the clip."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @checked
    def execute(cls, video: VideoInput, frames: int, stride: int, start: float, end: float) -> io.NodeOutput:
        """Choose and read."""
        with told(cls.hidden.unique_id):
            part = part_of(video, frames=frames or None, stride=stride, start=start, end=end or None)
        return io.NodeOutput(part.frames, audio_of(part.sound), part.fps)


@found_as(
    "save video", "export video", "video combine", "images to video", "gif", advanced=("save_metadata",)
)
class EncodeVideo(io.ComfyNode):
    """Frames and sound written as a video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="AnimateXEncodeVideo",
            display_name="Encode Video",
            category=CATEGORY,
            description="Writes frames, with sound, as a video into ComfyUI's output folder.",
            inputs=[
                io.Image.Input("images", tooltip="The frames of the video."),
                io.Float.Input(
                    "fps",
                    default=12.0,
                    min=0.1,
                    max=1000.0,
                    step=0.01,
                    tooltip="Frames a second: take the fps of Driving Frames to keep the tempo. "
                    "A gif takes up to 50.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="video/Animate-X",
                    tooltip="Name in the output folder, before its number; may have folders, "
                    "%date:yyyy-MM-dd%, %year%, %width%, %KSampler.seed% and the like.",
                ),
                io.Combo.Input(
                    "format",
                    options=["mp4", "webm", "gif", "png"],
                    default="mp4",
                    tooltip="mp4 plays everywhere; webm is smaller; gif has no sound and no graph; "
                    "png is a folder of lossless pictures without sound.",
                ),
                io.Float.Input(
                    "quality",
                    default=7.0,
                    min=0.0,
                    max=10.0,
                    step=0.5,
                    tooltip="0: small files, 10: best looks. Of mp4 and webm only.",
                ),
                io.Audio.Input(
                    "audio",
                    optional=True,
                    tooltip="The sound, cut to the frames or followed by silence. "
                    "Where it is given, that of video is not used.",
                ),
                io.Video.Input(
                    "video",
                    optional=True,
                    tooltip="A video whose sound is taken from its beginning on, where audio has none.",
                ),
                io.Boolean.Input(
                    "save_metadata",
                    default=True,
                    tooltip="Store the graph in the file, so that dragging it onto ComfyUI brings it back.",
                ),
            ],
            outputs=[io.Video.Output(display_name="video", tooltip="The video, for nodes that take one.")],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, filename_prefix: Any = None) -> bool | str:
        """Refuse a prefix before the work whose result it names."""
        return validate_prefix(filename_prefix)

    @classmethod
    @checked
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
    ) -> io.NodeOutput:
        """Write the clip and show it."""
        with told(cls.hidden.unique_id):
            warn_of_single_frames(len(images), "Each image")
            clip = NewClip.named(filled_in(filename_prefix, cls.hidden), format, images)
            with sound_file(audio, video) as sound:
                write_clip(
                    clip.path,
                    frames_of(images),
                    fps=fps,
                    quality=quality,
                    sound=sound,
                    metadata=graph_of(cls.hidden) if save_metadata else None,
                    progress=node_progress(len(images)),
                    check=check_interrupt,
                )
        return io.NodeOutput(clip.video(images, audio, fps), ui=clip.shown())
