"""ONNX files of a few hundred bytes that need gigabytes, and real ones, which do not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from animatex_core.errors import DamagedCheckpoint, OutOfMemory, UnsafeCheckpoint
from animatex_core.pose.onnx_model import ModelSignature, open_model
from animatex_core.pose.onnx_sizes import exceeds_memory_limit
from tests.pose.onnx_files import Graph, expanded, write_detector, write_landmarks

SIDE = 30_000
FORM = ModelSignature("the net", (3, 4, 4), ((7,),))
INPUT = {"in": (1, 3, 4, 4)}
NOTHING = np.zeros(0, np.float32)

ASKED: dict[str, Callable[[Graph], str]] = {
    "constant of a shape": lambda graph: graph.ConstantOfShape([SIDE, SIDE]),
    "expanded": lambda graph: graph.Expand(1.0, [SIDE, SIDE]),
    "expanded input": lambda graph: graph.Expand(graph.ReduceMax("in", keepdims=0), [SIDE, SIDE]),
    "several": lambda graph: graph.Concat(*(graph.ConstantOfShape([4000, 4000]) for _ in range(9)), axis=0),
    "tiled": lambda graph: graph.Tile(np.zeros(1000), [10**6]),
    "range": lambda graph: graph.Range(0.0, 1e9, 1.0),
    "random": lambda graph: graph.RandomNormal(shape=[SIDE, SIDE]),
    "padded": lambda graph: graph.Pad(np.zeros(1), [0, SIDE * SIDE]),
    "padded in a convolution": lambda graph: graph.Conv("in", np.ones((1, 3, 1, 1)), pads=[SIDE] * 4),
    "resized": lambda graph: graph.Resize(np.ones((1, 1, 1, 1)), NOTHING, NOTHING, [1, 1, SIDE, SIDE]),
    "one hot": lambda graph: graph.OneHot(np.zeros(1000, int), np.int64(10**6), np.arange(2.0)),
    "broadcast": lambda graph: graph.Add(np.zeros((SIDE, 1)), np.zeros((1, SIDE))),
    "multiplied": lambda graph: graph.MatMul(np.zeros((SIDE, 1)), np.zeros((1, SIDE))),
}


def written(path: Path, graph: Graph, big: str) -> Path:
    """Write a model of FORM that computes `big`."""
    scalar = graph.Add(graph.ReduceMax(big, keepdims=0), graph.ReduceMax("in", keepdims=0))
    return graph.save(path, INPUT, expanded(graph, scalar, {"y": (1, 7)}))


@pytest.mark.parametrize("asked", ASKED)
def test_what_asks_for_gigabytes_is_not_run(tmp_path: Path, asked: str) -> None:
    graph = Graph()
    path = written(tmp_path / "net.onnx", graph, ASKED[asked](graph))
    model = open_model(path, FORM, "cpu")
    with pytest.raises(OutOfMemory, match=r"has tensors of more than 134,217,728 values"):
        model.run([np.zeros((3, 4, 4), np.float32)])


def test_it_is_found_in_subgraphs_and_sparse_tensors(tmp_path: Path) -> None:
    one = helper.make_tensor("one", onnx.TensorProto.FLOAT, [1], [1.0])
    place = helper.make_tensor("place", onnx.TensorProto.INT64, [1], [5])
    sparse = helper.make_sparse_tensor(one, place, [20_000, 20_000])
    constant = helper.make_node("Constant", [], ["b"], sparse_value=sparse)
    inner = helper.make_graph([constant], "inner", [], [helper.make_tensor_value_info("b", 1, None)])
    graph = Graph()
    path = written(tmp_path / "net.onnx", graph, graph.If(np.array(1), then_branch=inner, else_branch=inner))
    with pytest.raises(UnsafeCheckpoint, match="sparse tensors"):
        open_model(path, FORM, "cpu")


def test_a_loop_is_rejected(tmp_path: Path) -> None:
    """It may run forever, and nothing can interrupt it."""
    body = helper.make_graph([], "body", [], [])
    graph = Graph()
    path = written(tmp_path / "net.onnx", graph, graph.Loop("", np.array(1), "in", body=body))
    with pytest.raises(UnsafeCheckpoint, match="has a loop"):
        open_model(path, FORM, "cpu")


def test_a_file_that_only_onnxruntime_can_parse_is_rejected(tmp_path: Path) -> None:
    """A group, which protobuf skips, before the graph."""
    graph = Graph()
    path = written(tmp_path / "net.onnx", graph, "in")
    group = bytes([999 << 3 & 127 | 3 | 128, 999 >> 4, 999 << 3 & 127 | 4 | 128, 999 >> 4])
    path.write_bytes(group + path.read_bytes())
    with pytest.raises(DamagedCheckpoint, match="cannot be read as ONNX"):
        open_model(path, FORM, "cpu")


def test_ordinary_models_pass(tmp_path: Path) -> None:
    assert not exceeds_memory_limit(write_detector(tmp_path / "detector.onnx", convolutions=2))
    assert not exceeds_memory_limit(write_landmarks(tmp_path / "landmarks.onnx", "batch", convolutions=2))
