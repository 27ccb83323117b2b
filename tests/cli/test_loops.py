"""Loops, given frames, longer animations and the strength of the poses on the command line."""

from pathlib import Path

import numpy as np
import pytest

from animatex_core.cli.main import main
from animatex_core.pose.formats.reader import write_poses
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from animatex_core.video.writer import write_clip
from tests.loops.dances import dance as drawn
from tests.support.dance_samples import DanceFiles, write_dance

# Folders of images have no frame rate; the drawn dance has another shape than its video.
pytestmark = pytest.mark.filterwarnings("ignore::animatex_core.errors.AnimateXWarning")
SMALL = {"size": "32x48", "frames": 4, "stride": 1, "device": "cpu", "model": "small"}


@pytest.fixture
def dance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DanceFiles:
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    return write_dance(tmp_path)


def animate(dance: DanceFiles, *flags: str, **options: object) -> np.ndarray:
    out = dance.folder / str(options.pop("out", "out"))
    assert main(["animate", *dance.options(**{**SMALL, "out": out, **options}), *flags]) == 0
    return np.stack(list(read_frames(out)))


def complaint(dance: DanceFiles, capsys: pytest.CaptureFixture[str], *flags: str, **options: object) -> str:
    given = {**SMALL, "out": dance.folder / "out", **options}
    assert main(["animate", *dance.options(**given), *flags]) == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(("mode", "count"), [("cut", 6), ("ping-pong", 6)])
def test_a_dance_is_cut_to_its_loop(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str], mode: str, count: int
) -> None:
    write_poses(dance.poses, drawn(np.arange(12) / 6))
    frames = animate(dance, "--loop", mode, frames=12, loop_min=5, loop_max=7)
    assert len(frames) == count
    assert "loop: frames " in capsys.readouterr().out


def test_a_video_is_continued_without_doubled_frames(dance: DanceFiles) -> None:
    before = animate(dance, out="before", frames=5)
    longer = animate(dance, frames=3, extend=dance.folder / "before", extend_frames=2)
    assert len(longer) == 8
    np.testing.assert_array_equal(longer[:5], before)
    whole = animate(dance, out="whole", frames=8)
    # The continuation dances on where the video ended.
    apart = [np.abs(longer[-1].astype(int) - frame).mean() for frame in whole.astype(int)]
    assert int(np.argmin(apart)) == 7
    write_clip(dance.folder / "before.mp4", before, fps=12)
    joined = dance.folder / "joined.mp4"
    given = {**SMALL, "frames": 3, "out": joined, "extend": dance.folder / "before.mp4"}
    assert main(["animate", *dance.options(**given)]) == 0
    assert (probe(joined).frames, probe(joined).has_audio) == (8, True)


def test_the_stride_of_the_animation_is_kept_where_the_dance_ends(dance: DanceFiles) -> None:
    animate(dance, out="before", frames=4, stride=2)
    assert len(animate(dance, frames=20, stride=2, extend=dance.folder / "before")) == 6


def test_given_frames_stay_but_for_the_autoencoder(dance: DanceFiles) -> None:
    plain = animate(dance, out="plain", frames=5)
    given = dance.folder / "plain" / "0004.png"
    pinned = animate(dance, "--closed", first=given, frames=5)
    shown = [np.abs(pinned[0].astype(int) - frame).mean() for frame in plain.astype(int)]
    assert int(np.argmin(shown)) == 4


def test_stretched_frames_are_announced(dance: DanceFiles, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(dance.folder / "wide", np.zeros((1, 32, 64, 3), np.uint8), fps=12)
    animate(dance, last=dance.folder / "wide", frames=2)
    assert "The given last frame has 64x32 pixels and is stretched to 32x48" in capsys.readouterr().err


def test_poses_are_left_out_at_strength_0(dance: DanceFiles) -> None:
    plain = animate(dance, out="plain", model="generated", size="64x64", steps=2, frames=2)
    same = animate(dance, out="same", model="generated", size="64x64", steps=2, frames=2, pose_strength=1)
    none = animate(dance, out="none", model="generated", size="64x64", steps=2, frames=2, pose_strength=0)
    np.testing.assert_array_equal(plain, same)
    assert np.abs(plain.astype(int) - none).mean() > 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"segments": 2, "closed": ""}, "A loop cannot be sampled in segments"),
        ({"segments": 4, "loop": "cut"}, "A loop cannot be sampled in segments"),
        ({"extend": "before", "size": "64x64"}, "--size is 64x64, but the video of --extend has 32x48"),
        ({"extend": "before", "closed": ""}, "--closed does not work with --extend"),
        ({"loop_min": 4}, "--loop-min does nothing without --loop: "),
        ({"loop_max": 4}, "--loop-max does nothing without --loop: "),
        ({"extend_frames": 2}, "--extend-frames does nothing without --extend: "),
        ({"pin_strength": 0.5}, "--pin-strength does nothing without --first or --last or --extend: "),
        ({"first": "before"}, "The video of --first has 4 frames, but the animation only 4"),
        ({"last": "before", "frames": 3}, "The video of --last has 4 frames, but the animation only 3"),
        ({"extend": "before", "extend_frames": 9}, "--extend-frames is 9, but the video has"),
        ({"extend": "before", "loop": "cut"}, "--loop does not work with --extend"),
        ({"extend": "before", "first": "before"}, "--first and --extend both say how"),
        ({"pin_strength": 2, "first": "character.png"}, "The strength of given frames is 2.0"),
        ({"pose_strength": -1}, "The strength of the poses is -1.0"),
        ({"loop": "cut", "loop_min": 40}, "but a loop of 40 needs at least 40"),
        ({"model": "animate-x-plus", "loop": "cut"}, "--loop is only available for Animate-X,"),
        (
            {"model": "animate-x-plus", "pose_strength": 0.5},
            "--pose-strength is only available for Animate-X",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str], options: dict, words: str
) -> None:
    write_clip(dance.folder / "before", np.zeros((4, 48, 32, 3), np.uint8), fps=12)
    files = ("extend", "first", "last")
    paths = {name: dance.folder / str(options[name]) for name in files if name in options}
    flags = ["--closed"] if "closed" in options else []
    given = {name: value for name, value in {**options, **paths}.items() if name != "closed"}
    assert words in complaint(dance, capsys, *flags, **given)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loop": "cut", "loop_min": 20, "loop_max": 10}, "A loop of 20 to 10 frames is requested"),
        ({"pin_strength": 2, "first": "character.png"}, "The strength of given frames is 2.0"),
    ],
)
def test_invalid_values_are_reported_before_the_dance_is_read(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str], options: dict, words: str
) -> None:
    paths = {name: dance.folder / options[name] for name in ("first",) if name in options}
    missing = {"driving": dance.folder / "missing.mp4", "poses": dance.folder / "missing.json"}
    assert words in complaint(dance, capsys, **{**options, **paths, **missing})


@pytest.mark.parametrize("name", ["cut_out.webm", "cut_out"])
def test_a_cut_out_animation_is_not_continued(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    frames = np.full((4, 48, 32, 4), 255, np.uint8)
    frames[:, :16, :, 3] = 0
    write_clip(dance.folder / name, frames, fps=12, alpha=True)
    assert "is transparent, but" in complaint(dance, capsys, extend=dance.folder / name)


def test_a_continuation_that_ends_early_is_announced(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(dance.folder / "before", np.zeros((9, 48, 32, 3), np.uint8), fps=12)
    assert len(animate(dance, frames=5, extend=dance.folder / "before")) == 12
    assert "so 3 are added instead of 5" in capsys.readouterr().err
