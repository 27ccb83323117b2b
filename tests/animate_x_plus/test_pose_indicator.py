import pytest
import torch
from torch import Tensor

from animatex_core.animate_x_plus.modules import PlusInputs, PlusModules
from animatex_core.errors import InvalidInput
from tests.animate_x_plus.samples import FULL, drawn, networks, plus_inputs


def tokens(frames: int, inputs: PlusInputs | None = None) -> Tensor:
    encoded = networks().motion_tokens(inputs or plus_inputs(frames))
    assert encoded is not None
    return encoded


@pytest.mark.parametrize("frames", [1, 5, 9, 13, 17, 41])
def test_a_video_of_any_length_has_a_token_for_each_latent_frame(frames: int) -> None:
    encoded = tokens(frames)
    assert encoded.shape == (1, (frames + 3) // 4, FULL.dim)
    assert encoded.isfinite().all()


def test_a_short_video_is_padded_with_its_last_frame() -> None:
    short = plus_inputs(5)
    index = torch.tensor([0, 1, 2, 3, 4, 4, 4, 4, 4])
    assert short.keypoints is not None
    assert short.clip_features is not None
    filled = PlusInputs(
        short.pose_video[:, :, index],
        keypoints=short.keypoints[:, index],
        clip_features=short.clip_features[:, index],
    )
    assert torch.equal(tokens(5, short), tokens(9, filled)[:, :2])


def test_windows_of_a_long_video_start_with_latent_frames_and_blend() -> None:
    long = plus_inputs(13)
    assert long.keypoints is not None
    assert long.clip_features is not None
    windows = [
        tokens(
            9,
            PlusInputs(
                long.pose_video[:, :, cut],
                keypoints=long.keypoints[:, cut],
                clip_features=long.clip_features[:, cut],
            ),
        )
        for cut in (slice(0, 9), slice(4, 13))
    ]
    blended = tokens(13, long)
    torch.testing.assert_close(blended[:, 0], windows[0][:, 0])
    torch.testing.assert_close(blended[:, 3], windows[1][:, 2])
    # A raised cosine over three latent frames: the middle one weighs 1, the outer ones a quarter.
    for place, (first, second) in {1: (0.8, 0.2), 2: (0.2, 0.8)}.items():
        expected = first * windows[0][:, place] + second * windows[1][:, place - 1]
        torch.testing.assert_close(blended[:, place], expected)


def test_videos_of_a_batch_do_not_mix() -> None:
    one, other = (
        plus_inputs(),
        PlusInputs(
            drawn(1, 3, 9, 48, 32, seed=7).sigmoid(),
            keypoints=drawn(1, 9, 2, 18, seed=8).sigmoid(),
            clip_features=drawn(1, 9, 64, seed=9),
        ),
    )
    assert one.keypoints is not None and other.keypoints is not None  # noqa: PT018
    assert one.clip_features is not None and other.clip_features is not None  # noqa: PT018
    both = PlusInputs(
        torch.cat([one.pose_video, other.pose_video]),
        keypoints=torch.cat([one.keypoints, other.keypoints]),
        clip_features=torch.cat([one.clip_features, other.clip_features]),
    )
    torch.testing.assert_close(tokens(9, both)[1:], tokens(9, other))
    told = networks().encode(both)
    torch.testing.assert_close(told.pose_tokens[1:], networks().encode(other).pose_tokens)


def test_the_full_variant_needs_the_driving_frames() -> None:
    without = PlusInputs(plus_inputs().pose_video)
    with pytest.raises(InvalidInput, match="keypoints or CLIP features are missing"):
        networks("full").encode(without)
    assert networks("simple").encode(without).motion_tokens is None


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"pose_video": torch.zeros(1, 3, 8, 32, 32)}, "8, but Wan makes videos of 4n \\+ 1 frames: use 9"),
        ({"pose_video": torch.zeros(1, 3, 9, 40, 32)}, "multiples of 16"),
        ({"reference_pose": torch.zeros(1, 3, 32, 32)}, "reference_pose is"),
        ({"keypoints": torch.zeros(1, 8, 2, 18)}, "keypoints is"),
        ({"clip_features": torch.zeros(2, 9, 64)}, "clip_features is"),
    ],
)
def test_conditions_of_different_videos_are_rejected(inputs: dict[str, Tensor], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        PlusInputs(**({"pose_video": plus_inputs().pose_video} | inputs))


def test_uint8_equals_floats() -> None:
    levels = (plus_inputs().pose_video * 255).to(torch.uint8)
    parts = networks("simple").encode(PlusInputs(levels.float() / 255))
    told = networks("simple").encode(PlusInputs(levels))
    assert torch.equal(told.pose_tokens, parts.pose_tokens)
    assert torch.equal(told.reference_map, parts.reference_map)


def test_every_parameter_lies_on_a_module_without_children() -> None:
    modules = PlusModules(FULL, device="meta").modules()
    inner = [module for module in modules if any(True for _ in module.children())]
    assert inner
    assert not any(len(list(module.parameters(recurse=False))) for module in inner)
