"""The feature networks: published keys, reference values, and files that do not fit."""

import pytest
import torch
import torchvision
from torch import Tensor, nn

from animatex_core.checkpoints.validation import load_strictly, shapes
from animatex_core.errors import DamagedCheckpoint, UnsafeCheckpoint, WrongCheckpoint
from animatex_core.evaluation.metrics.feature_files import load_network
from animatex_core.evaluation.metrics.features import fid_features
from animatex_core.evaluation.metrics.i3d import i3d_input, i3d_on_meta, pad_same
from animatex_core.evaluation.metrics.inception import inception_on_meta
from animatex_core.evaluation.metrics.pixels import unit_frames
from animatex_core.evaluation.metrics.resnet3d import resnet_input, resnet_on_meta

from .network_files import COUNTER
from .reference import CLOSE, REFERENCE
from .sample_clips import patterned_clip

VIDEO = torch.from_numpy(patterned_clip(5, 49, 66)).permute(0, 3, 1, 2).float()
FIRST = 8  # features that the reference keeps


def one(frames: Tensor) -> Tensor:
    return frames.movedim(0, 1)[None]


@pytest.mark.parametrize(
    ("build", "tensors", "parameters", "some"),
    [
        (inception_on_meta, 472, 23_850_960, {"Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1)}),
        (resnet_on_meta, 267, 47_018_576, {"layer4.2.conv2.weight": (512, 512, 3, 3, 3)}),
        (i3d_on_meta, 287, 12_697_264, {"Mixed_5c.b1b.conv3d.weight": (384, 192, 3, 3, 3)}),
    ],
)
def test_names_and_shapes_are_those_of_the_published_files(build, tensors, parameters, some):
    network = build()
    found = {key: shape for key, shape in shapes(network.state_dict()).items() if COUNTER not in key}
    assert len(found) == tensors
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert some.items() <= found.items()
    assert all(parameter.is_meta for parameter in network.parameters())


@torch.no_grad()
def test_i3d_has_the_logits_of_the_reference(models):
    network = load_network(i3d_on_meta(), models.require("fvd-i3d"), "I3D")
    found = network(one(i3d_input(VIDEO)))
    assert found.shape == (1, 400)
    assert found[0, :FIRST].tolist() == pytest.approx(REFERENCE["i3d"], rel=CLOSE)


@torch.no_grad()
def test_resnet_has_the_features_of_the_reference(models):
    network = load_network(resnet_on_meta(), models.require("fid-vid-resnet-50"), "ResNet")
    found = network(one(resnet_input(VIDEO)))
    assert found.shape == (1, 2048)
    assert found[0, :FIRST].tolist() == pytest.approx(REFERENCE["resnet3d"], rel=CLOSE)


@torch.no_grad()
def test_resnet_of_a_still_clip_is_torchvisions_resnet():
    """With weights in the middle of time only, each frame is seen by a 2D ResNet-50."""
    flat = torchvision.models.resnet50(weights=None).eval()
    network, solid = resnet_on_meta(), {}
    for key, shape in shapes(network.state_dict()).items():
        solid[key] = flat.state_dict()[key] if len(shape) < 5 and "fc" not in key else torch.zeros(shape)
        if len(shape) == 5:
            solid[key][:, :, shape[2] // 2] = flat.state_dict()[key]
    flat.fc = nn.Identity()
    picture = unit_frames(patterned_clip(1, 64, 64))
    found = load_strictly(network, solid, "ResNet")(one(picture.expand(16, -1, -1, -1)))
    expected = flat(picture)
    assert (found - expected).abs().max() < CLOSE * expected.abs().max()


def test_inception_has_the_features_of_pytorch_fid(models):
    found = fid_features(models.require("fid-inception-v3")).of(patterned_clip(4, 96, 80)[:2])
    assert found.shape == (2, 2048)
    for frame, expected in zip(found[:, :FIRST], REFERENCE["fid"], strict=True):
        assert frame.tolist() == pytest.approx(expected, rel=CLOSE, abs=1e-6)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pads"),
    [(8, 7, 2, (2, 3)), (7, 7, 2, (3, 3)), (7, 2, 2, (0, 1)), (8, 1, 2, (0, 0))],
)
def test_padding_is_tensorflows(size, kernel, stride, pads):
    padded = pad_same(torch.ones(1, 1, 1, 1, size), (1, 1, kernel), (1, 1, stride)).flatten().tolist()
    assert padded == [0] * pads[0] + [1] * size + [0] * pads[1]


def test_a_file_of_another_network_is_refused(models):
    path = models.require("fvd-i3d")
    with pytest.raises(
        WrongCheckpoint, match=r"i3d_pretrained_400\.pt does not fit the 3D ResNet-50: 267 missing \(conv1"
    ):
        load_network(resnet_on_meta(), path, "the 3D ResNet-50")


def test_torchscript_is_not_run(tmp_path):
    path = tmp_path / "i3d_torchscript.pt"
    torch.jit.save(torch.jit.script(nn.Linear(1, 1)), path)
    with pytest.raises(UnsafeCheckpoint, match="TorchScript program, which was not run"):
        load_network(i3d_on_meta(), path, "I3D")


@pytest.mark.parametrize(
    ("tensor", "error", "named"),
    [(torch.tensor([1, 2]), WrongCheckpoint, "int64"), (None, DamagedCheckpoint, "is empty")],
)
def test_invalid_weights_are_refused(tmp_path, tensor, error, named):
    path = tmp_path / "file.pth"
    path.touch()
    if tensor is not None:
        torch.save({"conv1.weight": tensor}, path)
    with pytest.raises(error, match=named):
        load_network(resnet_on_meta(), path, "ResNet")
