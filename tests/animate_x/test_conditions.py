from dataclasses import replace

import pytest
import torch
from torch import Tensor

from animatex_core.animate_x.conditions import ConditionInputs
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.errors import InvalidInput
from tests.animate_x.samples import TINY_SHAPE, tiny_inputs, tiny_unet

WRONG_FORMS: dict[str, list[tuple[int, ...]]] = {
    "text_context": [(4, 64), (1, 1, 4, 64)],
    "image_embedding": [(1, 64), (1, 2, 64)],
    "reference_image": [(1, 3, 1, 64, 96), (1, 4, 1, 96, 64), (1, 3, 2, 96, 64), (3, 1, 96, 64)],
    "reference_latents": [(1, 4, 1, 1, 1), (1, 4, 2, 12, 8)],
    "pose_pictures": [(1, 3, 3, 96, 64), (1, 3, 4, 192, 128)],
    "keypoints": [(1, 3, 2, 18), (1, 4, 18, 2), (1, 4, 36)],
    "clip_features": [(1, 3, 64), (4, 1, 64), (1, 4, 1, 64)],
}


@pytest.mark.parametrize(("name", "shape"), [(n, s) for n, shapes in WRONG_FORMS.items() for s in shapes])
def test_a_condition_of_another_shape_is_reported(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match=rf"^{name} is .* needs \(any, .*\.$"):
        replace(tiny_inputs(), **{name: torch.zeros(shape)})  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.complex64])
def test_a_condition_that_is_not_floating_point_is_reported(dtype: torch.dtype) -> None:
    inputs = tiny_inputs()
    with pytest.raises(InvalidInput, match=r"reference_image .* floating point"):
        replace(inputs, reference_image=inputs.reference_image.to(dtype))  # type: ignore[union-attr]


def test_different_batch_sizes_are_rejected() -> None:
    with pytest.raises(InvalidInput, match=r"2 videos .* 3"):
        replace(tiny_inputs(batch=3), keypoints=torch.zeros(2, 4, 2, 18))


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("text_context", torch.zeros(1, 77, 64)),
        ("text_context", torch.zeros(1, 4, 1024)),
        ("image_embedding", torch.zeros(1, 1, 1024)),
        ("reference_latents", torch.zeros(1, 16, 1, 12, 8)),
        ("keypoints", torch.zeros(1, 4, 2, 17)),
        ("clip_features", torch.zeros(1, 4, 1024)),
    ],
)
def test_a_width_of_another_network_is_reported(name: str, tensor: Tensor) -> None:
    inputs = replace(tiny_inputs(), **{name: tensor})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=f"^{name} has"):
        tiny_unet().encode(inputs)


def test_a_size_that_the_network_cannot_halve_is_reported() -> None:
    shape = ClipShape(72, 40, 2, num_downsamples=0)
    with pytest.raises(InvalidInput, match=r"72x40 .* multiples of 32"):
        tiny_unet().encode(ConditionInputs(shape, torch.zeros(1, 4, 64)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 100}, "width is 100 .* use 96"),
        ({"height": 0}, "height is 0"),
        ({"width": 64.0}, "width"),
        ({"frames": 0}, "frames is 0"),
        ({"frames": -3}, "frames is -3"),
        ({"frames": 2.5}, "frames is 2"),
        ({"factor": 0}, "factor is 0"),
        ({"num_downsamples": -1}, "num_downsamples is -1"),
    ],
)
def test_an_invalid_shape_is_rejected(changes: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        replace(TINY_SHAPE, **changes)


@pytest.mark.parametrize(("width", "suggested"), [(500, 512), (1, 64), (95, 64), (97, 128)])
def test_the_suggested_size_works(width: int, suggested: int) -> None:
    with pytest.raises(InvalidInput, match=f"use {suggested}"):
        ClipShape(width, 768)
    assert ClipShape(suggested, 768).latent_size == (96, suggested // 8)
