"""Edit Poses in ComfyUI's real editor: joints dragged with the mouse come out of the graph."""

import importlib.util
import json
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from animatex_core.pose.edits.apply import apply_edits
from animatex_core.pose.edits.joints import POINT_INDEX
from animatex_core.pose.edits.reader import read_edits
from animatex_core.pose.formats.reader import read_poses, write_poses
from animatex_core.pose.keypoints import FACE, HANDS, POINTS, PoseSequence, seen
from tests.comfyui.hosts import Host
from tests.comfyui.server import PACK
from tests.pose.edit_samples import random_edits, random_poses
from tests.support.dance_samples import small_dance
from workflow_tools.material import CHARACTER
from workflow_tools.placed_joints import DEMO, SAMPLES

if importlib.util.find_spec("playwright") is None:
    pytest.skip("the tests in a browser need playwright: `pip install playwright`", allow_module_level=True)

from tests.comfyui.browser import CHROMIUM, NODES_2, Editor
from tests.comfyui.looks import FIRST_WITH_NODES_2, Look
from tests.comfyui.pose_editor_page import OPENED, PoseEditorPage, editing_graph, place_by_hand

pytestmark = pytest.mark.plain_mode

DANCE, BACKDROP = "edited.json", "edited.png"
APPLY = f"""async cases => {{
    const {{applyEdits}} = await import('/extensions/{PACK}/js/pose_editor/evaluate.js')
    const {{parseEdits, writeEdits}} = await import('/extensions/{PACK}/js/pose_editor/edits.js')
    return cases.map(([points, text]) =>
        Array.from(applyEdits(Float32Array.from(points), parseEdits(writeEdits(parseEdits(text))))))
}}"""
TOGGLE = f"""async ([score, times]) => {{
    const {{Model}} = await import('/extensions/{PACK}/js/pose_editor/model.js')
    const {{Source}} = await import('/extensions/{PACK}/js/pose_editor/source.js')
    const points = new Float32Array(390), texts = []
    points.set([0.5, 0.25, score], 4 * 3)
    const info = {{frames: 1, width: 64, height: 96, person: 0}}
    const source = new Source(info, points, [points], String)
    const model = new Model(source, '', {{refresh() {{}}, save: text => texts.push(text)}})
    for (let each = 0; each < times; each++) model.toggleHidden('right_wrist')
    return texts.at(-1)
}}"""
NEAR = 2e-3  # fractions of the image: a pixel of the page is about as much
HIP, KNEE, ANKLE, TOE = (POINT_INDEX[f"left_{name}"] for name in ("hip", "knee", "ankle", "toe"))
WRIST, NOSE = POINT_INDEX["right_wrist"], POINT_INDEX["nose"]


@pytest.fixture(scope="module", params=[Look(), Look(newest=True)], ids=["own", "newest"])
def editor(
    request: pytest.FixtureRequest, comfyui: Host, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Editor]:
    """A page of each frontend, for all tests."""
    if CHROMIUM is None:
        pytest.skip("the tests in a browser need Chromium: `apt-get install chromium`")
    if reason := request.param.lack(comfyui):
        pytest.skip(reason)
    with request.param.editing(comfyui, tmp_path_factory.mktemp("editor")) as opened:
        inputs, dance = opened.server.base / "input", small_dance()
        write_poses(inputs / DANCE, dance)
        Image.new("RGB", (dance.width, dance.height), "teal").save(inputs / BACKDROP)
        yield opened


@pytest.fixture(params=[False, True], ids=["classic", "nodes2"])
def page(request: pytest.FixtureRequest, editor: Editor, comfyui: Host) -> PoseEditorPage:
    """The page with one of its two ways to draw nodes."""
    if request.param and comfyui.release < FIRST_WITH_NODES_2:
        pytest.skip(f"ComfyUI {comfyui.version} has no Nodes 2.0")
    if comfyui.release >= FIRST_WITH_NODES_2:
        editor.set(NODES_2, request.param)
    return PoseEditorPage(editor)


def test_the_page_computes_what_the_core_computes(editor: Editor) -> None:
    rng = np.random.default_rng(0)
    cases = [(random_poses(rng, frames), random_edits(rng, frames)) for frames in (1, 2, 7, 16) * 6]
    given = [[poses.points.astype(float).ravel().tolist(), text] for poses, text in cases]
    found = editor.ask(APPLY, given)
    for (poses, text), points in zip(cases, found, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of edits after the last frame
            expected = apply_edits(poses, read_edits(text)).points
        np.testing.assert_array_equal(np.float32(points), expected.ravel())


@pytest.mark.parametrize(
    ("score", "times", "is_seen"), [(1, 1, False), (1, 2, True), (0.1, 1, True), (0, 1, True)]
)
def test_the_list_hides_shows_and_places_joints(
    editor: Editor, score: float, times: int, is_seen: bool
) -> None:
    points = np.zeros((1, POINTS, 3), np.float32)
    points[0, WRIST] = 0.5, 0.25, score
    text = editor.ask(TOGGLE, [score, times])
    found = apply_edits(PoseSequence.from_points(points, 64, 96), read_edits(text)).points[0, WRIST]
    assert bool(seen(found)) == is_seen
    assert not is_seen or (found[:2].tolist() == [0.5, 0.25]) == (score > 0)


def test_what_is_dragged_in_a_video_comes_out_of_the_graph(page: PoseEditorPage) -> None:
    page.load(*editing_graph(BACKDROP, DANCE))
    before = page.run()
    page.open()
    for _ in range(5):
        page.editor.page.keyboard.press("ArrowRight")
    scale, size = page.scale, np.array([before.width, before.height])
    page.drag("right_wrist", 60, -40)
    page.press("reach")
    page.drag("left_ankle", -30, -50)
    field = page.editor.page.locator(f"{OPENED} [data-action=falloff]")
    field.fill("2")
    field.press("Tab")
    page.drag_in_timeline(8, 9)  # the end of the falloff
    page.drag_in_timeline(8, 10, "Shift")
    page.select("nose")
    page.press("hide")
    page.press("swap")
    page.editor.page.keyboard.press("Control+z")
    page.close()
    after = page.run()

    edits = read_edits(page.text)
    assert [(key.frame, key.falloff) for key in edits.keys] == [(5, 3)]
    assert not edits.swapped
    assert_equal(after, apply_edits(read_poses(page.editor.server.base / "input" / DANCE), edits))
    moved = (after.points - before.points)[..., :2]
    by = np.array([60, -40]) / scale / size
    np.testing.assert_allclose(moved[5, WRIST], by, atol=NEAR)
    np.testing.assert_allclose(moved[4:7:2, WRIST], [by * 27 / 32] * 2, atol=NEAR)
    np.testing.assert_allclose(moved[5, ANKLE], np.array([-30, -50]) / scale / size, atol=NEAR)
    assert np.abs(moved[5, KNEE]).max() > NEAR
    np.testing.assert_allclose(bones(after, 5), bones(before, 5), rtol=1e-3)
    assert not seen(after.points[8:11, NOSE]).any()
    assert seen(after.points[[7, 11], NOSE]).all()
    hands = [point for hand in HANDS for point in range(hand.start, hand.stop)]
    others = np.setdiff1d(range(POINTS), [WRIST, *hands, *range(FACE.start, POINTS), NOSE, KNEE, ANKLE, TOE])
    np.testing.assert_array_equal(after.points[:, others], before.points[:, others])
    assert page.editor.complaints == []


def bones(poses: PoseSequence, frame: int) -> np.ndarray:
    """Return the lengths of thigh and shin in pixels."""
    places = poses.points[frame, [HIP, KNEE, ANKLE], :2] * (poses.width, poses.height)
    return np.linalg.norm(np.diff(places, axis=0), axis=1)


def assert_equal(found: PoseSequence, expected: PoseSequence) -> None:
    """Compare what can be seen; the score of the rest is not saved."""
    np.testing.assert_array_equal(seen(found.points), seen(expected.points))
    shown = seen(found.points)
    np.testing.assert_array_equal(found.points[shown], expected.points[shown])


def test_a_skeleton_is_placed_by_hand(page: PoseEditorPage) -> None:
    joints = DEMO["rabbit"].joints
    _, found = place_by_hand(page, CHARACTER, joints)
    assert len(found) == 1
    assert seen(found.body).all()
    assert not seen(found.points[:, 20:]).any()
    dragged = found.points[0, [POINT_INDEX[name] for name in joints], :2]
    np.testing.assert_allclose(dragged, list(joints.values()), atol=NEAR)
    assert page.editor.complaints == []


# How far the joints of the standing figure in the mask are from those placed by hand, in heights of the mask.
FROM_THE_MASK = {"jellyfish": 0.254, "juice carton": 0.251, "bear": 0.131, "rabbit": 0.155}


@pytest.mark.one_host
@pytest.mark.parametrize("editor", [Look()], ids=["own"], indirect=True)
@pytest.mark.parametrize("name", SAMPLES)
def test_odd_characters_need_a_hand(editor: Editor, name: str) -> None:
    character, image = SAMPLES[name], f"{name}.png"
    (left, top, right, bottom), (width, height) = character.box, character.size
    shown = Image.new("L", character.size)
    corners = round(left * width), round(top * height), round(right * width), round(bottom * height)
    shown.paste(255, corners)
    picture = Image.new("RGB", character.size, "gray")
    picture.putalpha(shown)
    picture.save(editor.server.base / "input" / image)

    fitted, placed = place_by_hand(PoseEditorPage(editor), image, character.joints)
    joints = [POINT_INDEX[joint] for joint in character.joints]
    places = placed.points[0, joints, :2]
    np.testing.assert_allclose(places, list(character.joints.values()), atol=NEAR)
    ends = fitted.body[0, :, :2].min(axis=0), fitted.body[0, :, :2].max(axis=0)
    assert (np.array(ends) >= (left - NEAR, top - NEAR)).all()
    assert (np.array(ends) <= (right + NEAR, bottom + NEAR)).all()
    away = np.linalg.norm((fitted.points[0, joints, :2] - places) * (width, height), axis=1)
    assert away.mean() / ((bottom - top) * height) == pytest.approx(FROM_THE_MASK[name], abs=0.005)


TWO = "two.json"


def two_dancers() -> tuple[PoseSequence, PoseSequence]:
    """Return the dance twice, one half a frame's width right of the other."""
    dance = small_dance()
    is_seen, both = seen(dance.points)[..., None], []
    for left in (-0.05, 0.45):
        points = dance.points * (0.6, 1, 1) + (left, 0, 0)
        points[..., 2] = 1  # as it is saved
        both.append(dance.with_points(np.where(is_seen, points, 0).astype(np.float32)))
    return both[0], both[1]


def test_a_click_on_another_person_edits_them(page: PoseEditorPage) -> None:
    before, moves = two_dancers(), ((20, 10), (-15, 25))
    write_poses(page.editor.server.base / "input" / TWO, before)
    page.load(*editing_graph(BACKDROP, TWO, "all"))
    page.run_people()
    page.open()
    for number in (1, 0):
        page.click_person(number)
        page.drag("right_wrist", *moves[number])
    page.click_person(1)
    page.select("nose")
    page.press("hide")
    page.editor.page.keyboard.press("Control+z")
    scale, size = page.scale, np.array([before[0].width, before[0].height])
    page.close()
    after = page.run_people()

    edits = read_edits(page.text)
    assert edits.person == 1
    assert list(edits.others) == [0]
    assert_equal(after[0], apply_edits(before[0], edits.others[0]))
    assert_equal(after[1], apply_edits(before[1], edits))
    for poses, found, by in zip(before, after, moves, strict=True):
        moved = (found.points - poses.points)[0, WRIST, :2]
        np.testing.assert_allclose(moved, np.array(by) / scale / size, atol=NEAR)
    assert seen(after[1].points[0, NOSE])
    assert page.editor.complaints == []


SET = (
    "text => { app.graph.nodes.find(node => node.type === 'AnimateXEditPoses').widgets"
    ".find(widget => widget.name === 'edits').value = text }"
)


@pytest.mark.parametrize(
    ("text", "on_page", "refusal"),
    [
        ('{"version": 2, "strokes": [1]}', "version 2 is newer than 1", "reads version 1: update it"),
        ("no JSON", "not JSON", "it is not JSON"),
    ],
)
def test_edits_that_cannot_be_read_are_left_alone(
    editor: Editor, text: str, on_page: str, refusal: str
) -> None:
    page = PoseEditorPage(editor)
    page.load(*editing_graph(BACKDROP, DANCE))
    page.run()
    editor.ask(SET, text)
    editor.page.locator(".animatex-pose-preview button").click()
    editor.page.locator(f"{OPENED} .notice").get_by_text(on_page).wait_for()
    editor.page.keyboard.press("Escape")
    editor.page.locator(OPENED).wait_for(state="detached")
    assert page.text == text
    answer = editor.ask(
        "async () => app.api.queuePrompt(0, await app.graphToPrompt()).catch(error => error.response)"
    )
    assert refusal in json.dumps(answer["node_errors"])


def test_edits_of_a_longer_video_stay_stored(editor: Editor) -> None:
    page = PoseEditorPage(editor)
    page.load(*editing_graph(BACKDROP, DANCE))
    page.run()
    late = {"frame": 50, "falloff": 2, "offsets": {"nose": [0.1, 0]}}
    editor.ask(SET, json.dumps({"version": 1, "frames": 99, "keys": [late]}))
    page.open()
    page.drag("right_wrist", 20, 10)
    page.close()
    assert [key.frame for key in read_edits(page.text).keys] == [0, 50]
    assert json.loads(page.text)["keys"][1] == late
    moved = page.run()
    assert len(moved) == len(small_dance())
    assert editor.complaints == []
