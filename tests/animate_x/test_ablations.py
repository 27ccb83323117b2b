"""The configurations of the paper's ablation (IPI), each of which has to be a network of its own."""

from dataclasses import replace

import pytest
import torch

from animatex_core.animate_x.config import PRESETS, DenoiserConfig
from animatex_core.errors import InvalidInput
from tests.animate_x.samples import tiny_inputs, tiny_latents, tiny_unet
from tests.animate_x.test_unet import run

TINY = DenoiserConfig.tiny()
ABLATIONS = {
    "no IPI": replace(TINY, ipi=None),
    "no learnable query": TINY.with_ipi(variant="no_learnable_query"),
    "no keypoint query": TINY.with_ipi(variant="no_keypoint_query"),
    "KV_Q": TINY.with_ipi(variant="clip_query"),
    "PA": replace(TINY, motion_attention="parallel"),
    "alpha": replace(TINY, motion_scale=0.5),
    "mamba": replace(TINY, temporal="mamba"),
    "one-way mamba": replace(TINY, temporal="mamba", mamba=replace(TINY.mamba, bidirectional=False)),
}


@pytest.mark.parametrize("name", ABLATIONS)
def test_ablation_computes_something_else(name: str) -> None:
    full = run(tiny_unet(), tiny_inputs(), tiny_latents())
    ablated = run(tiny_unet(ABLATIONS[name]), tiny_inputs(), tiny_latents())
    assert ablated.isfinite().all()
    assert not torch.allclose(ablated, full, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("no IPI", ("pose_embedding_before.", "pose_embedding_after.", "pose_attention.")),
        ("no learnable query", ("pose_embedding_after.latents",)),
        ("no keypoint query", ("pose_embedding_before.",)),
        ("mamba", ("input_blocks.0.1.transformer_blocks.0.attn1.",)),
    ],
)
def test_ablation_drops_its_weights(name: str, gone: tuple[str, ...]) -> None:
    full, ablated = tiny_unet().state_dict(), tiny_unet(ABLATIONS[name]).state_dict()
    for part in gone:
        assert any(f".{part}" in f".{key}" for key in full)
        assert not any(f".{part}" in f".{key}" for key in ablated)


def test_alpha_zero_equals_no_ipi() -> None:
    muted = tiny_unet(replace(TINY, motion_scale=0.0))
    without = tiny_unet(replace(TINY, ipi=None))
    without.load_state_dict({key: muted.state_dict()[key] for key in without.state_dict()})
    expected = run(without, tiny_inputs(), tiny_latents())
    torch.testing.assert_close(run(muted, tiny_inputs(), tiny_latents()), expected)


def test_keypoints_do_not_matter_without_their_query() -> None:
    unet, inputs = tiny_unet(ABLATIONS["no keypoint query"]), tiny_inputs()
    other = replace(inputs, keypoints=torch.zeros_like(inputs.keypoints))  # type: ignore[arg-type]
    assert torch.equal(run(unet, inputs, tiny_latents()), run(unet, other, tiny_latents()))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("change", [{}, {"ipi": None}, {"motion_attention": "parallel"}])
def test_configuration_survives_a_round_trip(preset: str, change: dict[str, str | None]) -> None:
    config = replace(PRESETS[preset](), **change)  # type: ignore[arg-type]
    assert DenoiserConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temporal": "lstm"}, "temporal"),
        ({"motion_attention": "both"}, "motion_attention"),
        ({"motion_scale": 1.5}, "motion_scale"),
        ({"channels": 48}, "48 channels"),
        ({"channels": 0}, "channels is 0"),
        ({"head_dim": 0}, "head_dim is 0"),
        ({"multipliers": ()}, "multipliers"),
        ({"dropout": 2.0}, "dropout"),
    ],
)
def test_invalid_configuration_is_rejected(changes: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        replace(DenoiserConfig(), **changes)  # type: ignore[arg-type]


def test_unknown_ipi_variant_is_rejected() -> None:
    with pytest.raises(InvalidInput, match=r"ipi\.variant"):
        TINY.with_ipi(variant="query_only")


def test_unknown_entry_is_rejected() -> None:
    with pytest.raises(InvalidInput, match="convert the checkpoint again"):
        DenoiserConfig.from_dict({**TINY.to_dict(), "frobnicate": 1})


def test_the_paper_differs_from_the_release_only_in_the_temporal_layers() -> None:
    assert DenoiserConfig.paper() == replace(DenoiserConfig(), temporal="mamba")
    assert DenoiserConfig.released() == DenoiserConfig().with_ipi(interleaves_batch=True)
