"""Non-square pixels, changing sizes, rotation and interlacing."""

import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning
from animatex_core.video.ffmpeg import each_frame_once, executable
from animatex_core.video.info import count_frames, probe
from animatex_core.video.reader import read_frames
from tests.video.charts import H264, chart, worst_error
from tests.video.samples import ffmpeg, make_clip, numbers_of

DISC, GREY = (255, 255, 255), 90
FFV1 = ("-c:v", "ffv1")


def write_disc(path: Path, size: tuple[int, int], aspect: str, options: tuple[str, ...] = H264) -> Path:
    """Write a round disc as stored in pixels of an aspect ratio, "" where the file says nothing."""
    width, height = size
    across, _, down = (aspect or "1/1").partition("/")
    x, y = np.meshgrid((np.arange(width) + 0.5) * int(across) / int(down or 1), np.arange(height) + 0.5)
    centre, radius = x.mean(), height * 0.3
    inside = np.hypot(x - centre, y - height / 2) < radius
    frame = np.where(inside[..., None], DISC, GREY).astype(np.uint8)
    marks = ("-vf", f"setsar={aspect or '0/1'}")
    layout = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-framerate", "25", "-i", "-"]
    ffmpeg(*layout, *marks, "-pix_fmt", "yuv420p", *options, str(path), given=frame.tobytes() * 3)
    return path


def disc_of(frame: np.ndarray) -> tuple[int, int]:
    """Return width and height of the disc in a frame."""
    rows, columns = np.where(frame[..., 1] > 170)
    return int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


SHAPES = {
    "anamorphic": ((320, 360), "2/1", (640, 360)),
    "hdv": ((1440, 1080), "4/3", (1920, 1080)),
    "pal_wide": ((720, 576), "64/45", (1024, 576)),
    "pal": ((720, 576), "16/15", (768, 576)),
    "ntsc": ((720, 480), "8/9", (640, 480)),
    "tall_pixels": ((640, 240), "1/2", (320, 240)),
    "unknown": ((320, 240), "", (320, 240)),
    "square": ((320, 240), "1/1", (320, 240)),
}


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("name", SHAPES)
def test_pixels_of_any_shape_come_in_square(tmp_path: Path, name: str, suffix: str) -> None:
    stored, aspect, shown = SHAPES[name]
    info = probe(write_disc(tmp_path / f"disc.{suffix}", stored, aspect))
    frames = list(read_frames(info))
    assert (info.width, info.height, info.stored_size) == (*shown, stored)
    assert [frame.shape for frame in frames] == [(shown[1], shown[0], 3)] * 3
    width, height = disc_of(frames[1])
    assert abs(width - height) <= 2


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_pixels_of_a_turned_video_come_in_square(tmp_path: Path, degrees: int) -> None:
    flat = write_disc(tmp_path / "flat.mp4", (320, 360), "2/1")
    ffmpeg("-display_rotation", str(degrees), "-i", str(flat), "-c", "copy", str(tmp_path / "turned.mp4"))
    info = probe(tmp_path / "turned.mp4")
    frame = next(read_frames(info))
    # Rows stay: those of a video on its side are stored as columns, so its width is halved.
    assert (info.width, info.height) == ((640, 360) if degrees == 180 else (180, 320))
    width, height = disc_of(frame)
    assert abs(width - height) <= 2


@pytest.mark.parametrize(
    ("option", "turned"),
    [
        (("-display_hflip",), lambda frame: frame[:, ::-1]),
        (("-display_vflip",), lambda frame: frame[::-1]),
        (("-display_rotation", "90", "-display_hflip"), None),
    ],
)
def test_flips_of_a_video_are_applied(tmp_path: Path, option: tuple[str, ...], turned: object) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 3, options=("-pix_fmt", "yuv420p"))
    path = tmp_path / "flipped.mp4"
    ffmpeg(*option, "-i", str(clip), "-c", "copy", str(path))
    frame = next(read_frames(path)).astype(int)
    if turned is None:
        assert frame.shape == (64, 48, 3)
        return
    assert np.abs(frame - turned(next(read_frames(clip)).astype(int))).mean() < 2  # type: ignore[operator]


@pytest.mark.parametrize("aspect", ["1/100", "100/1"])
def test_pixels_of_no_possible_shape_are_taken_for_square(tmp_path: Path, aspect: str) -> None:
    path = tmp_path / "odd.mkv"
    source = make_clip(tmp_path / "clip.mkv", 2, options=FFV1)
    ffmpeg("-i", str(source), "-vf", f"setsar={aspect}", *FFV1, str(path))
    assert [frame.shape for frame in read_frames(path)] == [(48, 64, 3)] * 2


def test_a_crop_of_the_container_is_applied(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", 3, options=FFV1)
    data = bytearray(clip.read_bytes())
    for name, pixels in ((b"\x54\xcc", 16), (b"\x54\xdd", 0)):  # PixelCropLeft, PixelCropRight
        data = add_to_video_of_matroska(data, name + b"\x81" + bytes([pixels]))
    path = tmp_path / "cropped.mkv"
    path.write_bytes(data)
    shape = next(read_frames(path)).shape
    assert shape == (48, 48, 3) if has_container_crop() else shape == (48, 64, 3)


def has_container_crop() -> bool:
    text = subprocess.run([executable(), "-h", "full"], capture_output=True, check=False).stdout
    return b"-apply_cropping[" in text


def add_to_video_of_matroska(data: bytearray, element: bytes) -> bytearray:
    """Put an element into the settings of the video, in place of the padding that ffmpeg leaves (Void)."""
    place = data.index(b"\xb0\x81\x40\xba\x81\x30")  # PixelWidth 64, PixelHeight 48
    entry = data.rindex(b"\xe0", 0, place)
    track = data.rindex(b"\xae", 0, entry)
    tracks = data.rindex(b"\x16\x54\xae\x6b", 0, track)
    for at in (entry + 1, track + 1, tracks + 4):
        width = 9 - int(data[at]).bit_length() if data[at] else 8
        size = int.from_bytes(data[at : at + width], "big") + len(element)
        data[at : at + width] = size.to_bytes(width, "big")
    data[place:place] = element
    return data


def joined(folder: Path, sizes: list[tuple[int, int]], frames: int = 5) -> Path:
    """Write an MPEG stream whose frames change their size: charts of so many frames each."""
    parts = []
    for number, (width, height) in enumerate(sizes):
        path = folder / f"{number}.h264"
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "128x64", "-framerate", "25", "-i", "-"]
        scaled = f"scale={width}:{height}:out_color_matrix=bt601,setsar=1"
        ffmpeg(
            *raw,
            "-vf",
            scaled,
            "-pix_fmt",
            "yuv420p",
            *H264,
            "-bf",
            "0",
            str(path),
            given=chart().tobytes() * frames,
        )
        parts.append(path.read_bytes())
    (folder / "joined.h264").write_bytes(b"".join(parts))
    return folder / "joined.h264"


def test_frames_of_another_size_are_fitted_into_the_first(tmp_path: Path) -> None:
    path = joined(tmp_path, [(256, 128), (128, 64), (320, 160), (256, 128)])
    with pytest.warns(
        AnimateXWarning, match="change their size: all are fitted into the 256x128 pixels"
    ) as caught:
        frames = list(read_frames(path))
    assert sum("change their size" in str(each.message) for each in caught) == 1
    assert {frame.shape for frame in frames} == {(128, 256, 3)}
    assert len(frames) == 20
    assert max(map(worst_error, frames[2::5])) < 8


def test_bars_are_put_where_the_shape_changes(tmp_path: Path) -> None:
    path = joined(tmp_path, [(128, 64), (64, 64)])
    with pytest.warns(AnimateXWarning, match="change their size"):
        frames = list(read_frames(path))
    assert frames[7].shape == (64, 128, 3)
    assert frames[7][:, :31].max() < 5
    assert frames[7][:, 97:].max() < 5
    assert worst_error(frames[7][:, 32:96]) < 8


def test_chosen_frames_before_a_change_of_size_warn_of_nothing(tmp_path: Path) -> None:
    path = joined(tmp_path, [(128, 64), (64, 64)], frames=100)  # as ffmpeg decodes ahead of what is read
    info = probe(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", AnimateXWarning)
        assert len(list(read_frames(info, indices=[0, 1]))) == 2


def moving(number: int, width: int = 320, height: int = 240) -> np.ndarray:
    """Return a field's moment of a bar that moves 6 pixels a field."""
    frame = np.full((height, width, 3), 128, np.uint8)
    frame[:, 40 + 6 * number : 80 + 6 * number] = 235
    return frame


def write_interlaced(
    path: Path, options: tuple[str, ...], *, top_first: bool = True, count: int = 12
) -> Path:
    frames = []
    for number in range(count):
        first, second = moving(2 * number), moving(2 * number + 1)
        frame = (first if top_first else second).copy()
        frame[1::2] = (second if top_first else first)[1::2]
        frames.append(frame.tobytes())
    layout = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "320x240", "-framerate", "25", "-i", "-"]
    field = f"setfield={'tff' if top_first else 'bff'}"
    chain = f"scale=out_color_matrix=bt601,format=yuv444p,{field}"
    ffmpeg(*layout, "-vf", chain, *options, str(path), given=b"".join(frames))
    return path


def combing(frame: np.ndarray) -> float:
    """Return how much more neighbouring rows differ than rows two apart."""
    grey = frame[20:-20].astype(float).mean(-1)
    return float(np.abs(np.diff(grey, axis=0)).mean())


INTERLACED = {
    "h264.mp4": (("-pix_fmt", "yuv422p", *H264, "-x264-params", "tff=1"), True),
    "h264_bottom.mkv": (("-pix_fmt", "yuv422p", *H264, "-x264-params", "bff=1"), False),
    "mpeg2.ts": (("-pix_fmt", "yuv422p", "-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme"), True),
    "prores.mov": (("-pix_fmt", "yuv422p10le", "-c:v", "prores_ks", "-flags", "+ildct"), True),
    "by_the_container.mkv": (("-pix_fmt", "yuv422p", "-c:v", "ffv1", "-field_order", "tt"), True),
}


@pytest.mark.parametrize("name", INTERLACED)
def test_interlaced_video_is_deinterlaced_with_one_warning(tmp_path: Path, name: str) -> None:
    options, top_first = INTERLACED[name]
    path = write_interlaced(tmp_path / name, options, top_first=top_first)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        info = probe(path)
        frames = list(read_frames(info))
    assert sum("is interlaced" in str(each.message) for each in caught) == 1
    assert (info.geometry.parity, len(frames), count_frames(info)) == ("tff" if top_first else "bff", 12, 12)
    assert max(map(combing, frames[1:-1])) < 1.5
    edges = [np.flatnonzero(frame[120, :, 1] > 190)[0] for frame in frames]
    assert np.abs(np.diff(edges) - 12).max() <= 3  # never back and forth, as with the fields swapped


def test_progressive_video_is_not_deinterlaced(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "clip.mp4", 3, options=("-pix_fmt", "yuv420p")))
    assert (info.geometry.parity, info.conversion) == (None, ())


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_an_interlaced_video_is_turned_after_deinterlacing(tmp_path: Path, degrees: int) -> None:
    options, _ = INTERLACED["h264.mp4"]
    flat = write_interlaced(tmp_path / "flat.mp4", options)
    ffmpeg("-display_rotation", str(degrees), "-i", str(flat), "-c", "copy", str(tmp_path / "up.mp4"))
    with pytest.warns(AnimateXWarning, match="is interlaced"):
        whole, turned = list(read_frames(flat)), list(read_frames(tmp_path / "up.mp4"))
    assert len(turned) == 12
    back = np.rot90(turned[6], -degrees // 90).astype(int)
    assert np.abs(back - whole[6]).mean() < 1


def test_an_interlaced_video_of_changing_rate_keeps_its_time(tmp_path: Path) -> None:
    options, _ = INTERLACED["h264.mp4"]
    flat = write_interlaced(tmp_path / "flat.mp4", options, count=24)
    path = tmp_path / "uneven.mkv"
    kept = "setfield=tff,select='not(between(n,8,15))+not(mod(n,4))'"
    ffmpeg("-i", str(flat), "-vf", kept, *each_frame_once(), *options, str(path))
    with pytest.warns(AnimateXWarning, match="is interlaced"):
        info = probe(path)
    assert (info.variable, info.frames, len(list(read_frames(info)))) == (True, 24, 24)


def test_a_video_of_changing_rate_and_pixels_keeps_both(tmp_path: Path) -> None:
    kept = "select='not(between(n,24,47))+not(mod(n,6))',setsar=2/1"
    path = make_clip(
        tmp_path / "uneven.mkv", 72, options=("-vf", kept, *each_frame_once(), "-pix_fmt", "yuv420p")
    )
    info = probe(path)
    frames = list(read_frames(info))
    assert (info.width, info.height, info.variable, len(frames)) == (128, 48, True, 72)
    assert numbers_of(frames)[:24] == list(range(24))
