import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from animatex_core.animate_x.checkpoint_keys import from_official, official_keys, to_official
from animatex_core.animate_x.conditions import ConditionInputs, Conditions
from animatex_core.animate_x.config import PRESETS, DenoiserConfig
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.animate_x.unet import AnimateXUNet
from tests.animate_x.samples import TINY_SHAPE, tiny_inputs, tiny_latents, tiny_unet

REFERENCE = Path(__file__).parents[1] / "reference"
TIMESTEP = torch.tensor([500])


def run(unet: AnimateXUNet, inputs: ConditionInputs, x: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return unet(x, TIMESTEP.expand(len(x)), unet.encode(inputs))


def test_official_configuration_has_the_official_keys() -> None:
    unet = AnimateXUNet(DenoiserConfig.released(), device="meta")
    expected = json.loads((REFERENCE / "animate_x_unet_keys.json").read_text(encoding="utf-8"))
    assert len(expected) == 2100
    assert official_keys(unet) == {key: tuple(shape) for key, shape in expected.items()}


@pytest.mark.parametrize("preset", PRESETS)
def test_every_parameter_sits_in_a_leaf_module(preset: str) -> None:
    unet = AnimateXUNet(PRESETS[preset](), device="meta")
    for name, module in unet.named_modules():
        assert not (list(module.children()) and list(module.parameters(recurse=False))), name
    assert not list(unet.buffers())


def test_key_map_translates_both_ways() -> None:
    tensors = tiny_unet().state_dict()
    released = to_official(tensors)
    assert "pose_embedding_after.latents" in released
    back = from_official(released)
    assert back.keys() == tensors.keys()
    assert all(torch.equal(back[key], tensors[key]) for key in tensors)


@pytest.mark.parametrize(("width", "height", "frames"), [(64, 64, 1), (32, 64, 2), (96, 64, 5), (64, 96, 40)])
def test_any_size_and_any_number_of_frames(width: int, height: int, frames: int) -> None:
    shape = ClipShape(width, height, frames, num_downsamples=2)
    v = run(tiny_unet(), tiny_inputs(shape), tiny_latents(shape))
    assert v.shape == shape.latents()
    assert v.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_near_to_full(dtype: torch.dtype) -> None:
    full = run(tiny_unet(), tiny_inputs(), tiny_latents())
    half = run(tiny_unet().to(dtype), tiny_inputs().to(dtype=dtype), tiny_latents().to(dtype))
    assert half.dtype == dtype
    assert (half.float() - full).std() < 0.03 * full.std()


def test_one_reference_frame_is_used_for_all() -> None:
    unet, inputs = tiny_unet(), tiny_inputs()
    assert inputs.reference_image is not None
    repeated = replace(inputs, reference_image=inputs.reference_image.expand(-1, -1, 3, -1, -1))
    torch.testing.assert_close(run(unet, repeated, tiny_latents()), run(unet, inputs, tiny_latents()))


def test_stacked_conditions_equal_separate_calls() -> None:
    unet, inputs, x = tiny_unet(), tiny_inputs(), tiny_latents()
    parts = [unet.encode(inputs), unet.encode(inputs.unconditional())]
    both = unet(torch.cat([x, x]), TIMESTEP.expand(2), Conditions.stack(parts))
    single = torch.cat([unet(x, TIMESTEP, part) for part in parts])
    torch.testing.assert_close(both, single, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(single[0], single[1], atol=1e-2)


def test_videos_of_a_batch_do_not_mix() -> None:
    unet, x = tiny_unet(), tiny_latents(batch=2)
    inputs = tiny_inputs(batch=2)
    changed = replace(inputs, keypoints=torch.cat([inputs.keypoints[:1], 1 - inputs.keypoints[1:]]))  # type: ignore[index]
    before, after = run(unet, inputs, x), run(unet, changed, x)
    torch.testing.assert_close(before[0], after[0])
    assert not torch.allclose(before[1], after[1], atol=1e-4)


CONDITIONS = (
    "image_embedding",
    "reference_image",
    "reference_latents",
    "pose_pictures",
    "keypoints",
    "clip_features",
)


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_condition_matters(name: str) -> None:
    unet, inputs, x = tiny_unet(), tiny_inputs(), tiny_latents()
    without = replace(inputs, **{name: None})  # type: ignore[arg-type]
    assert not torch.allclose(run(unet, inputs, x), run(unet, without, x), atol=1e-5)


def test_window_equals_the_inputs_of_these_frames() -> None:
    inputs = tiny_inputs(replace(TINY_SHAPE, frames=6))
    window = inputs.window(2, 5)
    assert window.shape.frames == 3
    assert window.pose_pictures is not None
    assert inputs.pose_pictures is not None
    torch.testing.assert_close(window.pose_pictures[:, :, 0], inputs.pose_pictures[:, :, 0])
    torch.testing.assert_close(window.pose_pictures[:, :, 1:], inputs.pose_pictures[:, :, 3:6])
    assert window.clip_features is not None
    assert inputs.clip_features is not None
    torch.testing.assert_close(window.clip_features, inputs.clip_features[:, [0, 3, 4, 5]])


def test_window_cuts_a_reference_of_many_frames() -> None:
    shape = replace(TINY_SHAPE, frames=6)
    pictures = torch.rand(1, 3, 6, shape.height, shape.width)
    window = replace(tiny_inputs(shape), reference_image=pictures).window(2, 5)
    torch.testing.assert_close(window.reference_image, pictures[:, :, 2:5])


def test_channels_last_gives_the_same_results() -> None:
    expected = run(tiny_unet(), tiny_inputs(), tiny_latents())
    unet = tiny_unet()
    unet.use_channels_last()
    assert unet.state_dict()["out.2.weight"].is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(run(unet, tiny_inputs(), tiny_latents()), expected, atol=1e-5, rtol=1e-5)


def test_compiles_without_graph_breaks() -> None:
    unet, x = tiny_unet(), tiny_latents()
    conditions = unet.encode(tiny_inputs())
    compiled = torch.compile(unet, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x, TIMESTEP, conditions), unet(x, TIMESTEP, conditions))


def test_layers_come_from_the_given_operations() -> None:
    class Linear(nn.Linear): ...

    class GroupNorm(nn.GroupNorm): ...

    operations = type("Operations", (), {**vars(nn), "Linear": Linear, "GroupNorm": GroupNorm})
    unet = AnimateXUNet(DenoiserConfig.tiny(), operations=operations, device="meta")
    kinds = {type(module) for module in unet.modules()}
    assert {Linear, GroupNorm} <= kinds
    assert not {nn.Linear, nn.GroupNorm} & kinds


def test_gradients_reach_every_parameter() -> None:
    unet = tiny_unet().requires_grad_(True).train()
    inputs, x = tiny_inputs(), tiny_latents()
    unet(x, TIMESTEP, unet.encode(inputs)).square().mean().backward()
    assert [name for name, parameter in unet.named_parameters() if parameter.grad is None] == []
