from pathlib import Path

import numpy as np
import pytest
import torch

from animatex_core.pose.detector import SIGNATURE as DETECTOR
from animatex_core.pose.estimator import SIGNATURE as LANDMARKS
from animatex_core.pose.extractor import PoseExtractor
from animatex_core.pose.onnx_model import open_model
from animatex_core.pose.torch_models import TorchModel
from animatex_core.training.small_models.pose_onnx import write_detector, write_landmarks
from tests.pose.generated_nets import generated_nets

torch.set_num_threads(1)
NETS = generated_nets().half().float()  # as they are stored
FORMS = {"detector": DETECTOR, "landmarks": LANDMARKS}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("nets")
    found = {name: folder / f"{name}.onnx" for name in FORMS}
    write_detector(NETS.detector, found["detector"])
    write_landmarks(NETS.landmarks, found["landmarks"])
    return found


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("count", [1, 2])
def test_a_file_does_what_the_net_does(files: dict[str, Path], name: str, count: int) -> None:
    pictures = list(np.random.default_rng(0).random((count, *FORMS[name].input), np.float32) * 2)
    net = open_model(files[name], FORMS[name], "cpu")
    assert net.takes_batches
    for found, wanted in zip(net.run(pictures), TorchModel(getattr(NETS, name)).run(pictures), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4, rtol=1e-3)


def test_files_hold_their_weights_in_16_bits(files: dict[str, Path]) -> None:
    weights = sum(values.numel() for values in NETS.state_dict().values())
    size = sum(path.stat().st_size for path in files.values())
    assert 2 * weights < size < 2 * weights + 200_000


def test_the_files_find_poses(files: dict[str, Path]) -> None:
    extractor = PoseExtractor.from_files(files["detector"], files["landmarks"], "cpu")
    poses = extractor.extract(np.random.default_rng(0).integers(0, 255, (3, 90, 60, 3), np.uint8))
    assert poses.points.shape == (3, 130, 3)
    assert np.isfinite(poses.points).all()
