"""Reading the frames of videos."""

import gc
import itertools
import threading
import warnings
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from PIL import Image

from animatex_core.errors import AnimateXWarning, Cancelled, InvalidInput
from animatex_core.video.ffmpeg import FFmpegStream, each_frame_once
from animatex_core.video.info import VideoInfo, count_frames, probe
from animatex_core.video.reader import read_frames
from tests.video.samples import ffmpeg, make_clip, make_flash, number_of, numbers_of

H264 = ("-pix_fmt", "yuv420p")
VP9 = ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-cpu-used", "8", "-b:v", "1M")
CONSTANT = {
    "h264.mp4": H264,
    "b_frames.mkv": (*H264, "-bf", "4"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-q:v", "3"),
    "motion_jpeg.avi": ("-c:v", "mjpeg", "-q:v", "3"),
    "ten_bits.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p10le"),
    "vp8.webm": ("-c:v", "libvpx", "-b:v", "1M"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-b:v", "1M"),
    "hevc.mov": ("-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p"),
    "apng.apng": ("-f", "apng"),
    "rgb.gif": (),
    "ntsc.mp4": ("-r", "30000/1001", "-vf", "setpts=N/(30000/1001)/TB", *H264),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def clip(folder: Path) -> Path:
    return make_clip(folder / "clip.mp4", 60, options=H264)


@pytest.fixture(scope="module")
def uneven(folder: Path) -> Path:
    """Of 72 frames at 24 a second, those between 1 and 2 seconds are missing but for every sixth."""
    kept = "select='not(between(n,24,47))+not(mod(n,6))',setpts=PTS"
    return make_clip(folder / "uneven.mkv", 72, options=("-vf", kept, *each_frame_once(), *H264))


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "ffmpeg" in child.name()]


@pytest.mark.parametrize("name", CONSTANT)
def test_a_constant_video_gives_exactly_its_own_frames(tmp_path: Path, name: str) -> None:
    path = make_clip(tmp_path / name, 20, options=CONSTANT[name])
    info = probe(path)
    assert numbers_of(read_frames(info)) == list(range(20))
    assert (info.width, info.height, info.frames, info.variable) == (64, 48, 20, False)
    assert info.fps == pytest.approx(
        30000 / 1001 if "ntsc" in name else 24, rel=1e-9 if "mp4" in name else 1e-2
    )
    assert info.duration == pytest.approx(20 / info.fps)


@pytest.mark.parametrize("name", ["h264.mp4", "b_frames.mkv", "mpeg4.avi", "vp9.webm"])
def test_frames_are_counted_as_opencv_counts_them(tmp_path: Path, name: str) -> None:
    reader = cv2.VideoCapture(str(make_clip(tmp_path / name, 33, options=CONSTANT[name])))
    theirs = [cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) for _, frame in iter(reader.read, (False, None))]
    ours = list(read_frames(tmp_path / name))
    assert len(ours) == len(theirs) == 33
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(ours, theirs, strict=True)) < 3


@pytest.mark.parametrize(
    "indices", [[0], [59], [0, 1, 2], [5, 9, 11, 40], range(0, 60, 7), range(10, 20), np.array([3, 4])]
)
def test_the_requested_frames_are_read(clip: Path, indices: list[int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert numbers_of(read_frames(clip, indices=indices)) == list(indices)


def test_no_indices_give_no_frames(clip: Path) -> None:
    assert list(read_frames(clip, indices=[])) == []


@pytest.mark.parametrize("indices", [[3, 2], [1, 1], [-1, 0]])
def test_indices_must_ascend(clip: Path, indices: list[int]) -> None:
    with pytest.raises(InvalidInput, match="ascend"):
        read_frames(clip, indices=indices)


def test_frames_past_the_end_are_missed_with_a_warning(clip: Path) -> None:
    with pytest.warns(AnimateXWarning, match="has 60 frames, but frame 70 was requested"):
        assert numbers_of(read_frames(clip, indices=[58, 59, 70])) == [58, 59]


def test_a_variable_rate_becomes_a_constant_one(uneven: Path) -> None:
    info = probe(uneven)
    assert (info.variable, info.fps, info.frames) == (True, 24, 72)
    expected = [number if not 24 <= number < 48 else number // 6 * 6 for number in range(72)]
    numbers = numbers_of(read_frames(info))
    assert all(abs(number - wanted) <= 3 for number, wanted in zip(numbers, expected, strict=True))
    assert numbers[:24] + numbers[48:] == expected[:24] + expected[48:]


def test_chosen_frames_of_a_variable_video_are_those_of_the_whole(uneven: Path) -> None:
    whole = numbers_of(read_frames(uneven))
    assert numbers_of(read_frames(uneven, indices=range(1, 72, 5))) == whole[1::5]


def test_delays_of_a_gif_are_kept(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "slow.gif", 4, "2", ("-vf", "setpts='if(eq(N,3),3,N*0.5)/TB'"))
    assert probe(path).fps == pytest.approx(2)
    assert numbers_of(read_frames(path)) == [0, 1, 2, 2, 2, 2, 3]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_the_rotation_of_a_video_is_applied(clip: Path, tmp_path: Path, degrees: int) -> None:
    path = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", str(degrees), "-i", str(clip), "-c", "copy", str(path))
    info = probe(path)
    frames = list(itertools.islice(read_frames(info), 7))
    assert (info.width, info.height) == ((64, 48) if degrees == 180 else (48, 64))
    assert numbers_of(np.rot90(frame, -degrees // 90) for frame in frames) == list(range(7))


@pytest.mark.parametrize("size", [(65, 49), (2, 2), (1, 1), (66, 48)])
def test_any_size_is_read_without_shear(tmp_path: Path, size: tuple[int, int]) -> None:
    path = make_clip(tmp_path / "odd.mkv", 3, options=("-c:v", "ffv1"), size=size)
    assert [frame.shape for frame in read_frames(path)] == [(size[1], size[0], 3)] * 3


@pytest.mark.parametrize(("name", "options"), [("vp9.webm", VP9), ("vp8.webm", ("-c:v", "libvpx", *VP9[2:]))])
def test_transparent_video_is_laid_on_white(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    source = "color=black@0.5:s=64x48:r=10:d=0.5,format=yuva420p"
    ffmpeg("-f", "lavfi", "-i", source, *options, "-auto-alt-ref", "0", str(tmp_path / name))
    info = probe(tmp_path / name)
    frames = list(read_frames(info))
    assert (info.has_alpha, len(frames)) == (True, 5)
    assert np.abs(frames[2].astype(int) - 127).max() < 6


def test_a_transparent_gif_is_laid_on_white(tmp_path: Path) -> None:
    images = [Image.new("P", (8, 8), number) for number in (1, 0, 2)]
    for image in images:
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    images[0].save(tmp_path / "clear.gif", save_all=True, append_images=images[1:], transparency=1)
    colours = [frame[4, 4].tolist() for frame in read_frames(tmp_path / "clear.gif")]
    assert colours == [[255, 255, 255], [0, 0, 0], [0, 255, 0]]


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "one.mp4", 1, options=H264))
    assert (info.frames, info.fps, numbers_of(read_frames(info))) == (1, 24, [0])


@pytest.mark.parametrize(
    "name", ["a b.mp4", "100%d %s.mp4", "-dash.mp4", "naïve 絵.mp4", "file:x'y\".mp4", "a:b.mp4"]
)
def test_odd_names_are_names(clip: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_bytes(clip.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert numbers_of(read_frames(name, indices=[1, 2])) == [1, 2]


def test_the_properties_of_a_video_are_known(clip: Path, folder: Path) -> None:
    flash = probe(make_flash(folder / "flash.mp4", seconds=1.0, at=0.5))
    silent = probe(clip)
    assert (flash.has_audio, flash.has_alpha, flash.fps) == (True, False, 24)
    assert (silent.has_audio, silent.path) == (False, clip)


def test_the_cover_of_a_sound_file_is_not_a_video(tmp_path: Path) -> None:
    sources = ["-f", "lavfi", "-i", "sine=d=1", "-f", "lavfi", "-i", "color=s=32x32:d=0.04"]
    cover = ["-map", "0", "-map", "1", "-c:v", "png", "-frames:v", "1", "-disposition:v", "attached_pic"]
    ffmpeg(*sources, *cover, str(tmp_path / "song.mp3"))
    with pytest.raises(InvalidInput, match="has audio but no frames"):
        probe(tmp_path / "song.mp3")


@pytest.fixture
def refused(tmp_path: Path, clip: Path) -> dict[str, Path]:
    files = {
        name: tmp_path / f"{name}.mp4" for name in ("missing", "empty", "text", "noise", "head", "sound")
    }
    files["empty"].touch()
    files["text"].write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n" * 20)
    files["noise"].write_bytes(np.random.default_rng(0).bytes(100_000))
    files["head"].write_bytes(clip.read_bytes()[:200])
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", str(files["sound"]))
    return {**files, "folder": tmp_path}


def test_frames_larger_than_a_pipe_are_the_same_where_pipes_cannot_be_polled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.mkv"
    pattern = "testsrc2=s=700x602:r=4:d=1,noise=alls=20:allf=t"
    ffmpeg("-f", "lavfi", "-i", pattern, "-c:v", "ffv1", "-pix_fmt", "gbrp", str(path))
    polled = list(read_frames(path))
    monkeypatch.setattr("animatex_core.video.ffmpeg.CAN_POLL", False)
    np.testing.assert_array_equal(list(read_frames(path)), polled)
    assert len(polled) == 4
    capture = cv2.VideoCapture(str(path))
    for frame in polled:
        np.testing.assert_array_equal(capture.read()[1][..., ::-1], frame)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("missing", "does not exist"),
        ("empty", "is empty"),
        ("text", "not a readable video|no frames"),
        ("noise", "not a readable video"),
        ("head", "not a readable video"),
        ("sound", "audio but no frames"),
        ("folder", "a directory"),
    ],
)
def test_other_files_are_refused_in_one_sentence(refused: dict[str, Path], kind: str, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected) as caught:
        read_frames(refused[kind])
    assert str(refused[kind]) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_video_without_a_frame_is_refused(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc=d=1", "-frames:v", "0", "-c:v", "ffv1", str(tmp_path / "none.mkv"))
    with pytest.raises(InvalidInput, match=r"none\.mkv"):
        read_frames(tmp_path / "none.mkv")


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_cut_off_video_gives_what_can_be_decoded(tmp_path: Path, suffix: str) -> None:
    options = (*H264, "-g", "5", *(("-movflags", "+faststart") if suffix == "mp4" else ()))
    whole = make_clip(tmp_path / f"whole.{suffix}", 48, options=options).read_bytes()
    path = tmp_path / f"part.{suffix}"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.warns(AnimateXWarning, match="only [0-9]+ of 4[89] frames") as warned:
        numbers = numbers_of(read_frames(path))
    assert numbers[:5] == list(range(5))
    assert numbers == sorted(numbers)
    assert 8 < len(numbers) == count_frames(probe(path)) < 48
    assert f"only {len(numbers)} of" in str(warned[0].message)


def test_frames_that_do_not_decode_are_reported_when_none_is_left(clip: Path) -> None:
    info = probe(clip)
    gone = VideoInfo(**{**vars(info), "path": clip.with_name("gone.mp4")})
    with pytest.raises(InvalidInput, match="No frame of the video"):
        next(read_frames(gone))


def test_closing_early_ends_ffmpeg(clip: Path) -> None:
    before, threads = len(children()), threading.active_count()
    frames = read_frames(clip)
    next(frames)
    assert len(children()) == before + 1
    frames.close()
    assert (len(children()), threading.active_count()) == (before, threads)


def test_a_forgotten_iterator_ends_ffmpeg(clip: Path) -> None:
    frames = read_frames(clip)
    next(frames)
    del frames
    gc.collect()
    assert not children()


def test_an_interrupt_while_reading_ends_ffmpeg(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = read_frames(clip)
    next(frames)
    monkeypatch.setattr(FFmpegStream, "read_into", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        next(frames)
    assert not children()


def test_progress_counts_the_frames_decoded(clip: Path) -> None:
    seen: list[tuple[int, int]] = []
    read = read_frames(clip, indices=[1, 3], progress=lambda *counts: seen.append(counts))
    assert numbers_of(read) == [1, 3]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_progress_can_end_the_reading_of_skipped_frames(clip: Path) -> None:
    def stop(done: int, _: int) -> None:
        if done == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        next(read_frames(clip, indices=[4], progress=stop))
    assert not children()


def _interrupt(*_: object) -> bool:
    raise KeyboardInterrupt


def test_frames_are_the_callers_own(clip: Path) -> None:
    frames = list(itertools.islice(read_frames(clip), 3))
    frames[0][:] = 0
    assert number_of(frames[1]) == 1
    assert frames[1].flags.writeable
