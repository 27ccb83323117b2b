"""Sprite sheets, read back as engines read them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.pose.keypoints import JOINT, PoseSequence
from animatex_core.sprites.files import SheetFiles
from animatex_core.sprites.packing import FORMS, TRIMS, SheetSettings, pack
from animatex_core.sprites.sheet import build_sheet, choose_timing, find_pivot

FPS, SIZE = 12.0, (60, 80)


def moving(count: int = 10) -> list[np.ndarray]:
    """Draw a soft disc that moves and grows; frames 3 and 4 are equal, the last is transparent."""
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    frames = []
    for number in range(count):
        step = 3 if number == 4 else number
        away = np.hypot(columns - 15 - 3 * step, rows - 30 - step)
        frame = np.random.default_rng(step).integers(0, 256, (SIZE[1], SIZE[0], 4)).astype(np.uint8)
        frame[..., 3] = np.clip((8 + step - away) * 60, 0, 255) if number + 1 < count else 0
        frames.append(frame)
    return frames


def read_back(image: Path) -> list[np.ndarray]:
    """Return the untrimmed frames as an engine shows them, in the order of the description."""
    described, sheet = json.loads(image.with_suffix(".json").read_text(encoding="utf-8")), Image.open(image)
    assert described["meta"]["image"] == image.name
    assert described["meta"]["size"] == {"w": sheet.width, "h": sheet.height}
    entries = described["frames"]
    frames = []
    for entry in entries.values() if isinstance(entries, dict) else entries:
        place, part, full = (entry[name] for name in ("frame", "spriteSourceSize", "sourceSize"))
        assert not entry["rotated"]
        assert (place["w"], place["h"]) == (part["w"], part["h"])
        corner = place["x"], place["y"]
        sprite = sheet.crop((*corner, corner[0] + place["w"], corner[1] + place["h"]))
        canvas = Image.new("RGBA", (full["w"], full["h"]))
        canvas.paste(sprite, (part["x"], part["y"]))
        assert entry["trimmed"] == ((part["w"], part["h"]) != (full["w"], full["h"]))
        frames.append(np.asarray(canvas))
    return frames


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("trim", TRIMS)
@pytest.mark.parametrize(("padding", "extrude", "power"), [(0, 0, False), (2, 1, True)])
def test_an_engine_shows_the_frames_to_the_byte(
    tmp_path: Path, form: Any, trim: Any, padding: int, extrude: int, power: bool
) -> None:
    frames, settings = moving(), SheetSettings(trim, padding, extrude, power, form=form)
    files, sheet = SheetFiles.of(tmp_path / "disc.png"), build_sheet(frames, FPS, settings)
    files.write(sheet, frames, form)
    shown = read_back(files.image)
    assert len(shown) == len(frames)
    for one, other in zip(shown, frames, strict=True):
        visible = other[..., 3] > 0
        np.testing.assert_array_equal(one[visible], other[visible])
        assert not one[~visible, 3].any()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disc.json", "disc.png", "disc.webp"]
    if power:
        assert {side & (side - 1) for side in Image.open(files.image).size} == {0}


def test_the_preview_plays_the_kept_frames(tmp_path: Path) -> None:
    frames, settings = moving(), SheetSettings(rate=6)
    files, sheet = SheetFiles.of(tmp_path / "disc.png"), build_sheet(frames, FPS, settings)
    files.write(sheet, frames, "hash")
    with Image.open(files.preview) as preview:
        shown = [np.asarray(each.convert("RGBA")) for each in ImageSequence.Iterator(preview)]
        assert preview.info["loop"] == 0
    kept = frames[::2]
    assert len(shown) == len(kept)
    for one, other in zip(shown, kept, strict=True):
        np.testing.assert_array_equal(one[..., 3], other[..., 3])
    described = json.loads(files.description.read_text(encoding="utf-8"))
    assert described["animations"] == {"disc": list(described["frames"])}
    assert sum(entry["duration"] for entry in described["frames"].values()) == 833


def test_equal_frames_share_their_place() -> None:
    sheet = build_sheet(moving(), FPS)
    assert sheet.sprites[3].on_sheet == sheet.sprites[4].on_sheet
    assert len({sprite.on_sheet for sprite in sheet.sprites}) == len(sheet.sprites) - 1


def test_extruded_edges_repeat_the_outermost_pixels() -> None:
    frame = np.full((4, 4, 4), 255, np.uint8)
    frame[..., 0] = np.arange(4)
    sheet = build_sheet([frame, frame], FPS, SheetSettings("off", 1, 2))
    place = sheet.sprites[0].on_sheet
    assert (place.x, place.y) == (3, 3)
    assert sheet.image[3, 1:9, 0].tolist() == [0, 0, 0, 1, 2, 3, 3, 3]


@pytest.mark.parametrize(
    ("count", "rate", "indices"),
    [
        (8, 0, range(8)),
        (8, 24, range(8)),
        (8, 6, range(0, 8, 2)),
        (8, 3, (0, 4)),
        (8, 0.1, (0,)),
        (5, 9, (0, 1, 2, 3)),
    ],
)
def test_thinned_frames_keep_the_length(count: int, rate: float, indices: Any) -> None:
    timing = choose_timing(count, FPS, rate)
    assert timing.indices == tuple(indices)
    assert sum(timing.durations) == round(count * 1000 / FPS)


def test_sprites_never_overlap_and_fill_most_of_the_sheet() -> None:
    rng = np.random.default_rng(1)
    sizes = [(int(width), int(height)) for width, height in rng.integers(20, 90, (60, 2))]
    packing = pack(sizes, 3, 4096, power_of_two=False)
    taken = np.zeros((packing.height, packing.width), int)
    for (x, y), (width, height) in zip(packing.corners, sizes, strict=True):
        taken[y : y + height + 3, x : x + width + 3] += 1
        assert min(x, y) >= 3
    assert taken.max() == 1
    assert taken.mean() > 0.75


def feet_at(places: list[tuple[float, float]]) -> PoseSequence:
    poses = PoseSequence.empty(len(places), *SIZE)
    for body, (x, y) in zip(poses.body, places, strict=True):
        body[JOINT["right_ankle"]] = x - 0.1, y, 1
        body[JOINT["left_ankle"]] = x + 0.1, y - 0.05, 1
    return poses


def test_the_pivot_is_between_the_feet_on_the_ground() -> None:
    frames = moving()
    jumping = feet_at([(0.5, 0.9)] * 7 + [(0.5, 0.6)] * 3)
    assert find_pivot(frames, jumping) == pytest.approx((0.5, 0.9), abs=1e-3)
    x, y = find_pivot(frames[:1])
    rows, columns = (frames[0][..., 3] >= 128).nonzero()
    assert y == pytest.approx((rows.max() + 1) / SIZE[1], abs=1e-3)
    assert x == pytest.approx((columns.mean() + 0.5) / SIZE[0], abs=0.01)
    assert find_pivot(frames[:1], PoseSequence.empty(1, *SIZE)) == (x, y)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({"frames": []}, "no frames for a sprite sheet"),
    "transparent": ({"frames": [np.zeros((8, 8, 4), np.uint8)] * 3}, "All frames are transparent"),
    "large": (
        {"settings": SheetSettings("off", max_size=128)},
        "need a sheet of about .* largest is 128x128",
    ),
    "RGB": ({"frames": [np.zeros((8, 8, 3), np.uint8)] * 3}, "Frame 0 is uint8 of shape"),
    "sizes": ({"frames": [*moving(), np.zeros((8, 8, 4), np.uint8)]}, "Frame 10 is 8x8 pixels"),
    "fps 0": ({"fps": 0}, "fps is 0, but it must be a positive number"),
    "negative fps": ({"fps": -12.0}, "fps is -12.0"),
    "nan fps": ({"fps": float("nan")}, "fps is nan"),
    "inf fps": ({"fps": float("inf")}, "fps is inf"),
    "fps text": ({"fps": "12"}, "fps is '12'"),
    "low rate": (
        {"fps": 0.5, "settings": SheetSettings(rate=0.025)},
        "rate is 0.025, which keeps 1 of 10 frames at 0.5 a second, but a sheet needs 0.1",
    ),
    "poses": ({"poses": PoseSequence.empty(3, *SIZE)}, "There are 3 poses but 10 frames"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(name: str) -> None:
    change, words = BAD[name]
    given: dict[str, Any] = {"frames": moving(), "fps": FPS} | change
    with pytest.raises(InvalidInput, match=words) as refused:
        build_sheet(**given)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "setting",
    [
        *({"trim": "some"}, {"padding": -1}, {"max_size": 0}, {"form": "xml"}),
        *({"rate": -1.0}, {"rate": "a"}, {"rate": float("nan")}, {"rate": float("inf")}, {"rate": True}),
    ],
)
def test_settings_are_checked(setting: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(setting))):
        SheetSettings(**setting)


def test_a_single_frame_is_a_warning_and_another_suffix_an_error(tmp_path: Path) -> None:
    with pytest.warns(AnimateXWarning, match="a still image"):
        build_sheet(moving()[:1], FPS)
    with pytest.raises(InvalidInput, match=r"one that ends in \.png"):
        SheetFiles.of(tmp_path / "sheet.jpg")
