import sys

import open_clip
import pytest
import torch

from animatex_core.encoders.open_clip import VIT_H_14, OpenClipImageEncoder, OpenClipTextContext
from animatex_core.errors import MissingDependency, WrongCheckpoint
from tests.encoders.small_clip import SMALL, small_clip
from tests.support.equal_networks import assert_near


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return small_clip(tmp_path_factory.mktemp("open_clip"))


@pytest.fixture(scope="module")
def tensors(clip):
    return clip.state_dict()


def _without(tensors, beginning):
    return {key: tensor for key, tensor in tensors.items() if not key.startswith(beginning)}


@torch.no_grad()
def _penultimate_by_hand(clip, tokens):
    """The blocks one by one, with nothing but plain attention, to check the tower independently."""
    hidden = clip.token_embedding(tokens) + clip.positional_embedding
    for block in clip.transformer.resblocks[:-1]:
        inner = block.ln_1(hidden)
        qkv = inner @ block.attn.in_proj_weight.T + block.attn.in_proj_bias
        q, k, v = (part.unflatten(-1, (2, 32)).transpose(1, 2) for part in qkv.chunk(3, dim=-1))
        scores = q @ k.transpose(-1, -2) / 32**0.5
        future = torch.ones(77, 77, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(future, float("-inf")).softmax(-1) @ v
        hidden = hidden + block.attn.out_proj(mixed.transpose(1, 2).flatten(2))
        hidden = hidden + block.mlp(block.ln_2(hidden))
    return clip.ln_final(hidden)


@torch.no_grad()
def test_images_are_encoded_as_by_open_clip(clip, tensors):
    pictures = torch.randn(5, 3, 28, 28)
    encoder = OpenClipImageEncoder.from_tensors(tensors, SMALL, batch_size=2)
    torch.testing.assert_close(encoder.encode(pictures), clip.encode_image(pictures, normalize=False))
    assert not encoder.encode(pictures).requires_grad


def test_the_empty_text_comes_from_the_penultimate_block(clip, tensors):
    context = OpenClipTextContext.from_tensors(tensors, SMALL)
    assert context.tokens[0, :3].tolist() == [49406, 49407, 0]
    torch.testing.assert_close(context.empty_text(), _penultimate_by_hand(clip, context.tokens))
    assert context.empty_text().shape == (1, 77, 64)


def test_the_last_block_would_have_made_a_difference(clip, tensors):
    whole = clip.encode_text(OpenClipTextContext.from_tensors(tensors, SMALL).tokens)
    pooled = OpenClipTextContext.from_tensors(tensors, SMALL).empty_text()[:, 1] @ clip.text_projection
    assert not torch.allclose(whole, pooled, atol=1e-2)


def test_only_the_requested_tower_is_kept_and_assigned(tensors):
    encoder = OpenClipImageEncoder.from_tensors(tensors, SMALL)
    context = OpenClipTextContext.from_tensors(tensors, SMALL)
    assert set(encoder.tower.state_dict()) == {
        key.removeprefix("visual.") for key in tensors if key.startswith("visual.")
    }
    assert not any(key.startswith("visual") or "resblocks.2" in key for key in context.tower.state_dict())
    assert encoder.tower.state_dict()["proj"].data_ptr() == tensors["visual.proj"].data_ptr()


def test_each_tower_loads_without_the_other(tensors):
    context = OpenClipTextContext.from_tensors(_without(tensors, "visual."), SMALL)
    vision = {key: tensor for key, tensor in tensors.items() if key.startswith("visual.")}
    assert context.tower.attn_mask.device.type == "cpu"
    assert OpenClipImageEncoder.from_tensors(vision, SMALL).encode(torch.ones(1, 3, 28, 28)).shape == (1, 64)


def test_a_pickle_of_the_official_form_is_read(clip, tensors, tmp_path):
    path = tmp_path / "open_clip_pytorch_model.bin"
    torch.save(tensors, path)
    embedding = OpenClipImageEncoder.from_file(path, SMALL, batch_size=1).encode(torch.ones(2, 3, 28, 28))
    torch.testing.assert_close(embedding, clip.encode_image(torch.ones(2, 3, 28, 28)).detach())
    context = OpenClipTextContext.from_file(path, SMALL).empty_text()
    assert_near(context, OpenClipTextContext.from_tensors(tensors, SMALL).empty_text())


def test_a_saved_mask_is_not_loaded(tensors):
    with_mask = {**tensors, "attn_mask": torch.zeros(77, 77)}
    context = OpenClipTextContext.from_tensors(with_mask, SMALL)
    assert_near(context.empty_text(), OpenClipTextContext.from_tensors(tensors, SMALL).empty_text())
    assert OpenClipImageEncoder.from_tensors(with_mask, SMALL).tower.proj.shape == (64, 64)


def test_half_precision_inside_and_single_outside(tensors):
    encoder = OpenClipImageEncoder.from_tensors(tensors, SMALL, dtype=torch.bfloat16)
    embedding = encoder.encode(torch.ones(1, 3, 28, 28))
    assert encoder.tower.proj.dtype == torch.bfloat16
    assert embedding.dtype == torch.float32
    torch.testing.assert_close(
        embedding,
        OpenClipImageEncoder.from_tensors(tensors, SMALL).encode(torch.ones(1, 3, 28, 28)),
        atol=0.05,
        rtol=0.05,
    )


@pytest.mark.parametrize("build", [OpenClipImageEncoder.from_tensors, OpenClipTextContext.from_tensors])
def test_another_model_is_reported(build, tensors):
    with pytest.raises(WrongCheckpoint, match=r"clip\.bin does not fit OpenCLIP .*1 unexpected \(loss\)"):
        build({**tensors, "loss": torch.ones(1)}, SMALL, source="clip.bin")
    with pytest.raises(WrongCheckpoint, match=r"missing \(.*1 unexpected \(epoch\)"):
        build({"epoch": torch.ones(1)}, SMALL)


@pytest.mark.parametrize(
    ("build", "count"),
    [(OpenClipImageEncoder.from_tensors, 392), (OpenClipTextContext.from_tensors, 293)],
    ids=["vision", "text"],
)
def test_the_official_size_has_every_key(build, count):
    with torch.device("meta"):
        released = open_clip.CLIP(**open_clip.get_model_config(VIT_H_14)).state_dict()
    assert len(released) == 686
    assert build(released, device="meta").tower.training is False
    with pytest.raises(WrongCheckpoint, match=rf"{count} missing"):
        build({})


@pytest.mark.parametrize("build", [OpenClipImageEncoder.from_tensors, OpenClipTextContext.from_tensors])
def test_nothing_is_left_on_the_meta_device(build, tensors):
    tower = build(tensors, SMALL).tower
    assert not any(tensor.is_meta for tensor in (*tower.parameters(), *tower.buffers()))


@pytest.mark.parametrize("build", [OpenClipImageEncoder.from_tensors, OpenClipTextContext.from_tensors])
def test_without_open_clip_the_error_says_what_to_install(build, monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(MissingDependency, match="pip install open_clip_torch diffusers"):
        build({})
