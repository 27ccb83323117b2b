"""Memory that an ONNX file would need, computed from its protobuf fields before it is opened."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import UnsafeCheckpoint
from .protobuf import Fields, integers, numbers, parse, text

MAX_VALUES = 1 << 27  # that nodes may create from constants; DWPose's models create up to 7 million per image
MAX_KNOWN = 64  # values of a constant that may be a shape
LOOPS = (b"Loop", b"Scan", b"SequenceMap")  # may never end
TYPES = {1: "<f4", 6: "<i4", 7: "<i8", 11: "<f8"}  # ONNX's data types
DATA = {1: 4, 6: 5, 7: 7, 11: 10}  # data type -> field with its values if they are not raw bytes
BROADCASTING = frozenset(
    b"Add Sub Mul Div Pow Mod Max Min Mean Sum Where And Or Xor Equal Less LessOrEqual Greater "
    b"GreaterOrEqual PRelu BitShift".split()
)
REMEDY = "get the file from its original source"


@dataclass
class Constant:
    """A tensor stored in a file.

    Attributes:
        dims: Its shape.
        values: Its values if it is small and numeric, else None.

    """

    dims: list[int]
    values: "np.ndarray | None" = None

    @property
    def count(self) -> int:
        """Number of values."""
        return math.prod(self.dims)


@dataclass
class Node:
    """An operation.

    Attributes:
        kind: ONNX's operator type.
        inputs: Names of its inputs.
        ints: Its attributes that are lists of integers.

    """

    kind: bytes
    inputs: list[bytes]
    ints: dict[bytes, list[int]] = field(default_factory=dict)


@dataclass
class Content:
    """The contents of a file, including all subgraphs.

    Attributes:
        nodes: All operations.
        constants: Stored tensors by name.
        dense: Number of values of the sparse tensors when made dense.

    """

    nodes: list[Node] = field(default_factory=list)
    constants: dict[bytes, Constant] = field(default_factory=dict)
    dense: int = 0


def exceeds_memory_limit(path: Path) -> bool:
    """Return whether running a file takes more memory than any DWPose model, judging by its constants.

    Args:
        path: The ONNX file.

    Raises:
        UnsafeCheckpoint: Opening the file would take that much memory, or it has a loop.
        ValueError: The file cannot be parsed.
        OSError: The file cannot be read.

    """
    content = Content()
    model = parse(path.read_bytes())
    for graph in model.get(7, []):
        _read_graph(parse(graph), content)
    for function in model.get(25, []):
        _read_nodes(parse(function).get(7, []), content)
    if any(node.kind in LOOPS for node in content.nodes):
        raise UnsafeCheckpoint(
            f"{path} has a loop, which may never end and no model of DWPose has: {REMEDY}."
        )
    if content.dense > MAX_VALUES:
        raise UnsafeCheckpoint(f"{path} has sparse tensors of more than {MAX_VALUES:,} values: {REMEDY}.")
    return sum(_made_by(node, content.constants) for node in content.nodes) > MAX_VALUES


def _read_graph(graph: Fields, content: Content) -> None:
    for each in graph.get(5, []):
        _read_tensor(parse(each), content)
    for each in graph.get(15, []):
        _read_sparse(parse(each), content)
    _read_nodes(graph.get(1, []), content)


def _read_nodes(nodes: Iterable[memoryview], content: Content) -> None:
    for each in nodes:
        found = parse(each)
        node = Node(text(found, 4), [bytes(name) for name in found.get(1, [])])
        content.nodes.append(node)
        for attribute in map(parse, found.get(5, [])):
            node.ints[text(attribute, 1)] = integers(attribute, 8)
            _read_attribute(attribute, text(found, 2), content)


def _read_attribute(attribute: Fields, output: bytes, content: Content) -> None:
    for number in (5, 10):
        for tensor in attribute.get(number, []):
            _read_tensor(parse(tensor), content, output)
    for number in (22, 23):
        for tensor in attribute.get(number, []):
            _read_sparse(parse(tensor), content)
    for number in (6, 11):
        for graph in attribute.get(number, []):
            _read_graph(parse(graph), content)


def _read_sparse(tensor: Fields, content: Content) -> None:
    content.dense += math.prod(integers(tensor, 3))


def _read_tensor(tensor: Fields, content: Content, name: bytes | None = None) -> None:
    dims, kind = integers(tensor, 1), (integers(tensor, 2) or [0])[-1]
    constant = Constant(dims)
    if kind in TYPES and constant.count <= MAX_KNOWN:
        raw = tensor.get(9)
        constant.values = (
            np.frombuffer(raw[-1], TYPES[kind]) if raw else numbers(tensor, DATA[kind], TYPES[kind])
        )
    content.constants[text(tensor, 8) if name is None else name] = constant


def _made_by(node: Node, constants: dict[bytes, Constant]) -> int:
    """Return the minimum number of values that a node creates, judging by constants and attributes."""
    inputs = [constants.get(name) for name in node.inputs]
    if node.kind in BROADCASTING or node.kind == b"MatMul":
        return _broadcast([each.dims for each in inputs if each is not None], node.kind == b"MatMul")
    made = MAKERS.get(node.kind)
    known = [None if each is None else each.values for each in inputs]
    values = made(known) if made is not None else 1.0
    if node.kind in (b"Tile", b"OneHot") and inputs and inputs[0] is not None:
        values *= inputs[0].count
    values *= math.prod(map(abs, node.ints.get(b"shape", [])))
    values *= _padded(node.ints.get(b"pads", []))
    return int(min(values, 1e18)) if values > 1 else 0


def _broadcast(shapes: Sequence[list[int]], multiplied: bool) -> int:
    if len(shapes) < 2:
        return 0
    if multiplied:
        shapes = [[*shapes[0][:-1], 1], [*shapes[1][:-2], 1, shapes[1][-1] if shapes[1] else 1]]
    longest = max(map(len, shapes))
    padded = [[1] * (longest - len(each)) + each for each in shapes]
    return math.prod(max(sides) for sides in zip(*padded, strict=True))


def _padded(pads: Sequence[float]) -> float:
    half = len(pads) // 2
    return math.prod(1.0 + max(0.0, a + b) for a, b in zip(pads[:half], pads[half:], strict=False))


Known = Sequence["np.ndarray | None"]


def _product(index: int) -> Callable[[Known], float]:
    def values(known: Known) -> float:
        sides = known[index] if index < len(known) else None
        return 1.0 if sides is None else math.prod(max(1.0, float(side)) for side in sides)

    return values


def _range(known: Known) -> float:
    if len(known) != 3 or any(each is None or not each.size for each in known):
        return 1.0
    start, limit, step = (float(each[0]) for each in known if each is not None)
    return abs((limit - start) / step) if step else math.inf


MAKERS: dict[bytes, Callable[[Known], float]] = {
    b"ConstantOfShape": _product(0),
    b"Expand": _product(1),
    b"Tile": _product(1),
    b"OneHot": _product(1),
    b"Range": _range,
    b"Resize": lambda known: max(_product(2)(known), _product(3)(known)),
    b"Upsample": _product(1),
    b"Pad": lambda known: _padded([] if len(known) < 2 or known[1] is None else known[1].tolist()),
}
