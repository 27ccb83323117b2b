"""LPIPS (Zhang et al. 2018): a perceptual distance between deep features of images."""

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

TAPS = (3, 8, 15, 22, 29)  # the last ReLU of each of the five stages of VGG-16
WIDTHS = (64, 128, 256, 512, 512)
HEADS = {f"lin{stage}.model.1.weight": (1, width, 1, 1) for stage, width in enumerate(WIDTHS)}
SHIFT = (-0.030, -0.088, -0.188)  # ImageNet's mean, for pixels in -1..1
SCALE = (0.458, 0.448, 0.450)  # ImageNet's standard deviation
EPSILON = 1e-10  # minimum norm when features are normalised
MIN_SIDE = 16  # pixels; the last stage of smaller images is empty


@dataclass(frozen=True)
class Lpips:
    """LPIPS 0.1 with VGG-16, as in DisCo.

    Attributes:
        backbone: The convolutions of VGG-16.
        heads: Channel weights of the five stages, (c,) each.
        signed: Whether pixels are passed in -1..1, the range that the weights were fitted to. DisCo passes
            them in 0..1, with half the contrast, so that its numbers are only comparable with False.
        batch_size: Pairs of frames that are processed at once.

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
        """Load torchvision's VGG-16 without its classifier and the heads of the package `lpips`.

        Args:
            vgg: Weights of VGG-16.
            heads: Weights of the heads.
            signed: See the attribute.
            device: Device of the network.
            batch_size: See the attribute.

        Returns:
            The metric.

        Raises:
            WrongCheckpoint: Keys or shapes differ from the expected ones.
            MissingDependency: torchvision is not installed.

        """
        what = "the VGG-16 of LPIPS"
        backbone = load_network(vgg_on_meta(), vgg, what, device, prefix="features.")
        return cls(backbone, read_heads(heads, device), signed, batch_size)

    @torch.no_grad()
    def distances(self, generated: np.ndarray, real: np.ndarray) -> np.ndarray:
        """Return the distance of each pair of frames.

        Args:
            generated: (f, h, w, 3) uint8, at least 16 x 16 pixels; not resized.
            real: Likewise, with the same shape.

        Returns:
            (f,), 0 for equal frames.

        Raises:
            InvalidInput: Clips are too small or of different shapes.

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
                stages.append(normalize(hidden, dim=1, eps=EPSILON))
        return stages


def vgg_on_meta() -> nn.Sequential:
    """Build torchvision's VGG-16 up to its last ReLU on the meta device."""
    models = evaluation_package("torchvision.models")
    with torch.device("meta"):
        return models.vgg16(weights=None, init_weights=False).features[: TAPS[-1] + 1]


def read_heads(path: Path, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
    """Read the channel weights of the five stages, (c,) float32 each.

    Raises:
        WrongCheckpoint: Keys or shapes differ from the expected ones.

    """
    tensors = open_tensors(path)
    check_keys(HEADS, shapes(tensors), "LPIPS on VGG-16", str(path))
    return tuple(tensors[key].flatten().float().to(device) for key in HEADS)


def _weighted(features: Tensor, head: Tensor) -> Tensor:
    """Interleaved features (2 n, c, h, w) and weights (c,) -> distances (n,), averaged over positions."""
    a, b = features.unflatten(0, (-1, 2)).unbind(dim=1)
    return torch.einsum("nchw,c->nhw", (a - b).square(), head).mean(dim=(1, 2))
