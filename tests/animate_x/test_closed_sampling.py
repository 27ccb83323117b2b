"""Videos that are loops: closed windows make the seam a place like any other."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from animatex_core.animate_x.conditions import ConditionInputs
from animatex_core.animate_x.pipeline import AnimateXPipeline, AnimationSettings
from animatex_core.animate_x.sampling import SamplingSettings, Segments, Windows, _Sampler, sample_latents
from animatex_core.animate_x.windows import AlternatingWindows, WindowPlan, close_windows
from animatex_core.diffusion.guidance import Guidance
from animatex_core.diffusion.schedule import NoiseSchedule
from animatex_core.errors import InvalidInput
from animatex_core.pose.draw import draw_poses
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.reference import open_reference
from animatex_core.training.synthetic.triples import draw_triple
from tests.animate_x.samples import TINY_SHAPE, tiny_inputs, tiny_latents, tiny_unet
from tests.loops.dances import dance

LOOP = replace(TINY_SHAPE, width=32, height=32, frames=8)
CLOSED = {"windows": Windows(4, 2, closed=True), "all frames": close_windows(None)}
OPEN = {"windows": Windows(4, 2), "all frames": None}


@pytest.mark.parametrize("plan", CLOSED)
def test_a_loop_that_begins_elsewhere_is_the_same_loop(plan: str) -> None:
    """Rotating conditions and noise by half the loop only rotates the result, if no place is special."""
    unet, inputs, noise = tiny_unet(), tiny_inputs(LOOP), tiny_latents(LOOP)

    def change(windows: WindowPlan | None) -> float:
        settings = SamplingSettings("dpm++2m", 2, long_clip=windows)
        sampler = _Sampler(unet, settings, NoiseSchedule.released())
        found = sampler.sample(inputs.window(4, 12), noise.roll(-4, 2), None)
        return (found.roll(4, 2) - sampler.sample(inputs, noise, None)).abs().max().item()

    assert change(CLOSED[plan]) < 1e-4 < 1e-2 < change(OPEN[plan])


def test_alternating_windows_lead_through_the_seam() -> None:
    """The last frame depends on the first one's pose, with half the passes of windows that overlap."""
    unet, inputs = tiny_unet(), tiny_inputs(LOOP)
    assert inputs.pose_pictures is not None
    poses = inputs.pose_pictures.clone()
    poses[:, :, 1] = 1 - poses[:, :, 1]  # that of the reference comes first
    changed = replace(inputs, pose_pictures=poses)

    def last_frame(plan: WindowPlan, inputs: ConditionInputs) -> Tensor:
        settings = SamplingSettings("dpm++2m", 2, Guidance(1), long_clip=plan)
        return sample_latents(unet, inputs, settings)[:, :, -1]

    open_, closed = AlternatingWindows(4), AlternatingWindows(4, closed=True)
    assert torch.equal(last_frame(open_, inputs), last_frame(open_, changed))
    assert not torch.allclose(last_frame(closed, inputs), last_frame(closed, changed), atol=1e-4)


@pytest.mark.parametrize("plan", [CLOSED["windows"], AlternatingWindows(4, closed=True)])
def test_loops_of_any_length_are_sampled(plan: WindowPlan) -> None:
    for frames in (2, 3, 7):
        inputs = tiny_inputs(replace(LOOP, frames=frames))
        latents = sample_latents(tiny_unet(), inputs, SamplingSettings(steps=2, long_clip=plan))
        assert latents.shape[2] == frames


def test_what_closes_a_plan() -> None:
    assert close_windows(Windows(8, 4)) == Windows(8, 4, closed=True)
    assert close_windows(AlternatingWindows(8)) == AlternatingWindows(8, closed=True)
    (layout,) = close_windows(None).layouts(50)
    assert [len(span) for span in layout] == [50, 50]
    with pytest.raises(InvalidInput, match="A loop cannot be sampled in segments"):
        close_windows(Segments(8))


@dataclass
class Memory:
    """Driving frames in memory."""

    poses: PoseSequence

    def frames(self) -> Iterable[np.ndarray]:
        return draw_poses(self.poses)

    def require_all(self, found: int) -> None:
        assert found == len(self.poses)


def closing_step(frames: Tensor) -> float:
    """The step from the last to the first frame (c, f, h, w), relative to the mean step of neighbours."""
    steps = (frames.roll(-1, 1) - frames).pow(2).mean(dim=(0, 2, 3)).sqrt()
    return (steps[-1] / steps[:-1].mean()).item()


def test_the_step_across_the_seam_is_no_larger_than_others_with_the_small_models() -> None:
    pipeline = AnimateXPipeline.from_bundle("small")
    triple = draw_triple(0, 4, 2, 128, 192, held_out=True)
    reference = open_reference(triple.reference.frames[0], pose=triple.reference.poses.select([0]))
    driving = Memory(dance((np.arange(12) + 9) / 12))
    settings = AnimationSettings(128, 192, sampling=pipeline.sampling)
    retargeted = pipeline.retarget(reference, driving)
    conditions = pipeline.conditions(reference, driving, retargeted.poses, retargeted.own_pose, settings)
    latents = pipeline.sample(conditions, replace(settings.sampling, long_clip=close_windows(None)))
    assert closing_step(latents[0]) <= 1
