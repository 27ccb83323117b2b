"""The feature networks that some of the metrics need, from a models folder."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch

from ...errors import InvalidInput
from ...hub.models_dir import ModelsDir
from .features import Features, fid_features, fid_vid_features, fvd_features
from .lpips import Lpips
from .scores import FID, FID_VID, FVD, LPIPS, METRICS

FILES = {  # ids in models.yaml
    LPIPS: ("lpips-vgg16", "lpips-heads"),
    FID: ("fid-inception-v3",),
    FID_VID: ("fid-vid-resnet-50",),
    FVD: ("fvd-i3d",),
}


@dataclass(frozen=True)
class MetricNetworks:
    """What measures beside the pixels. lpips: None leaves it out; features: of any of FID, FID-VID, FVD."""

    lpips: Lpips | None = None
    features: Mapping[str, Features] = field(default_factory=dict)


def load_networks(
    folder: ModelsDir,
    metrics: Collection[str] = METRICS,
    *,
    stride: int = 1,
    device: torch.device | str = "cpu",
) -> MetricNetworks:
    """Load the networks of some metrics from a models folder; those of pixels need none.

    stride: frames from one window of FID-VID and FVD to the next (see `WindowFeatures`).
    Raises InvalidInput for a name not in METRICS and, with how to get it, for a file that is missing;
    CheckpointError for a file that is not what it should be. Nothing is downloaded.
    """
    if unknown := sorted(set(metrics) - set(METRICS)):
        raise InvalidInput(f"{', '.join(unknown)} is no metric: choose from {', '.join(METRICS)}.")
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
