import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from animatex_core.errors import (
    AnimateXWarning,
    CheckpointError,
    DamagedCheckpoint,
    InvalidInput,
    MissingDependency,
    OutOfMemory,
    WrongCheckpoint,
)
from animatex_core.pose import onnx_model
from animatex_core.pose.estimator import SIGNATURE as LANDMARKS
from animatex_core.pose.onnx_model import ModelSignature, open_model, warn_of_cpu_fallback
from tests.pose.onnx_files import Batch, Graph, Shape, expanded, write_detector, write_landmarks, write_other

FORM = ModelSignature("the net", (3, 4, 4), ((2, 5), (7,)))
FLOAT16, INT64 = 10, 7  # ONNX's data types
GOOD: dict[str, Shape] = {"x": (1, 2, 5), "y": (1, 7)}
# A model whose output has a name in another encoding.
LATIN_1 = (
    "08093a590a130a0178120451b6ff5122084964656e746974791201675a1d0a017812180a16080112120a0208"
    "010a0208030a030880050a0308800562200a0451b6ff5112180a16080112120a0208010a0208030a03088005"
    "0a0308800542040a001011"
)


@pytest.mark.parametrize(
    ("batch", "takes_batches"), [(1, False), ("batch", True), (None, True)], ids=["one", "named", "open"]
)
def test_a_model_is_run_one_by_one_or_in_batches(tmp_path: Path, batch: Batch, takes_batches: bool) -> None:
    model = open_model(write_landmarks(tmp_path / "net.onnx", batch), LANDMARKS, "cpu")
    images = list(np.random.default_rng(0).random((3, *LANDMARKS.input), np.float32) * 4)
    together, alone = model.run(images), [model.run([image]) for image in images]
    assert model.takes_batches is takes_batches
    for output in (0, 1):
        np.testing.assert_array_equal(together[output], np.concatenate([one[output] for one in alone]))


def test_the_provider_is_named(tmp_path: Path) -> None:
    model = open_model(write_other(tmp_path / "net.onnx", {"in": (1, 3, 4, 4)}, GOOD), FORM)
    assert model.providers == ["CPUExecutionProvider"]


@pytest.mark.parametrize(
    ("inputs", "outputs", "found"),
    [
        ({"in": (1, 3, 4, 5)}, GOOD, "in (1, 3, 4, 5) to x (1, 2, 5) and y (1, 7)"),
        ({"in": (2, 3, 4, 4)}, GOOD, "in (2, 3, 4, 4)"),
        ({"in": (1, 3, 4)}, GOOD, "in (1, 3, 4)"),
        ({"in": (1, 3, 4, 4), "more": (1,)}, GOOD, "in (1, 3, 4, 4) and more (1)"),
        ({"in": (1, 3, 4, 4)}, {"x": (1, 2, 5)}, "to x (1, 2, 5), but"),
        ({"in": (1, 3, 4, 4)}, {**GOOD, "z": (1,)}, "and z (1), but"),
        ({"in": (1, 3, 4, 4)}, {"y": (1, 7), "x": (1, 2, 5)}, "to y (1, 7) and x (1, 2, 5), but"),
    ],
)
def test_another_model_is_rejected_with_what_was_found_and_expected(
    tmp_path: Path, inputs: dict[str, Shape], outputs: dict[str, Shape], found: str
) -> None:
    path = write_other(tmp_path / "other.onnx", inputs, outputs)
    with pytest.raises(WrongCheckpoint) as refusal:
        open_model(path, FORM)
    assert str(path) in str(refusal.value)
    assert found in str(refusal.value)
    assert "the net maps (1, 3, 4, 4) to (1, 2, 5) and (1, 7)" in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "form"),
    [(b"name_in", FORM), (b"name_size", FORM), (b"name_in", LANDMARKS), (b"name_out", LANDMARKS)],
)
def test_names_that_are_not_utf_8_are_rejected(tmp_path: Path, name: bytes, form: ModelSignature) -> None:
    outputs: dict[str, Shape] = {"name_out": (1, 2, 5), "y": (1, 7)}
    path = write_other(tmp_path / "net.onnx", {"name_in": ("name_size", 3, 4, 4)}, outputs)
    content = path.read_bytes()
    assert name in content
    path.write_bytes(content.replace(name, b"\xb6\xff" + name[2:]))
    with pytest.raises(DamagedCheckpoint, match=r"net\.onnx .*: check that the path is the right one"):
        open_model(path, form, "cpu")


def test_the_two_models_are_not_mistaken_for_one_another(tmp_path: Path) -> None:
    with pytest.raises(WrongCheckpoint, match=r"images .1, 3, 640, 640. to output.*dw-ll_ucoco_384.onnx"):
        open_model(write_detector(tmp_path / "yolox_l.onnx"), LANDMARKS)


def test_half_precision_is_rejected(tmp_path: Path) -> None:
    graph = Graph()
    outputs = expanded(graph, graph.ReduceSum("in", keepdims=0), GOOD)
    path = graph.save(tmp_path / "half.onnx", {"in": (1, 3, 4, 4)}, outputs, element=FLOAT16)
    with pytest.raises(WrongCheckpoint, match=r"in \(1, 3, 4, 4\) of tensor\(float16\).*in float32"):
        open_model(path, FORM)


@pytest.mark.parametrize("content", [b"", b"This is a text.\n", b"truncated"], ids=["empty", "text", "cut"])
def test_a_damaged_file_is_rejected(tmp_path: Path, content: bytes) -> None:
    path = write_landmarks(tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes()[:-500] if content == b"truncated" else content)
    with pytest.raises(DamagedCheckpoint, match=r"net\.onnx cannot be read as ONNX"):
        open_model(path, LANDMARKS)


def test_names_that_are_not_utf8_are_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(bytes.fromhex(LATIN_1))
    with pytest.raises(DamagedCheckpoint, match=r"net\.onnx cannot be read as ONNX"):
        open_model(path, LANDMARKS)


@pytest.mark.parametrize("name", ["missing.onnx", "."])
def test_a_missing_file_is_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="is not a file: give the path of the net"):
        open_model(tmp_path / name, FORM)


def test_a_model_that_gives_other_shapes_than_it_declares_is_rejected(tmp_path: Path) -> None:
    graph = Graph()
    total = graph.ReduceSum("in", keepdims=0)
    shape = graph.Cast(graph.Add(total, [1.0, 8.0]), to=INT64)  # known only when the model runs
    outputs = {**expanded(graph, total, {"x": (1, 2, 5)}), "y": (graph.Expand(total, shape), (None, None))}
    model = open_model(graph.save(tmp_path / "net.onnx", {"in": (1, 3, 4, 4)}, outputs), FORM)
    with pytest.raises(WrongCheckpoint, match=r"gave \(1, 2, 5\) and \(1, 8\), but the net maps"):
        model.run([np.zeros((3, 4, 4), np.float32)])


@pytest.mark.parametrize(
    ("side", "error", "words"),
    [(1 << 20, OutOfMemory, "does not fit into the memory"), (-5, WrongCheckpoint, "failed on 1 images")],
)
def test_a_model_that_fails_is_explained(
    tmp_path: Path, side: int, error: type[Exception], words: str
) -> None:
    graph = Graph()
    large = graph.Expand(graph.ReduceSum("in", keepdims=0), [side, 1 << 20])
    outputs = expanded(graph, graph.ReduceSum(large, keepdims=0), GOOD)
    model = open_model(graph.save(tmp_path / "net.onnx", {"in": (1, 3, 4, 4)}, outputs), FORM)
    with pytest.raises(error, match=words):
        model.run([np.zeros((3, 4, 4), np.float32)])


def test_an_unknown_device_is_rejected_before_the_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="device is 'gpu'"):
        open_model(tmp_path / "missing.onnx", FORM, "gpu")


def test_a_device_that_is_not_to_be_had_is_warned_of_and_left_to_the_cpu(tmp_path: Path) -> None:
    model = open_model(write_other(tmp_path / "net.onnx", {"in": (1, 3, 4, 4)}, GOOD), FORM, "directml")
    with pytest.warns(AnimateXWarning, match="has no DirectML.*-m pip install onnxruntime-directml"):
        warn_of_cpu_fallback("directml", model)


def test_a_provider_that_fails_at_the_start_is_left_to_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    real, path = onnxruntime.InferenceSession, write_other(tmp_path / "net.onnx", {"in": (1, 3, 4, 4)}, GOOD)
    failure = onnx_model._onnxruntime_errors()[0]

    def fails(path: str, options: object, providers: list[str]) -> object:
        if providers != ["CPUExecutionProvider"]:
            raise failure("no driver")
        return real(path, options, providers=providers)

    listed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "InferenceSession", fails)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    model = open_model(path, FORM)
    with pytest.warns(AnimateXWarning, match="offers CUDA but could not start it"):
        warn_of_cpu_fallback("auto", model)
    assert model.providers == ["CPUExecutionProvider"]


@pytest.mark.parametrize("module", [None, ModuleType("onnxruntime")], ids=["missing", "emptied"])
def test_without_onnxruntime_the_command_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: ModuleType | None
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    with pytest.raises(MissingDependency, match=r"needs onnxruntime.*pip install"):
        open_model(tmp_path / "net.onnx", FORM)
