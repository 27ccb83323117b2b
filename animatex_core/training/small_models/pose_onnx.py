"""Exports the small pose models as ONNX files with DWPose's interface, with weights in fp16."""

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from ...pose import detector, estimator
from ...pose.detector import COLUMNS, OBJECTNESS, PERSON
from ...pose.estimator import POINTS
from ...pose.onnx_model import ModelSignature
from ...pose.torch_models import HALF, MERGED, Block, SmallDetector, SmallLandmarks
from ...utils.files import atomic_path

OPSET, FORMAT = 17, 8  # supported by onnxruntime 1.17 and earlier versions
BATCH = "batch"


class Graph:
    """Builds an ONNX graph node by node in execution order; values are referred to by name."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._helper, self._arrays = helper, numpy_helper
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def node(self, operator: str, *inputs: str, outputs: list[str] | None = None, **attributes: Any) -> str:
        """Append a node and return the name of its first output."""
        names = outputs or [f"value{len(self._nodes)}"]
        self._nodes.append(self._helper.make_node(operator, inputs, names, **attributes))
        return names[0]

    def constant(self, values: Any) -> str:
        """Add a constant with the values and their dtype, and return its name."""
        name = f"constant{len(self._constants)}"
        self._constants.append(self._arrays.from_array(np.asarray(values), name))
        return name

    def weight(self, values: Tensor) -> str:
        """Add a float32 tensor that is stored as float16, and return its name."""
        stored = self.constant(values.detach().numpy().astype(np.float16))
        return self.node("Cast", stored, to=self._helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)))

    def save(self, path: Path, form: ModelSignature, input_name: str, output_names: list[str]) -> None:
        """Write the graph to a file.

        Args:
            path: The file.
            form: Shapes of the input and the outputs without the batch axis.
            input_name: Name of the input.
            output_names: Names of the outputs.

        """
        import onnx

        float32 = self._helper.np_dtype_to_tensor_dtype(np.dtype(np.float32))
        names, shapes = [input_name, *output_names], [form.input, *form.outputs]
        infos = [
            self._helper.make_tensor_value_info(name, float32, [BATCH, *shape])
            for name, shape in zip(names, shapes, strict=True)
        ]
        graph = self._helper.make_graph(self._nodes, "small", infos[:1], infos[1:], self._constants)
        opset = self._helper.make_opsetid("", OPSET)
        model = self._helper.make_model(graph, opset_imports=[opset], ir_version=FORMAT)
        onnx.checker.check_model(model, full_check=True)
        with atomic_path(path) as part:
            onnx.save(model, part)


def layer(graph: Graph, module: nn.Module, value: str) -> str:
    """Append a layer of the small models, or a sequence of layers, and return the name of its output."""
    if isinstance(module, nn.Sequential):
        for part in module:
            value = layer(graph, part, value)
        return value
    if isinstance(module, nn.ReLU):
        return graph.node("Relu", value)
    if isinstance(module, Block):
        return graph.node("Relu", graph.node("Add", value, layer(graph, module.conv, value)))
    assert isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    assert module.bias is not None
    operator = "Conv" if isinstance(module, nn.Conv2d) else "ConvTranspose"
    pads = [int(side) for side in (*module.padding, *module.padding)]
    weights = graph.weight(module.weight), graph.weight(module.bias)
    return graph.node(operator, value, *weights, strides=list(module.stride), pads=pads)


def write_detector(network: SmallDetector, path: Path) -> None:
    """Write the detector: `images` (batch, 3, 640, 640) -> `output` (batch, 8400, 85), as yolox_l.onnx."""
    graph = Graph()
    scaled = graph.node("Div", _downsample(graph, "images", MERGED), graph.constant(np.float32(127.5)))
    sights = graph.node("Sub", scaled, graph.constant(np.float32(1)))
    levels = [graph.node("Relu", layer(graph, network.stem, sights))]
    for downsample in network.smaller:
        levels.append(layer(graph, downsample, levels[-1]))
    value, rows = levels.pop(), []
    for level, grown, head in zip(levels[::-1], network.grown[::-1], network.heads[::-1], strict=True):
        value = graph.node("Relu", graph.node("Add", level, layer(graph, grown, value)))
        flat = graph.node("Reshape", layer(graph, head, value), graph.constant([0, PERSON, -1]))
        rows.append(graph.node("Transpose", flat, perm=[0, 2, 1]))
    cells = graph.node("Concat", *rows[::-1], axis=1)
    graph.node("Split", cells, graph.constant([OBJECTNESS, 1]), outputs=["boxes", "logits"], axis=2)
    scores = graph.node("Sigmoid", "logits")
    people = graph.node("Concat", "boxes", scores, axis=2)
    people = graph.node("Pad", people, graph.constant([0, 0, 0, 0, 0, 1]), graph.constant(np.float32(1)))
    graph.node("Pad", people, graph.constant([0, 0, 0, 0, 0, COLUMNS - PERSON - 1]), outputs=["output"])
    graph.save(path, detector.SIGNATURE, "images", ["output"])


def write_landmarks(network: SmallLandmarks, path: Path) -> None:
    """Write the pose estimator: `input` -> `simcc_x` and `simcc_y`, as dw-ll_ucoco_384.onnx.

    The shapes are (batch, 3, 384, 288), (batch, 133, 576) and (batch, 133, 768).
    """
    graph = Graph()
    values = _downsample(graph, "input", HALF)
    for part in (network.stem, network.fine, network.middle):
        values = layer(graph, part, values)
    grown = layer(graph, network.grown, layer(graph, network.coarse, values))
    joined = layer(graph, network.joined, graph.node("Relu", graph.node("Add", values, grown)))
    maps = layer(graph, network.head, joined)
    flat = graph.node("Reshape", maps, graph.constant([0, POINTS, -1]))
    score = graph.node("Sigmoid", graph.node("ReduceLogSumExp", flat, axes=[2], keepdims=1))
    for name, axis, matrix in (("simcc_x", 2, network.across), ("simcc_y", 3, network.down)):
        line = graph.node("ReduceMax", maps, axes=[axis], keepdims=0)
        bins = graph.node("MatMul", line, graph.constant(matrix.numpy()))
        below = graph.node("Sub", bins, graph.node("ReduceMax", bins, axes=[2], keepdims=1))
        graph.node("Mul", score, graph.node("Exp", below), outputs=[name])
    graph.save(path, estimator.SIGNATURE, "input", ["simcc_x", "simcc_y"])


def _downsample(graph: Graph, images: str, side: int) -> str:
    """Append the mean over squares of pixels."""
    return graph.node("AveragePool", images, kernel_shape=[side, side], strides=[side, side])
