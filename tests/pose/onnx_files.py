"""Small ONNX files with the real names, shapes and types, whose outputs are known and depend on the image.

A person is a rectangle of blue, green or red, told by its colour from the grey around it. The detector finds
one person a colour, scored by brightness. The pose model puts point k at the part FRACTIONS[k] of whatever is
coloured in its image. Both can be given convolutions, which change nothing but cost what the real models do.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

POINTS, POINT_SCORE = 133, 0.9
FRACTIONS = np.stack([np.arange(POINTS) * 0.618 % 1, np.arange(POINTS) * 0.755 % 1], axis=1)
COLOURED = 60  # minimum difference between a pixel's channels
MEAN, DEVIATION = (
    np.reshape(values, (3, 1, 1)) for values in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
)
CONVOLUTIONS = {"detector": 20, "landmarks": 9}  # about 78 and 9 billion multiply-adds, as the real models
CHANNELS = 256  # of the convolutions

Batch = int | str | None
Shape = tuple[Batch, ...]  # a free size has a name or None
DETECTOR_SHAPE, LANDMARKS_SHAPE = (3, 640, 640), (3, 384, 288)


class Graph:
    """A graph under construction: `graph.Add(x, 1.0)` appends a node and returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def __getattr__(self, operator: str) -> Callable[..., str]:
        def append(*inputs: object, **attributes: object) -> str:
            name = f"value{len(self.nodes)}"
            self.nodes.append(
                helper.make_node(operator, [self._name(value) for value in inputs], [name], **attributes)
            )
            return name

        return append

    def _name(self, value: object) -> str:
        if isinstance(value, str):
            return value
        array = np.asarray(value)
        array = array.astype(np.int64 if array.dtype.kind == "i" else np.float32)
        self.constants.append(numpy_helper.from_array(array, f"constant{len(self.constants)}"))
        return self.constants[-1].name

    def save(
        self,
        path: Path,
        inputs: Mapping[str, Shape],
        outputs: Mapping[str, tuple[str, Shape]],
        element: int = onnx.TensorProto.FLOAT,
    ) -> Path:
        """Write the graph; each output is the name of a result and its declared shape."""
        names = [helper.make_node("Identity", [result], [name]) for name, (result, _) in outputs.items()]
        declared = {name: shape for name, (_, shape) in outputs.items()}
        graph = helper.make_graph(
            self.nodes + names,
            "small",
            [helper.make_tensor_value_info(name, element, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info(name, element, shape) for name, shape in declared.items()],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, path)
        return path


def write_detector(path: Path, batch: Batch = 1, convolutions: int = 0) -> Path:
    """Write `images` (batch, 3, 640, 640) -> `output` (batch, 8400, 85). A free batch has a name."""
    graph, images = Graph(), "images"
    brightest, darkest = graph.ReduceMax(images, axes=[1]), graph.ReduceMin(images, axes=[1])
    coloured = graph.Greater(graph.Sub(brightest, darkest), float(COLOURED))
    inside = graph.Cast(graph.And(graph.Equal(images, brightest), coloured), to=1)  # (n, 3, 640, 640)
    light = graph.ReduceMax(graph.Mul(inside, images), axes=[2, 3], keepdims=0)
    brightness = graph.Div(graph.Unsqueeze(light, [2]), 255.0)
    left, width, there = _extent(graph, inside, 3, 640)
    top, height, _ = _extent(graph, inside, 2, 640)
    # The three people are written into the first three cells of the first row of the grid of stride 8.
    x = graph.Sub(_cells(graph, left, width), np.arange(3.0).reshape(3, 1))
    y = _cells(graph, top, height)
    size = [graph.Log(graph.Div(graph.Max(side, 1.0), 8.0)) for side in (width, height)]
    others = graph.Mul(there, np.zeros((1, 1, 79)))
    people = graph.Concat(x, y, *size, there, brightness, others, axis=2)
    output = graph.Pad(people, [0, 0, 0, 0, 8397, 0])
    output = graph.Add(output, _nothing(graph, images, convolutions))
    return graph.save(path, {images: (batch, *DETECTOR_SHAPE)}, {"output": (output, (batch, 8400, 85))})


def write_landmarks(path: Path, batch: Batch = 1, convolutions: int = 0) -> Path:
    """Write `input` (batch, 3, 384, 288) -> `simcc_x` (batch, 133, 576), `simcc_y` (batch, 133, 768)."""
    graph = Graph()
    image = graph.Add(graph.Mul("input", DEVIATION), MEAN)
    brightest, darkest = graph.ReduceMax(image, axes=[1]), graph.ReduceMin(image, axes=[1])
    inside = graph.Cast(graph.Greater(graph.Sub(brightest, darkest), float(COLOURED)), to=1)
    nothing, outputs = _nothing(graph, "input", convolutions), {}
    for axis, (name, length) in enumerate((("simcc_x", 288), ("simcc_y", 384))):
        first, size, there = _extent(graph, inside, 3 - axis, length)
        places = graph.Add(first, graph.Mul(graph.Sub(size, 1.0), FRACTIONS[:, axis, None]))
        distance = graph.Abs(graph.Sub(graph.Mul(places, 2.0), np.arange(2.0 * length)))
        level = graph.Add(graph.Mul(there, POINT_SCORE), nothing)
        outputs[name] = graph.Sub(level, graph.Div(distance, 1000.0)), (batch, POINTS, 2 * length)
    return graph.save(path, {"input": (batch, *LANDMARKS_SHAPE)}, outputs)


def write_other(path: Path, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]) -> Path:
    """Write a model with another signature, all of whose outputs are the sum of its first input."""
    graph = Graph()
    return graph.save(path, inputs, expanded(graph, graph.ReduceSum(next(iter(inputs)), keepdims=0), outputs))


def expanded(graph: Graph, scalar: str, outputs: Mapping[str, Shape]) -> dict[str, tuple[str, Shape]]:
    """Return outputs of these shapes filled with one number."""
    return {name: (graph.Expand(scalar, list(shape)), shape) for name, shape in outputs.items()}


def draw_people(height: int, width: int, *people: tuple[int, int, int, int, str, int]) -> np.ndarray:
    """Draw a frame (h, w, 3) uint8 in RGB: grey with (left, top, right, bottom, colour, brightness) in it."""
    frame = np.full((height, width, 3), 20, np.uint8)
    for left, top, right, bottom, colour, brightness in people:
        frame[top:bottom, left:right, "rgb".index(colour)] = brightness
    return frame


def _extent(graph: Graph, inside: str, axis: int, length: int) -> tuple[str, str, str]:
    """Return first place, size and presence (n, c, 1) along an axis of (n, c, h, w), which holds 0 and 1."""
    line = graph.ReduceMax(inside, axes=[5 - axis], keepdims=0)
    upwards = np.arange(1.0, length + 1)
    end = graph.ReduceMax(graph.Mul(line, upwards), axes=[2])
    first = graph.Sub(float(length), graph.ReduceMax(graph.Mul(line, upwards[::-1]), axes=[2]))
    return first, graph.Sub(end, first), graph.ReduceMax(line, axes=[2])


def _cells(graph: Graph, first: str, size: str) -> str:
    """Return the centre in cells of 8 pixels."""
    return graph.Div(graph.Add(first, graph.Div(size, 2.0)), 8.0)


def _nothing(graph: Graph, image: str, convolutions: int) -> str:
    """Return 0 (n, 1, 1), at the cost of some convolutions at an eighth of the image's size."""
    values = graph.AveragePool(image, kernel_shape=[8, 8], strides=[8, 8])
    generator, channels = np.random.default_rng(0), 3
    for _ in range(convolutions):
        weights = generator.standard_normal((CHANNELS, channels, 3, 3)) / np.sqrt(channels * 9)
        values = graph.Relu(graph.Conv(values, weights, pads=[1, 1, 1, 1]))
        channels = CHANNELS
    mean = graph.ReduceMean(values, axes=[1, 2, 3], keepdims=1)
    return graph.Mul(graph.Squeeze(mean, [3]), 0.0)
