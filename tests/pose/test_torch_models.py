import numpy as np
import pytest
import torch

from animatex_core.pose.detector import SIGNATURE as DETECTOR
from animatex_core.pose.detector import decode_people
from animatex_core.pose.estimator import SIGNATURE as LANDMARKS
from animatex_core.pose.onnx_model import ModelSignature
from animatex_core.pose.torch_models import SmallDWPose, TorchModel
from tests.pose.generated_nets import generated_nets

NETS = generated_nets()
FORMS = {"detector": DETECTOR, "landmarks": LANDMARKS}


def images(form: ModelSignature, count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).random((count, *form.input), np.float32) * 255)


@pytest.mark.parametrize("name", FORMS)
def test_they_have_the_form_of_the_real_models(name: str) -> None:
    outputs = TorchModel(getattr(NETS, name)).run(images(FORMS[name], 2))
    assert [output.shape for output in outputs] == [(2, *shape) for shape in FORMS[name].outputs]
    assert all(output.dtype == np.float32 and np.isfinite(output).all() for output in outputs)


@pytest.mark.parametrize("name", FORMS)
def test_a_image_gives_the_same_in_a_batch(name: str) -> None:
    model, both = TorchModel(getattr(NETS, name)), images(FORMS[name], 2)
    together, alone = model.run(both), model.run(both[1:])
    for output, single in zip(together, alone, strict=True):
        np.testing.assert_allclose(output[1:], single, atol=1e-3)


def test_the_untrained_detector_finds_nobody() -> None:
    output = TorchModel(NETS.detector).run(images(DETECTOR, 1))[0][0]
    assert output[:, 4:6].min() > 0
    assert not output[:, 6:].any()
    assert len(decode_people(output, 1.0)[0]) == 0


def test_cells_of_the_detector_lie_where_its_reader_expects_them() -> None:
    image = np.full(DETECTOR.input, 114, np.float32)
    plain = TorchModel(NETS.detector).run([image])[0][0]
    image[:, 320:328, 160:168] = 255  # row 40, column 20 of the grid of stride 8; row 10, column 5 of 32
    changes = np.abs(TorchModel(NETS.detector).run([image])[0][0] - plain).sum(axis=1)
    for cells, side, place in ((slice(6400), 80, (40, 20)), (slice(8000, None), 20, (10, 5))):
        assert np.unravel_index(changes[cells].argmax(), (side, side)) == place


def test_weights_are_read_from_one_state_dict() -> None:
    other = SmallDWPose()
    other.load_state_dict(NETS.state_dict())
    image = images(LANDMARKS, 1)
    np.testing.assert_array_equal(
        TorchModel(other.landmarks).run(image)[0], TorchModel(NETS.landmarks).run(image)[0]
    )
    again = generated_nets().state_dict()
    assert all(torch.equal(values, again[name]) for name, values in NETS.state_dict().items())
