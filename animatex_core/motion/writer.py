"""A skeleton and its motion as the text of a BVH file."""

from collections.abc import Iterator

from .skeleton import NO_PARENT, MotionCapture, Skeleton

DIGITS = 6  # after the point: a billionth of a body in pixels or millimetres


def format_bvh(capture: MotionCapture, digits: int = DIGITS) -> Iterator[str]:
    """Yield the text of a BVH file, part by part.

    Args:
        capture: The recording; joints without children get an End Site if the skeleton has none.
        digits: Digits after the point.

    """
    skeleton = capture.skeleton
    yield "HIERARCHY\n"
    for root in skeleton.children(NO_PARENT):
        yield from _joint(skeleton, root, 0, digits)
    yield f"MOTION\nFrames: {len(capture)}\nFrame Time: {capture.frame_time:.8f}\n"
    columns = [
        first + step
        for joint in _depth_first(skeleton, NO_PARENT)
        for first in [skeleton.columns[joint]]
        for step in range(len(skeleton.channels[joint]))
    ]
    for frame in capture.values[:, columns]:
        yield " ".join(_number(value, digits) for value in frame.tolist()) + "\n"


def _depth_first(skeleton: Skeleton, joint: int) -> Iterator[int]:
    """Yield the joints below a joint in the order in which they are written, as are their channels."""
    for child in skeleton.children(joint):
        yield child
        yield from _depth_first(skeleton, child)


def _joint(skeleton: Skeleton, joint: int, depth: int, digits: int) -> Iterator[str]:
    indent, name = "\t" * depth, skeleton.names[joint]
    kind = "ROOT" if depth == 0 else "JOINT"
    yield f"{indent}{kind} {name}\n" if name else f"{indent}End Site\n"
    yield f"{indent}{{\n"
    offset = " ".join(_number(value, digits) for value in skeleton.offsets[joint].tolist())
    yield f"{indent}\tOFFSET {offset}\n"
    if name:
        channels = skeleton.channels[joint]
        yield f"{indent}\tCHANNELS {' '.join([str(len(channels)), *channels])}\n"
        for child in skeleton.children(joint):
            yield from _joint(skeleton, child, depth + 1, digits)
        if not skeleton.children(joint):
            yield f"{indent}\tEnd Site\n{indent}\t{{\n{indent}\t\tOFFSET 0 0 0\n{indent}\t}}\n"
    yield f"{indent}}}\n"


def _number(value: float, digits: int) -> str:
    """Write a number without trailing zeros or a negative zero."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
