"""The node that cuts a dance to a loop."""

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.errors import InvalidInput
from ..animatex_core.loops.beats import Beats, find_beats
from ..animatex_core.loops.loop import MIN_FRAMES, MODES, Loop, LoopMode, LoopSettings, find_loop
from ..animatex_core.pose.keypoints import PoseSequence
from ..animatex_core.video.audio_samples import AudioSamples
from .comfy.messages import node_progress, report_warnings
from .comfy.poses import (
    PERSON_OPTIONS,
    Poses,
    lazy_pose_images,
    select_keypoints,
    to_poses,
    validate_person,
)
from .comfy.schema import searchable
from .comfy.validation import OpenCombo, coerce_inputs
from .comfy.video import to_audio, to_samples
from .pose import CATEGORY


@searchable("loop", "seamless", "ping pong", "boomerang", "gif", "beat", advanced=("person",))
class AnimateXLoopMotion(io.ComfyNode):
    """Cuts a dance to the part that loops best."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXLoopMotion",
            display_name="Loop Motion",
            category=CATEGORY,
            description="Cuts poses and frames to the part of a dance that loops best, on the beat of the "
            "music if there is any.",
            inputs=[
                Poses.Input(
                    "poses", tooltip="The dance. Several people are cut together; person is compared."
                ),
                io.Combo.Input(
                    "mode",
                    options=list(MODES),
                    default=MODES[0],
                    tooltip="cut: the part whose last frame leads best to its first. ping-pong: plays "
                    "forward and back, turning where the dance pauses.",
                ),
                io.Int.Input(
                    "min_frames",
                    default=MIN_FRAMES,
                    min=2,
                    max=100_000,
                    tooltip="Fewest frames of the loop, counted with the way back.",
                ),
                io.Int.Input(
                    "max_frames",
                    default=0,
                    min=0,
                    max=100_000,
                    tooltip="Most frames of the loop. 0: no limit. The longest of equally good loops wins.",
                ),
                io.Float.Input(
                    "fps",
                    default=12.0,
                    min=0.1,
                    max=1000.0,
                    step=0.01,
                    tooltip="Frames per second of the poses, from Driving Frames. Only used with audio.",
                ),
                OpenCombo(
                    "person",
                    options=PERSON_OPTIONS,
                    default=PERSON_OPTIONS[0],
                    tooltip="Which person to use if there are several. best: the highest score in each frame "
                    "(default of the official code). largest, leftmost or a number counted from the left (0 "
                    "is the leftmost): selected in the first frame, then tracked.",
                ),
                io.Image.Input(
                    "images", optional=True, tooltip="The frames of the poses, which are cut in the same way."
                ),
                io.Audio.Input(
                    "audio",
                    optional=True,
                    tooltip="The sound of these frames, from Driving Frames. The loop preferably begins and "
                    "ends on its beats.",
                ),
            ],
            outputs=[
                Poses.Output(display_name="poses", tooltip="The poses of the loop, of all people."),
                io.Image.Output(
                    display_name="images", tooltip="The frames of the loop; without images, its drawn poses."
                ),
                io.Audio.Output(
                    display_name="audio",
                    tooltip="The sound of the loop, which runs on while a ping-pong returns.",
                ),
                io.Int.Output(display_name="start", tooltip="Index of the loop's first frame, from 0."),
                io.Int.Output(display_name="frames", tooltip="Number of frames of the loop."),
                io.Float.Output(
                    display_name="score",
                    tooltip="How visible the seam is, in mean steps between frames: 0 is perfect, above 1.5 "
                    "is visible.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, person: Any = None) -> bool | str:
        """Reject a person that cannot be selected before the run."""
        return validate_person(person, all_people=False)

    @classmethod
    @coerce_inputs
    def execute(
        cls,
        poses: Any,
        mode: LoopMode,
        min_frames: int,
        max_frames: int,
        fps: float,
        person: str,
        images: Tensor | None = None,
        audio: Any = None,
    ) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            dance, sound = to_poses(poses, person=person), to_samples(audio)
            _require_same_length(dance, images)
            settings = LoopSettings(mode, min_frames, max_frames or None)
            loop = find_loop(dance, settings, _beats(sound), fps, node_progress(len(dance)))
            chosen = dance.select(loop.indices)
            return io.NodeOutput(
                select_keypoints(poses, dance, loop.indices),
                lazy_pose_images(chosen, cls.hidden.unique_id) if images is None else images[loop.indices],
                to_audio(_part(sound, loop, fps)),
                loop.start,
                len(loop),
                loop.score,
            )


def _require_same_length(dance: PoseSequence, images: Tensor | None) -> None:
    if images is not None and len(images) != len(dance):
        raise InvalidInput(
            f"There are {len(images)} images but poses of {len(dance)} frames: connect the frames in which "
            "the poses were detected."
        )


def _beats(sound: AudioSamples | None) -> Beats | None:
    return None if sound is None else find_beats(sound)


def _part(sound: AudioSamples | None, loop: Loop, fps: float) -> AudioSamples | None:
    return None if sound is None else sound.part(loop.start / fps, len(loop) / fps)
