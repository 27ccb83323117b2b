"""Loads the networks that some of the metrics need from the models directory."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch

from ...errors import InvalidInput
from ...hub.models_dir import ModelsDir
from .features import Features, fid_features, fid_vid_features, fvd_features
from .lpips import Lpips
from .scores import FID, FID_VID, FVD, LPIPS, METRICS

FILES = {  # metric: ids in models.yaml
    LPIPS: ("lpips-vgg16", "lpips-heads"),
    FID: ("fid-inception-v3",),
    FID_VID: ("fid-vid-resnet-50",),
    FVD: ("fvd-i3d",),
}


@dataclass(frozen=True)
class MetricNetworks:
    """The networks of the selected metrics; pixel metrics need none.

    Attributes:
        lpips: LPIPS, or None to leave it out.
        features: Feature networks by metric: any of FID, FID-VID and FVD.

    """

    lpips: Lpips | None = None
    features: Mapping[str, Features] = field(default_factory=dict)


def load_networks(
    folder: ModelsDir,
    metrics: Collection[str] = METRICS,
    *,
    stride: int = 1,
    device: torch.device | str = "cpu",
) -> MetricNetworks:
    """Load the networks of metrics from the models directory. Nothing is downloaded.

    Args:
        folder: The models directory.
        metrics: Names of metrics.
        stride: Frames between the starts of two windows of FID-VID and FVD (see `WindowFeatures`).
        device: Device of the networks.

    Returns:
        The networks that the metrics need.

    Raises:
        InvalidInput: A metric is unknown, or a file is missing; the message explains how to get it.
        CheckpointError: A file does not contain the expected weights.

    """
    if unknown := sorted(set(metrics) - set(METRICS)):
        raise InvalidInput(f"{', '.join(unknown)} is not a metric: choose from {', '.join(METRICS)}.")
    paths = {name: [folder.require(file) for file in FILES[name]] for name in FILES if name in metrics}
    loaders: dict[str, Callable[..., Features]] = {
        FID: fid_features,
        FID_VID: partial(fid_vid_features, stride=stride),
        FVD: partial(fvd_features, stride=stride),
    }
    features = {name: load(*paths[name], device=device) for name, load in loaders.items() if name in paths}
    return MetricNetworks(
        Lpips.from_files(*paths[LPIPS], device=device) if LPIPS in paths else None, features
    )
