"""Files like the published ones, with generated weights under the real names and shapes."""

from pathlib import Path

import torch
import torchmetrics
from torch import Tensor, nn

from animatex_core.checkpoints.validation import shapes
from animatex_core.evaluation.metrics.i3d import i3d_on_meta
from animatex_core.evaluation.metrics.inception import inception_on_meta
from animatex_core.evaluation.metrics.lpips import vgg_on_meta
from animatex_core.evaluation.metrics.resnet3d import resnet_on_meta

from .formula_weights import formula_weights

COUNTER = "num_batches_tracked"
LPIPS_HEADS = Path(torchmetrics.__file__).parent / "functional/image/lpips_models/vgg.pth"  # the real file


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """Formula weights for a network, without the counters of its normalisations."""
    sizes = shapes(network.state_dict())
    return formula_weights({key: size for key, size in sizes.items() if not key.endswith(COUNTER)})


def write_models(folder: Path) -> Path:
    """Write every file of the set `evaluation` in the form in which it is published; return the folder."""
    files = folder / "evaluation"
    files.mkdir()
    torch.save(weights_of(i3d_on_meta()), files / "i3d_pretrained_400.pt")
    torch.save(
        weights_of(inception_on_meta()) | {f"Conv2d_1a_3x3.bn.{COUNTER}": torch.tensor(7)},
        files / "pt_inception-2015-12-05-6726825d.pth",
    )
    resnet = {f"module.{key}": value for key, value in weights_of(resnet_on_meta()).items()}
    torch.save({"epoch": 200, "state_dict": resnet}, files / "resnet-50-kinetics.pth")
    vgg = {f"features.{key}": value for key, value in weights_of(vgg_on_meta()).items()}
    torch.save(vgg | {"classifier.0.bias": torch.zeros(3)}, files / "vgg16_tv_in1k.safetensors")
    (files / "LPIPS_v0.1_vgg-a78928a0.pth").write_bytes(LPIPS_HEADS.read_bytes())
    return folder
