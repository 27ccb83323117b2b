"""The pose editor in a page, used with a real mouse and keyboard."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from animatex_core.errors import AnimateXWarning
from animatex_core.pose.formats.reader import read_people, read_poses
from animatex_core.pose.keypoints import PoseSequence
from tests.comfyui.browser import Editor
from workflow_tools.graph import Group, Node, Workflow, node
from workflow_tools.schema import read_schemas
from workflow_tools.ui_form import ui_form

OPENED = ".animatex-pose-editor"
PREVIEW = ".animatex-pose-preview"
EDITS = "() => app.graph.nodes.find(node => node.type === 'AnimateXEditPoses').serialize().widgets_values"
OF_EDITOR = f"document.querySelector('{OPENED}').poseEditor"
STEPS = 5  # of a drag

Place = tuple[float, float]


def editing_graph(image: str, poses: str | None = None, person: str = "best") -> tuple[Node, ...]:
    """Edit poses in front of an image, and save them."""
    picture = node("LoadImage", image=image)
    loaded = None if poses is None else node("AnimateXLoadPoses", file=poses, person=person)
    sockets = {"images": picture["IMAGE"], "mask": picture["MASK"]}
    if loaded is not None:
        sockets = {"images": picture["IMAGE"], "poses": loaded["poses"]}
    edited = node("AnimateXEditPoses", **sockets)
    saved = node("AnimateXSavePoses", poses=edited["poses"])
    return (*([] if loaded is None else [loaded]), picture, edited, saved)


@dataclass(frozen=True)
class PoseEditorPage:
    """The editor of the only Edit Poses node in a page."""

    editor: Editor

    def load(self, *nodes: Node) -> None:
        """Open a graph of some nodes side by side."""
        schemas = read_schemas(self.editor.server.ask("/object_info"))
        workflow = Workflow("edited", ((Group("Poses", tuple((each,) for each in nodes)),),))
        self.editor.complaints.clear()
        self.editor.load(ui_form(workflow, schemas))
        self.editor.fit()

    def run(self) -> PoseSequence:
        """Run the graph, wait until the node shows its frames, and return the poses that it saved."""
        return read_poses(self._run())

    def run_people(self) -> tuple[PoseSequence, ...]:
        """Do the same, and return the poses of everybody."""
        return read_people(self._run())

    def _run(self) -> Path:
        history = self.editor.server.wait(self.editor.queue())
        assert history["status"]["status_str"] == "success", history["status"]
        self.editor.page.wait_for_function(
            f"() => !document.querySelector('{PREVIEW} span').textContent.includes('Run the workflow')"
        )
        (shown,) = (output["text"] for output in history["outputs"].values() if "text" in output)
        return self.editor.server.base / "output" / shown[0]

    def open(self) -> None:
        """Press the button on the node."""
        self.editor.page.locator(f"{PREVIEW} button").click()
        self.editor.page.locator(f"{OPENED} canvas.stage").wait_for()

    def close(self) -> None:
        """Close the editor."""
        self.press("done")
        self.editor.page.locator(OPENED).wait_for(state="detached")

    def press(self, action: str) -> None:
        """Press a button of the editor."""
        self.editor.page.locator(f"{OPENED} [data-action='{action}']").click()

    def select(self, name: str) -> None:
        """Select a joint in the list."""
        self.editor.page.locator(f"{OPENED} aside").get_by_text(name, exact=True).click()

    def click_person(self, number: int) -> None:
        """Click the neck of a person who is not edited."""
        x, y = self.editor.ask(
            f"number => {OF_EDITOR}.stage.placeOf('neck', "
            f"{OF_EDITOR}.model.others.find(({{person}}) => person === number).pose)",
            number,
        )
        self.editor.page.mouse.click(x, y)

    def shown(self) -> PoseSequence:
        """Return the pose that is edited, of the current frame."""
        points, (width, height) = self.editor.ask(
            f"() => [Array.from({OF_EDITOR}.model.pose), {OF_EDITOR}.model.source.size]"
        )
        return PoseSequence.from_points(np.reshape(points, (1, -1, 3)), width, height)

    def place(self, joint: str) -> Place:
        """Return where a joint is in the page."""
        x, y = self.editor.ask(f"name => {OF_EDITOR}.stage.placeOf(name)", joint)
        return x, y

    @property
    def scale(self) -> float:
        """CSS pixels of the page by pixel of the image."""
        return self.editor.ask(f"() => {OF_EDITOR}.stage.view.scale")

    def drag(self, joint: str, x: float, y: float, modifier: str = "") -> None:
        """Drag a joint by CSS pixels."""
        left, top = self.place(joint)
        self._drag((left, top), (left + x, top + y), modifier)

    def drag_to(self, joint: str, x: float, y: float, modifier: str = "") -> None:
        """Drag a joint to a place in the image, as fractions of it."""
        size = self.editor.ask(f"() => {OF_EDITOR}.model.source.size")
        offset = self.editor.ask(
            f"() => {{ const {{x, y}} = {OF_EDITOR}.stage.canvas.getBoundingClientRect();"
            f" const [left, top] = {OF_EDITOR}.stage.view.offset; return [x + left, y + top] }}"
        )
        target = tuple(
            start + part * side * self.scale for start, part, side in zip(offset, (x, y), size, strict=True)
        )
        self._drag(self.place(joint), target, modifier)

    def drag_in_timeline(self, first: int, last: int, modifier: str = "") -> None:
        """Drag from one frame of the timeline to another."""
        start, end = (
            self.editor.ask(f"frame => {OF_EDITOR}.timeline.placeOf(frame)", each) for each in (first, last)
        )
        self._drag(start, end, modifier)

    @property
    def text(self) -> str:
        """What the node stores: its first value, before those of ComfyUI's own messages on nodes."""
        text, *_ = self.editor.ask(EDITS)
        return text

    def _drag(self, start: Any, end: Any, modifier: str) -> None:
        keyboard, mouse = self.editor.page.keyboard, self.editor.page.mouse
        if modifier:
            keyboard.down(modifier)
        mouse.move(*start)
        mouse.down()
        mouse.move(*end, steps=STEPS)
        mouse.up()
        if modifier:
            keyboard.up(modifier)


def place_by_hand(
    page: PoseEditorPage, image: str, joints: Mapping[str, Place]
) -> tuple[PoseSequence, PoseSequence]:
    """Place a skeleton on an image with the mouse.

    Returns:
        The skeleton as it was put into the mask, and after each joint was dragged to its place.

    """
    page.load(*editing_graph(image))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AnimateXWarning)  # nobody is there yet
        page.run()
    page.open()
    page.press("place")
    fitted = page.shown()
    for joint, (x, y) in joints.items():
        page.drag_to(joint, x, y)
    page.close()
    return fitted, page.run()
