"""The node that chooses one of several people."""

from typing import Any

import numpy as np
from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.errors import InvalidInput
from ..animatex_core.pose.keypoints import seen
from ..animatex_core.pose.person_choice import person_at_point, person_by_number, person_in_mask
from .comfy.alpha import mask_planes
from .comfy.messages import report_warnings
from .comfy.poses import Poses, lazy_pose_images, to_keypoints, to_people
from .comfy.schema import searchable
from .comfy.validation import coerce_inputs
from .pose import CATEGORY

WAYS = ("number", "point", "mask")


@searchable("several people", "choose a dancer", "track person", "openpose", "keypoints")
class AnimateXSelectPerson(io.ComfyNode):
    """Chooses one of several people."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXSelectPerson",
            display_name="Select Person",
            category=CATEGORY,
            description="Chooses one of several people: by number, by a point of the image, or by a mask.",
            inputs=[
                Poses.Input(
                    "poses", tooltip="Poses of several people, from DWPose Extract with person on all."
                ),
                io.Combo.Input(
                    "choose_by",
                    options=list(WAYS),
                    default=WAYS[0],
                    tooltip="number: counted from 0 in the order in which people appear, from left to "
                    "right. point: the person at x and y in a frame. mask: the person whose joints lie "
                    "mostly in it.",
                ),
                io.Int.Input("number", default=0, min=0, max=1000, tooltip="Number of the person."),
                io.Float.Input(
                    "x",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Of the point: 0 is the left edge of the image, 1 the right edge.",
                ),
                io.Float.Input(
                    "y",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Of the point: 0 is the top of the image, 1 the bottom.",
                ),
                io.Int.Input(
                    "frame",
                    default=0,
                    min=0,
                    max=1_000_000,
                    tooltip="The frame that the point or a single mask belongs to, counted from 0.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where the person is in one frame, or one mask for each frame. Any size works.",
                ),
            ],
            outputs=[
                Poses.Output(display_name="poses", tooltip="The poses of this person, one per frame."),
                io.Image.Output(
                    display_name="pose_images", tooltip="The poses, drawn as the model sees them."
                ),
                io.Int.Output(display_name="number", tooltip="The person's number."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @coerce_inputs
    def execute(
        cls,
        poses: Any,
        choose_by: str,
        number: int,
        x: float,
        y: float,
        frame: int,
        mask: Tensor | None = None,
    ) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id) as sentences:
            people = to_people(poses)
            if choose_by == "number":
                chosen = person_by_number(people, number)
            elif choose_by == "point":
                chosen = person_at_point(people, x, y, frame)
            else:
                chosen = person_in_mask(people, _marked(mask), frame)
            one = people[chosen]
            shown = int(seen(one.points).any(axis=1).sum())
            sentences.append(f"Person {chosen} of {len(people)}, visible in {shown} of {len(one)} frames.")
            pose_images = lazy_pose_images(one, cls.hidden.unique_id)
        return io.NodeOutput(to_keypoints(one), pose_images, chosen)


def _marked(mask: Tensor | None) -> np.ndarray:
    """Return where a MASK is white, (m, h, w) bool."""
    if mask is None:
        raise InvalidInput("choose_by is mask, but no mask is connected: connect one, or choose by number.")
    return mask_planes(mask).float().cpu().numpy() > 0.5
