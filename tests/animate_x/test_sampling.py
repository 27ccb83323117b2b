import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from animatex_core.animate_x.conditions import ConditionInputs, Conditions
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.sampling import SamplingSettings, Segments, Windows, sample_latents
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.animate_x.windows import AlternatingWindows, LongClip
from animatex_core.diffusion.guidance import Guidance, with_guidance
from animatex_core.diffusion.schedule import NoiseSchedule, initial_noise, released_timesteps
from animatex_core.diffusion.solvers import SOLVERS, StepInfo, ddim
from animatex_core.errors import Cancelled, InvalidInput, OutOfMemory
from tests.animate_x.samples import TINY_SHAPE, tiny_inputs, tiny_unet

FEW = SamplingSettings(steps=4, seed=7)
LONG = replace(TINY_SHAPE, width=32, height=32, frames=9)


@pytest.fixture(scope="module")
def unet() -> AnimateXUNet:
    return tiny_unet()


def naive(unet: AnimateXUNet, inputs: ConditionInputs, settings: SamplingSettings) -> Tensor:
    """The same sampling, but with the conditions encoded anew in every pass, as the release does."""

    def predict(x: Tensor, t: Tensor, inputs: ConditionInputs) -> Tensor:
        return unet(x, t, unet.encode(inputs))

    passes = partial(predict, inputs=inputs), partial(predict, inputs=inputs.unconditional())
    denoiser = with_guidance(*passes, settings.guidance)
    noise = initial_noise(inputs.shape.latents(), settings.seed)
    return ddim(denoiser, noise, NoiseSchedule.released(), released_timesteps(settings.steps))


def test_conditions_encoded_once_give_what_encoding_at_every_step_gives(unet: AnimateXUNet) -> None:
    cached, again = sample_latents(unet, tiny_inputs(), FEW), naive(unet, tiny_inputs(), FEW)
    torch.testing.assert_close(cached, again, atol=1e-5, rtol=0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_seed_determines_the_video(unet: AnimateXUNet, solver: str) -> None:
    settings = replace(FEW, solver=solver)
    first, again = (sample_latents(unet, tiny_inputs(), settings) for _ in range(2))
    other = sample_latents(unet, tiny_inputs(), replace(settings, seed=8))
    assert torch.equal(first, again)
    assert first.isfinite().all()
    assert not torch.allclose(first, other, atol=0.1)


def test_batched_guidance_equals_one_pass_after_the_other(unet: AnimateXUNet) -> None:
    batched = sample_latents(unet, tiny_inputs(), replace(FEW, batch_guidance=True))
    in_turn = sample_latents(unet, tiny_inputs(), replace(FEW, batch_guidance=False))
    torch.testing.assert_close(batched, in_turn, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("weights", ["smooth", "uniform"])
@pytest.mark.parametrize("size", [3, 32])
def test_a_video_that_fits_one_window_is_bit_identical(unet: AnimateXUNet, size: int, weights: str) -> None:
    plan = Windows(size, overlap=1, weights=weights)  # type: ignore[arg-type]
    plain = sample_latents(unet, tiny_inputs(), FEW)
    assert torch.equal(sample_latents(unet, tiny_inputs(), replace(FEW, long_clip=plan)), plain)


def test_alternating_windows_of_a_video_that_fits_one_are_bit_identical(unet: AnimateXUNet) -> None:
    plain = sample_latents(unet, tiny_inputs(), FEW)
    assert torch.equal(
        sample_latents(unet, tiny_inputs(), replace(FEW, long_clip=AlternatingWindows(4))), plain
    )


EVERY_PLAN = [
    Windows(4, 2),
    Windows(4, 0),
    Windows(1, 0),
    AlternatingWindows(4),
    AlternatingWindows(2),
    Segments(4),
    Segments(2),
]


@pytest.mark.parametrize("plan", EVERY_PLAN)
def test_long_videos_have_the_exact_length(unet: AnimateXUNet, plan: LongClip) -> None:
    latents = sample_latents(unet, tiny_inputs(LONG), replace(FEW, long_clip=plan))
    assert latents.shape == LONG.latents()
    assert latents.isfinite().all()
    assert latents.std(dim=(0, 1, 3, 4)).min() > 0.1


def test_a_segment_starts_with_the_last_frame_of_the_one_before(unet: AnimateXUNet) -> None:
    settings = replace(FEW, solver="dpm++2m", long_clip=Segments(5))
    ends: list[Tensor] = []

    def keep_last(info: StepInfo) -> None:
        if info.index % 4 == 3:
            ends.append(info.latents)

    latents = sample_latents(unet, tiny_inputs(LONG), settings, keep_last)
    torch.testing.assert_close(ends[1][:, :, 0], ends[0][:, :, -1])
    torch.testing.assert_close(latents[:, :, 4:], ends[1])


@pytest.mark.parametrize(
    ("plan", "total"), [(None, 4), (Windows(4, 2), 4), (AlternatingWindows(4), 4), (Segments(5), 8)]
)
def test_progress_counts_the_steps_of_the_whole_video(
    unet: AnimateXUNet, plan: LongClip | None, total: int
) -> None:
    seen: list[tuple[int, int]] = []
    settings = replace(FEW, long_clip=plan)
    sample_latents(unet, tiny_inputs(LONG), settings, lambda info: seen.append((info.index, info.total)))
    assert seen == [(index, total) for index in range(total)]


def living_tensors() -> Iterator[Tensor]:
    gc.collect()
    return (thing for thing in gc.get_objects() if issubclass(type(thing), Tensor))


@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("plan", [None, Windows(2, 1), AlternatingWindows(2), Segments(2)])
def test_cancelling_stops_at_once_and_leaves_nothing(
    unet: AnimateXUNet, step: int, plan: LongClip | None
) -> None:
    inputs, seen = tiny_inputs(), []
    before = {id(tensor) for tensor in living_tensors()}

    def cancel(info: StepInfo) -> None:
        seen.append(info.index)
        if info.index == step:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        sample_latents(unet, inputs, replace(FEW, long_clip=plan), cancel)
    assert seen == list(range(step + 1))
    assert [tensor.shape for tensor in living_tensors() if id(tensor) not in before] == []


@pytest.mark.parametrize(("scale", "passes"), [(1.0, 4), (2.5, 8)])
def test_without_guidance_there_is_one_pass_per_step(unet: AnimateXUNet, scale: float, passes: int) -> None:
    calls: list[int] = []
    handle = unet.register_forward_hook(lambda *_: calls.append(1))
    sample_latents(unet, tiny_inputs(), replace(FEW, guidance=Guidance(scale)))
    handle.remove()
    assert len(calls) == passes


def test_out_of_memory_says_what_to_lower(unet: AnimateXUNet) -> None:
    inputs = ConditionInputs(replace(TINY_SHAPE, frames=10**12), torch.zeros(1, 4, 64))
    with pytest.raises(OutOfMemory, match="windows of fewer frames"):
        sample_latents(unet, inputs, FEW)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (lambda: {"solver": "euler"}, "ddim, dpm"),
        (lambda: {"steps": 0}, "steps is 0"),
        (lambda: {"steps": 2.5}, r"steps is 2\.5"),
        (lambda: {"steps": 27}, "steps is 27"),
        (lambda: {"steps": 500}, "steps is 500"),
        (lambda: {"seed": -1}, "seed"),
        (lambda: {"seed": 2**64}, "seed"),
        (lambda: {"offset_noise": float("nan")}, "offset_noise"),
        (lambda: {"long_clip": 16}, "long_clip is 16"),
        (lambda: {"long_clip": Windows(0, 0)}, "window size is 0"),
        (lambda: {"long_clip": Windows(4, 4)}, "overlap"),
        (lambda: {"long_clip": Windows(4, 1, "linear")}, "uniform, smooth"),  # type: ignore[arg-type]
        (lambda: {"long_clip": Segments(1)}, "segment size is 1"),
        (lambda: {"long_clip": AlternatingWindows(1)}, "window size is 1"),
        (lambda: {"long_clip": AlternatingWindows(4), "solver": "dpm++2m", "steps": 1}, "there is 1 step"),
    ],
)
def test_invalid_settings_are_rejected(
    unet: AnimateXUNet, settings: Callable[[], dict[str, Any]], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        sample_latents(unet, tiny_inputs(), replace(FEW, **settings()))


def test_a_video_of_nans_is_rejected(unet: AnimateXUNet) -> None:
    inputs = tiny_inputs()
    with pytest.raises(InvalidInput, match="keypoints contains NaN"):
        sample_latents(unet, replace(inputs, keypoints=torch.full((1, 4, 2, 18), torch.nan)), FEW)
    broken = tiny_unet()
    broken.get_parameter("out.2.bias").data.fill_(torch.nan)
    with pytest.raises(InvalidInput, match="became NaN"):
        sample_latents(broken, inputs, FEW)


def test_training_mode_is_rejected() -> None:
    with pytest.raises(InvalidInput, match="training mode"):
        sample_latents(tiny_unet().train(), tiny_inputs(), FEW)


def test_videos_of_a_batch_are_sampled_as_if_alone() -> None:
    """Also with the released keypoint encoder, which would mix them."""
    unet = tiny_unet(DenoiserConfig.tiny().with_ipi(interleaves_batch=True))
    inputs, settings = tiny_inputs(batch=2), replace(FEW, guidance=Guidance(1.0))
    changed = replace(inputs, keypoints=torch.cat([inputs.keypoints[:1], 1 - inputs.keypoints[1:]]))  # type: ignore[index]
    before, after = sample_latents(unet, inputs, settings), sample_latents(unet, changed, settings)
    torch.testing.assert_close(before[0], after[0])
    assert not torch.allclose(before[1], after[1], atol=1e-4)


def passes_of(unet: AnimateXUNet, guidance: Guidance, batch_guidance: bool) -> list[int]:
    """Sizes of the batches that the denoiser is called with."""
    sizes: list[int] = []
    handle = unet.register_forward_hook(lambda _, arguments, __: sizes.append(len(arguments[0])))
    sample_latents(unet, tiny_inputs(), replace(FEW, guidance=guidance, batch_guidance=batch_guidance))
    handle.remove()
    return sizes


def test_guidance_keeps_to_its_interval(unet: AnimateXUNet) -> None:
    late = Guidance(2.5, start=0.5)  # of the timesteps 751, 501, 251 and 1
    assert passes_of(unet, late, batch_guidance=False) == [1, 1, 1, 1, 1, 1]
    assert passes_of(unet, late, batch_guidance=True) == [1, 1, 2, 2]


def test_offset_noise_and_the_weights_of_windows_matter(unet: AnimateXUNet) -> None:
    plain = sample_latents(unet, tiny_inputs(LONG), replace(FEW, offset_noise=0.0))
    assert not torch.allclose(plain, sample_latents(unet, tiny_inputs(LONG), FEW), atol=1e-2)
    smooth, uniform = (
        sample_latents(unet, tiny_inputs(LONG), replace(FEW, long_clip=Windows(5, 3, weights)))
        for weights in ("smooth", "uniform")
    )
    assert not torch.allclose(smooth, uniform, atol=1e-3)


@pytest.mark.parametrize(("plan", "unmoved"), [(Windows(3, 0), 6), (Segments(5), 5)])
def test_each_part_of_a_long_clip_has_the_conditions_of_its_own_frames(
    unet: AnimateXUNet, plan: Windows | Segments, unmoved: int
) -> None:
    inputs, settings = tiny_inputs(LONG), replace(FEW, long_clip=plan)
    assert inputs.pose_pictures is not None
    poses = inputs.pose_pictures.clone()
    poses[:, :, -1] = 1 - poses[:, :, -1]
    before = sample_latents(unet, inputs, settings)
    after = sample_latents(unet, replace(inputs, pose_pictures=poses), settings)
    assert torch.equal(before[:, :, :unmoved], after[:, :, :unmoved])
    assert not torch.allclose(before[:, :, unmoved:], after[:, :, unmoved:], atol=1e-4)


def test_windows_alternate_between_the_steps(unet: AnimateXUNet) -> None:
    """Frames that only meet in the windows of odd steps depend on each other from the second step on."""
    inputs = tiny_inputs(replace(LONG, frames=8))
    assert inputs.pose_pictures is not None
    poses = inputs.pose_pictures.clone()
    poses[:, :, -1] = 1 - poses[:, :, -1]
    settings = replace(FEW, solver="dpm++2m", long_clip=AlternatingWindows(4))

    def steps(inputs: ConditionInputs) -> list[Tensor]:
        seen: list[Tensor] = []
        sample_latents(unet, inputs, settings, lambda info: seen.append(info.latents))
        return seen

    pairs = zip(steps(inputs), steps(replace(inputs, pose_pictures=poses)), strict=True)
    unchanged = [sum(torch.equal(a[:, :, i], b[:, :, i]) for i in range(8)) for a, b in pairs]
    assert unchanged == [4, 2, 0, 0]


def test_windows_of_both_kinds_of_steps_share_their_conditions(
    unet: AnimateXUNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """9 frames: windows from 0, 4 and 5, and from 0, 2 and 5, are encoded once, beside the unconditional."""
    encoded: list[int] = []
    encode = unet.encode

    def counted(inputs: ConditionInputs, pose_strength: float = 1.0) -> Conditions:
        encoded.append(inputs.shape.frames)
        return encode(inputs, pose_strength)

    monkeypatch.setattr(unet, "encode", counted)
    sample_latents(unet, tiny_inputs(LONG), replace(FEW, long_clip=AlternatingWindows(4)))
    assert encoded == [4] * (4 + 1)


def test_the_last_segment_is_fixed_to_all_shared_frames(unet: AnimateXUNet) -> None:
    ends: list[Tensor] = []

    def keep_last(info: StepInfo) -> None:
        if info.index % 4 == 3:
            ends.append(info.latents)

    shape = replace(LONG, frames=8)
    latents = sample_latents(unet, tiny_inputs(shape), replace(FEW, long_clip=Segments(5)), keep_last)
    torch.testing.assert_close(latents[:, :, :5], ends[0], rtol=0, atol=0)
    # DDIM ends at timestep 1, so a little noise stays on the pinned frames of the second segment.
    assert (ends[1][:, :, :2] - ends[0][:, :, 3:]).abs().max() < 0.3
    assert (ends[1][:, :, 2:4] - ends[0][:, :, 3:]).abs().max() > 0.5
