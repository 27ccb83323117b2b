"""LPIPS (Zhang et al. 2018): the distance between deep features of pictures, weighted as people see it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ...checkpoints.safe_load import open_tensors
from ...checkpoints.validation import check_keys, shapes
from ...encoders.base import batched_apply
from ...utils.optional import evaluation_package
from .feature_files import load_network
from .pixels import check_pair, unit_frames

TAPS = (3, 8, 15, 22, 29)  # layers of VGG-16: the last ReLU of each of its five stages
WIDTHS = (64, 128, 256, 512, 512)
HEADS = {f"lin{stage}.model.1.weight": (1, width, 1, 1) for stage, width in enumerate(WIDTHS)}
SHIFT = (-0.030, -0.088, -0.188)  # ImageNet's mean and spread, for pixels in -1..1
SCALE = (0.458, 0.448, 0.450)
MIN_SIZE = 1e-10  # length by which no feature is divided below
MIN_SIDE = 16  # pixels, below which the last stage has none


@dataclass(frozen=True)
class Lpips:
    """LPIPS 0.1 on VGG-16, the variant of DisCo.

    backbone: the convolutions of VGG-16. heads: a weight per channel for each of its five stages, (c,).
    signed: whether pixels enter as -1..1, which the weights were fitted to. DisCo lets them enter as 0..1,
    with half the contrast, so that its numbers compare only with those of False.
    batch_size: pairs of frames at a time.
    """

    backbone: nn.Module
    heads: tuple[Tensor, ...]
    signed: bool = False
    batch_size: int = 4

    @classmethod
    def from_files(
        cls,
        vgg: Path,
        heads: Path,
        *,
        signed: bool = False,
        device: torch.device | str = "cpu",
        batch_size: int = 4,
    ) -> "Lpips":
        """Load torchvision's VGG-16 (its classifier is not read) and the heads of the package `lpips`.

        Raises WrongCheckpoint for other names or shapes, MissingDependency without torchvision.
        """
        what = "the VGG-16 of LPIPS"
        backbone = load_network(vgg_on_meta(), vgg, what, device, prefix="features.")
        return cls(backbone, read_heads(heads, device), signed, batch_size)

    @torch.no_grad()
    def distances(self, generated: np.ndarray, real: np.ndarray) -> np.ndarray:
        """Return the distance of each pair of frames: (f,), 0 for equal ones.

        Clips (f, h, w, 3) uint8 of at least 16 x 16 pixels, compared in their own size; raises InvalidInput
        for others.
        """
        check_pair(generated, real, MIN_SIDE)
        pairs = torch.stack([unit_frames(generated), unit_frames(real)], dim=1)
        return batched_apply(self._of_pairs, pairs, self.batch_size, like=self.heads[0]).double().numpy()

    def _of_pairs(self, pairs: Tensor) -> Tensor:
        pixels = 2 * pairs - 1 if self.signed else pairs
        shift, scale = (pixels.new_tensor(values).view(3, 1, 1) for values in (SHIFT, SCALE))
        stages = self._stages(((pixels - shift) / scale).flatten(0, 1))
        return torch.stack([_weighted(*pair) for pair in zip(stages, self.heads, strict=True)]).sum(dim=0)

    def _stages(self, hidden: Tensor) -> list[Tensor]:
        stages = []
        for number, layer in enumerate(self.backbone.children()):
            hidden = layer(hidden)
            if number in TAPS:
                stages.append(normalize(hidden, dim=1, eps=MIN_SIZE))
        return stages


def vgg_on_meta() -> nn.Sequential:
    """Torchvision's VGG-16 up to its last ReLU, without memory for its weights."""
    models = evaluation_package("torchvision.models")
    with torch.device("meta"):
        return models.vgg16(weights=None, init_weights=False).features[: TAPS[-1] + 1]


def read_heads(path: Path, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
    """Return the weights of the five stages, (c,) float32 each; raises WrongCheckpoint for other tensors."""
    tensors = open_tensors(path)
    check_keys(HEADS, shapes(tensors), "LPIPS on VGG-16", str(path))
    return tuple(tensors[key].flatten().float().to(device) for key in HEADS)


def _weighted(features: Tensor, head: Tensor) -> Tensor:
    """Features (2 n, c, h, w), pair by pair, and weights (c,) -> distances (n,), means over the places."""
    a, b = features.unflatten(0, (-1, 2)).unbind(dim=1)
    return torch.einsum("nchw,c->nhw", (a - b).square(), head).mean(dim=(1, 2))
