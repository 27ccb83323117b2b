"""The bundled demo models, with random weights in place of trained ones."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from animatex_core.animate_x.checkpoint import read_denoiser
from animatex_core.animate_x.components import load_small
from animatex_core.animate_x.conditions import ConditionInputs
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.checkpoints.safe_load import open_tensors
from animatex_core.diffusion.schedule import NoiseSchedule
from animatex_core.encoders.autoencoder import LATENT_SCALE, SMALL_AUTOENCODER, network_on_meta
from animatex_core.errors import InvalidInput, WrongCheckpoint
from animatex_core.hub.bundled import BUNDLED_MODELS, SmallBundle
from animatex_core.pose.dwpose import DWPose, load_small_models
from animatex_core.pose.onnx_model import OnnxModel
from animatex_core.pose.torch_models import TorchModel
from animatex_core.training.small_models import pack as packing
from animatex_core.training.small_models.pack import pack, read_parts, scale_change
from tests.pose.onnx_files import draw_people
from tests.support.small_bundles import DENOISER, TRAINED_ON, generated_parts, write_small_bundle

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> SmallBundle:
    return write_small_bundle(tmp_path_factory.mktemp("small"))


def test_what_is_packed_is_what_is_loaded_but_for_the_rounding(bundle: SmallBundle) -> None:
    parts, networks = generated_parts(), load_small(bundle, torch.float32, CPU)
    loaded = networks.unet.state_dict()
    assert all(torch.equal(loaded[name], x.half().float()) for name, x in parts.denoiser.tensors.items())
    assert networks.trained_on == TRAINED_ON
    reference = network_on_meta(SMALL_AUTOENCODER).to_empty(device="cpu")
    reference.load_state_dict({name: tensor.half().float() for name, tensor in parts.autoencoder.items()})
    images = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        expected = reference.eval().encode(images).latent_dist.mean * LATENT_SCALE
    torch.testing.assert_close(networks.autoencoder.encode(images), expected)
    assert networks.image_encoder.encode(torch.rand(1, 3, 224, 224)).shape == (1, DENOISER.context_dim)


def test_files_are_small_and_their_card_tells_of_them(bundle: SmallBundle) -> None:
    assert sum(path.stat().st_size for path in bundle.files) < packing.MAX_BYTES
    tensors = [x for path in (bundle.autoencoder, bundle.pose_nets) for x in open_tensors(path).values()]
    assert {tensor.dtype for tensor in tensors} == {torch.float16}
    card = bundle.card.read_text(encoding="utf-8")
    for message in (
        "128x192 pixels",
        "Reference form: both",
        "| denoiser.safetensors | ",
        "\n\n## Measured\n\nPSNR: -3 dB\n",
    ):
        assert message in card
    assert sorted(path.name for path in bundle.folder.iterdir()) == sorted(path.name for path in bundle.files)


def test_what_was_packed_can_be_packed_again(bundle: SmallBundle, tmp_path: Path) -> None:
    pack(read_parts(bundle.folder), tmp_path, "")
    again = SmallBundle(tmp_path)
    assert again.landmarks.read_bytes() == bundle.landmarks.read_bytes()
    one, two = (read_denoiser(each.denoiser) for each in (bundle, again))
    assert all(torch.equal(tensor, two.tensors[name]) for name, tensor in one.tensors.items())


def test_what_is_too_large_or_does_not_fit_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "denoiser.safetensors").write_text("precious")
    parts = generated_parts()
    other = replace(parts, denoiser=generated_parts(DenoiserConfig.tiny()).denoiser)
    with pytest.raises(WrongCheckpoint, match="has 128 features, but the denoiser expects 64"):
        pack(other, tmp_path, "")
    monkeypatch.setattr(packing, "MAX_BYTES", 1_000_000)
    with pytest.raises(InvalidInput, match="MB together, but the limit is 1 MB"):
        pack(parts, tmp_path, "")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


def test_pose_nets_are_the_same_with_onnxruntime_and_without(
    bundle: SmallBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    dwpose, frames = DWPose(device="cpu", small=bundle), [draw_people(96, 64, (10, 10, 40, 80, "r", 200))]
    found = dwpose.open()
    assert isinstance(found._detector, OnnxModel)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    twins = dwpose.open()
    assert isinstance(twins._landmarks, TorchModel)
    one, two = (extractor.extract(frames).points for extractor in (found, twins))
    np.testing.assert_allclose(one, two, atol=1e-3)
    assert dwpose.contents != DWPose(device="cpu").contents
    assert dwpose.name == "the small nets"


def test_damaged_files_are_named(bundle: SmallBundle, tmp_path: Path) -> None:
    for path in bundle.files:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "autoencoder.safetensors").write_bytes(bundle.image_encoder.read_bytes())
    with pytest.raises(WrongCheckpoint, match=r"autoencoder\.safetensors does not fit the autoencoder"):
        load_small(SmallBundle(tmp_path), torch.float32, CPU)
    with pytest.raises(WrongCheckpoint, match="does not fit the small pose models"):
        load_small_models(bundle.denoiser)
    assert read_denoiser(bundle.denoiser).trained_on.reference_form == "both"


def test_a_share_of_the_change_to_the_puppet_is_kept() -> None:
    parts = read_parts(BUNDLED_MODELS.folder)
    nothing = scale_change(parts, 0.0).denoiser
    unet = AnimateXUNet(nothing.config)
    unet.load_state_dict({name: tensor.float() for name, tensor in nothing.tensors.items()})
    unet.eval()
    channels = nothing.config.latent_channels
    puppet = torch.randn(1, channels, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    noise, last = torch.randn_like(puppet), torch.tensor([999])
    shape = ClipShape(64, 64, 2, num_downsamples=nothing.config.num_downsamples)
    assert nothing.text_context is not None
    inputs = ConditionInputs(shape, nothing.text_context.float(), puppet_latents=puppet)
    with torch.no_grad():
        v = unet(noise, last, unet.encode(inputs))
    torch.testing.assert_close(NoiseSchedule.released().x0_from_v(noise, v, last), puppet, atol=1e-4, rtol=0)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_other_shares_of_the_change_are_refused(share: float) -> None:
    with pytest.raises(InvalidInput, match="share of the change"):
        scale_change(read_parts(BUNDLED_MODELS.folder), share)
