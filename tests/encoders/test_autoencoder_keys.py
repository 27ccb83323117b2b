import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL

from animatex_core.checkpoints.validation import shapes
from animatex_core.encoders.autoencoder_keys import (
    PREFIX,
    current_diffusers_names,
    diffusers_to_ldm,
    has_ldm_names,
    ldm_to_diffusers,
    without_prefix,
)

KEYS = Path(__file__).parents[1] / "reference" / "sd21_autoencoder_keys.json"


@pytest.fixture(scope="module")
def released():
    """The released 248 tensors, without values."""
    listed = json.loads(KEYS.read_text())
    return {key: torch.empty(shape, device="meta") for key, shape in listed.items()}


@pytest.fixture(scope="module")
def diffusers_shapes():
    with torch.device("meta"):
        network = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
        )
    return shapes(network.state_dict())


def test_official_keys_become_exactly_those_of_diffusers(released, diffusers_shapes):
    assert len(released) == 248
    assert shapes(ldm_to_diffusers(without_prefix(released))) == diffusers_shapes


def test_the_inverse_gives_the_official_keys_and_shapes(released):
    ldm = without_prefix(released)
    assert shapes(diffusers_to_ldm(ldm_to_diffusers(ldm))) == shapes(ldm)


@pytest.mark.parametrize(
    ("ldm", "diffusers"),
    [
        ("encoder.down.2.downsample.conv.bias", "encoder.down_blocks.2.downsamplers.0.conv.bias"),
        (
            "encoder.down.1.block.0.nin_shortcut.bias",
            "encoder.down_blocks.1.resnets.0.conv_shortcut.bias",
        ),
        ("decoder.up.0.block.2.norm1.bias", "decoder.up_blocks.3.resnets.2.norm1.bias"),
        ("decoder.up.3.upsample.conv.bias", "decoder.up_blocks.0.upsamplers.0.conv.bias"),
        ("decoder.mid.block_2.conv1.bias", "decoder.mid_block.resnets.1.conv1.bias"),
        ("encoder.mid.attn_1.proj_out.bias", "encoder.mid_block.attentions.0.to_out.0.bias"),
        ("encoder.norm_out.bias", "encoder.conv_norm_out.bias"),
        ("post_quant_conv.bias", "post_quant_conv.bias"),
    ],
)
def test_names(ldm, diffusers):
    bias = torch.zeros(4)
    assert list(ldm_to_diffusers({ldm: bias})) == [diffusers]
    assert list(diffusers_to_ldm({diffusers: bias})) == [ldm]


def test_attention_is_a_convolution_there_and_linear_here():
    kernel = torch.arange(12.0).view(3, 4, 1, 1)
    linear = ldm_to_diffusers({"encoder.mid.attn_1.q.weight": kernel})
    assert torch.equal(linear["encoder.mid_block.attentions.0.to_q.weight"], kernel[:, :, 0, 0])
    assert torch.equal(diffusers_to_ldm(linear)["encoder.mid.attn_1.q.weight"], kernel)


@pytest.mark.parametrize(
    ("former", "now"), [("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0")]
)
def test_former_names_of_diffusers(former, now):
    beginning = "decoder.mid_block.attentions.0"
    assert list(current_diffusers_names({f"{beginning}.{former}.bias": torch.zeros(1)})) == [
        f"{beginning}.{now}.bias"
    ]


def test_current_names_are_kept(diffusers_shapes):
    assert list(current_diffusers_names(dict.fromkeys(diffusers_shapes, torch.zeros(1)))) == list(
        diffusers_shapes
    )


def test_only_the_autoencoder_is_extracted_from_a_full_checkpoint():
    weight = torch.zeros(1)
    whole = {f"{PREFIX}quant_conv.bias": weight, "model.diffusion_model.out.0.bias": weight}
    assert list(without_prefix(whole)) == ["quant_conv.bias"]
    assert list(without_prefix({"quant_conv.bias": weight})) == ["quant_conv.bias"]


def test_the_two_forms_are_distinguished(released, diffusers_shapes):
    assert has_ldm_names(without_prefix(released))
    assert not has_ldm_names(dict.fromkeys(diffusers_shapes, torch.zeros(1)))
