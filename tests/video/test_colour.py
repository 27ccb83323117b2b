"""Colours of videos in sRGB."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning
from animatex_core.video import filters
from animatex_core.video.colour import HLG, PQ, SRGB
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from animatex_core.video.stream_colour import colour_problem
from animatex_core.video.writer import write_clip
from tests.video.charts import (
    H264,
    HEVC,
    LOSSLESS,
    TOLERANCE,
    chart,
    encoded_by,
    linear_in,
    worst_error,
    write_encoded,
)
from tests.video.samples import ffmpeg

PRORES = ("-c:v", "prores_ks", "-profile:v", "3")
BT2020 = ("bt2020", "bt2020-10", "bt2020nc")
PQ_TAGS, HLG_TAGS = ("bt2020", PQ, "bt2020nc"), ("bt2020", HLG, "bt2020nc")
DEEP: dict[str, Any] = {"pixels": "yuv420p10le", "codec": HEVC}
# By the name of the file: curve, primaries, matrix, tags, and options of `write_encoded`.
WIDE: dict[str, tuple[Any, str, str, Any, dict[str, Any]]] = {
    "hlg.mov": (HLG, "bt2020", "2020", HLG_TAGS, DEEP),
    "hlg_422.mov": (HLG, "bt2020", "2020", HLG_TAGS, {"pixels": "yuv422p10le", "codec": PRORES}),
    "hlg_8_bits.mkv": (HLG, "bt2020", "2020", HLG_TAGS, {"codec": LOSSLESS}),
    "pq.mkv": (PQ, "bt2020", "2020", PQ_TAGS, DEEP),
    "pq.mp4": (PQ, "bt2020", "2020", PQ_TAGS, DEEP),
    "pq_full_444.mkv": (
        PQ,
        "bt2020",
        "2020",
        PQ_TAGS,
        {"pixels": "yuv444p10le", "span": "pc", "codec": HEVC},
    ),
    "pq_in_p3.mkv": (PQ, "smpte432", "709", ("smpte432", PQ, "bt709"), DEEP),
    "pq_only_its_curve.mkv": (PQ, "bt2020", "2020", ("unknown", PQ, "unknown"), DEEP),
    "sdr_2020.mp4": (2.2, "bt2020", "2020", BT2020, DEEP),
    "sdr_2020_of_709_curve.mkv": (2.2, "bt2020", "2020", ("bt2020", "bt709", "bt2020nc"), DEEP),
    "p3.mov": (SRGB, "smpte432", "709", ("smpte432", "bt709", "bt709"), {}),
    "p3_full.mkv": (SRGB, "smpte432", "709", ("smpte432", SRGB, "bt709"), {"span": "pc"}),
    "dci.mkv": (SRGB, "smpte431", "709", ("smpte431", SRGB, "bt709"), DEEP),
    "linear.mkv": (1.0, "bt709", "709", ("bt709", "linear", "bt709"), {**DEEP, "codec": LOSSLESS}),
}
PLAIN: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "tagged_709.mp4": ("709", ("bt709",) * 3, {}),
    "full_709.mp4": ("709", ("bt709",) * 3, {"span": "pc"}),
    "full_by_format.mkv": ("709", ("bt709",) * 3, {"span": "pc", "pixels": "yuvj420p"}),
    "ntsc_full.mp4": ("601", ("smpte170m",) * 3, {"span": "pc"}),
    "ntsc.mkv": ("601", ("smpte170m",) * 3, {}),
    "pal.mkv": ("601", ("bt470bg",) * 3, {"pixels": "yuv422p"}),
    "pal_10_bits.mp4": ("601", ("bt470bg",) * 3, {"pixels": "yuv420p10le"}),
    "smpte240.mkv": ("240", ("smpte240m",) * 3, {}),
    "untagged.mp4": ("601", None, {}),
    "untagged_444.mkv": ("601", None, {"pixels": "yuv444p"}),
    "motion_jpeg.avi": (
        "601",
        None,
        {"span": "pc", "pixels": "yuvj420p", "codec": ("-c:v", "mjpeg", "-q:v", "1")},
    ),
    "ten_bits_422.mov": ("709", ("bt709",) * 3, {"pixels": "yuv422p10le", "codec": PRORES}),
}
RGB = {
    "gbrp.mp4": ("-c:v", "libx264rgb", "-crf", "0"),
    "gbrp.mkv": ("-c:v", "ffv1", "-pix_fmt", "gbrp"),
    "gbrp_10.mkv": ("-c:v", "ffv1", "-pix_fmt", "gbrp10le"),
    "bgr.avi": ("-c:v", "rawvideo", "-pix_fmt", "bgr24"),
    "animation.mov": ("-c:v", "qtrle"),
    "png.mov": ("-c:v", "png"),
}


@pytest.fixture
def no_zscale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read as with an ffmpeg that was built without zscale."""
    monkeypatch.setattr(filters, "available_filters", lambda _: frozenset({"scale"}))


def write_wide(folder: Path, name: str) -> Path:
    curve, primaries, luma, tags, options = WIDE[name]
    return write_encoded(folder / name, encoded_by(curve, linear_in(primaries)), luma, tags, **options)


@pytest.mark.parametrize("name", WIDE)
def test_hdr_and_wide_colours_arrive_as_srgb(tmp_path: Path, name: str) -> None:
    frames = list(read_frames(write_wide(tmp_path, name)))
    assert len(frames) == 3
    assert max(map(worst_error, frames)) <= TOLERANCE


@pytest.mark.usefixtures("no_zscale")
@pytest.mark.parametrize("name", WIDE)
def test_an_ffmpeg_without_zscale_gives_the_same_colours(tmp_path: Path, name: str) -> None:
    assert max(map(worst_error, read_frames(write_wide(tmp_path, name)))) <= TOLERANCE


@pytest.mark.parametrize("name", PLAIN)
def test_the_matrix_and_the_range_of_sdr_are_those_of_its_tags(tmp_path: Path, name: str) -> None:
    luma, tags, options = PLAIN[name]
    path = write_encoded(tmp_path / name, chart() / 255, luma, tags, **options)
    assert max(map(worst_error, read_frames(path))) <= TOLERANCE
    assert probe(path).colour.is_plain


@pytest.mark.parametrize("name", RGB)
def test_codecs_of_rgb_keep_their_colours(tmp_path: Path, name: str) -> None:
    size = f"{chart().shape[1]}x{chart().shape[0]}"
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-i", "-"]
    ffmpeg(*raw, *RGB[name], str(tmp_path / name), given=chart().tobytes())
    assert worst_error(next(read_frames(tmp_path / name))) <= 1


@pytest.mark.parametrize(("size", "luma"), [((1280, 64), "709"), ((256, 720), "709"), ((256, 128), "601")])
def test_untagged_video_is_bt709_from_720_rows_or_1280_columns_on(
    tmp_path: Path, size: tuple[int, int], luma: str
) -> None:
    width, height = size
    encoded = chart().repeat(-(-height // 64), 0)[:: -(-height // 64) * 64 // height or 1][:height] / 255
    rows = np.linspace(0, 63.99, height).astype(int)
    columns = np.linspace(0, 127.99, width).astype(int)
    encoded = chart()[rows[:, None], columns] / 255
    path = write_encoded(tmp_path / "untagged.mkv", encoded, luma, None, codec=LOSSLESS)
    assert worst_error(next(read_frames(path))) <= TOLERANCE


@pytest.mark.parametrize("rotation", [0, 90])
def test_an_upright_phone_video_is_untagged_by_its_stored_rows(tmp_path: Path, rotation: int) -> None:
    rows, columns = np.linspace(0, 63.99, 480).astype(int), np.linspace(0, 127.99, 848).astype(int)
    encoded = chart()[rows[:, None], columns] / 255
    flat = write_encoded(tmp_path / "flat.mp4", encoded, "601", None)
    ffmpeg("-display_rotation", str(rotation), "-i", str(flat), "-c", "copy", str(tmp_path / "up.mp4"))
    frame = next(read_frames(tmp_path / "up.mp4"))
    assert worst_error(np.rot90(frame, -rotation // 90)) <= TOLERANCE


def test_highlights_are_clipped_to_white_and_darkness_stays_dark(tmp_path: Path) -> None:
    steps = np.array([0, 100, 203, 1000, 4000]) / 203
    encoded = encoded_by(PQ, np.repeat(steps[None, :, None], 3, -1)).repeat(32, 0).repeat(32, 1)
    path = write_encoded(tmp_path / "steps.mkv", encoded, "2020", PQ_TAGS, **DEEP)
    found = next(read_frames(path))[16, 16::32].astype(int)
    assert np.abs(found - np.array([0, 183, 255, 255, 255])[:, None]).max() <= TOLERANCE


@pytest.mark.parametrize("has_zscale", [True, False])
def test_hdr_of_odd_sizes_and_of_any_shape_of_pixels_is_read(
    tmp_path: Path, has_zscale: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_zscale:
        monkeypatch.setattr(filters, "available_filters", lambda _: frozenset({"scale"}))
    encoded = encoded_by(PQ, linear_in("bt2020"))[:63, :127]
    path = write_encoded(tmp_path / "odd.mkv", encoded, "2020", PQ_TAGS, codec=LOSSLESS, pixels="yuv420p10le")
    ffmpeg("-i", str(path), "-c", "copy", "-aspect", "254:63", str(tmp_path / "wide.mkv"))
    frames = [next(read_frames(each)) for each in (path, tmp_path / "wide.mkv")]
    assert [frame.shape for frame in frames] == [(63, 127, 3), (63, 254, 3)]
    assert max(map(worst_error, frames)) <= TOLERANCE


def test_hdr_in_a_folder_of_any_name_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = tmp_path / "a'b,c;d[e]:f %d"
    odd.mkdir()
    monkeypatch.setattr("animatex_core.video.reader.gettempdir", lambda: str(odd))
    assert worst_error(next(read_frames(write_wide(tmp_path, "hlg.mov")))) <= TOLERANCE
    assert list(odd.rglob("*.cube")) == []


def test_a_matrix_that_is_not_converted_is_reported(tmp_path: Path) -> None:
    path = write_encoded(tmp_path / "c.mkv", chart() / 255, "709", ("bt709", "bt709", "ycgco"))
    info = probe(path)
    assert info.colour.matrix == "ycgco"
    assert colour_problem(info.colour, "", has_zscale=True) is None
    assert "matrix ycgco" in str(colour_problem(info.colour, "", has_zscale=False))


def test_ycgco_is_read_where_zscale_is_there(tmp_path: Path) -> None:
    rgb = chart() / 255
    red, green, blue = np.moveaxis(rgb, -1, 0)
    planes = [
        (red + 2 * green + blue) / 4 * 876 + 64,
        *(each * 896 + 512 for each in ((2 * green - red - blue) / 4, (red - blue) / 2)),
    ]
    raw = np.clip(np.round(planes), 0, 1023).astype("<u2").tobytes()
    layout = ["-f", "rawvideo", "-pix_fmt", "yuv444p10le", "-s", "128x64", "-i", "-"]
    marks = ["-vf", "setparams=range=tv:colorspace=ycgco"]
    ffmpeg(*layout, *marks, *H264, str(tmp_path / "ycgco.mkv"), given=raw)
    assert worst_error(next(read_frames(tmp_path / "ycgco.mkv"))) <= TOLERANCE


def test_dolby_vision_without_a_base_is_reported(tmp_path: Path) -> None:
    line = "DOVI configuration record: version: 1.0, profile: 5, level: 6, rpu flag: 1"
    colour = probe(write_wide(tmp_path, "p3.mov")).colour
    assert "Dolby Vision profile 5" in str(colour_problem(colour, line, has_zscale=True))
    assert colour_problem(colour, line.replace("profile: 5", "profile: 8"), has_zscale=True) is None


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_what_is_written_is_tagged_and_read_back(tmp_path: Path, suffix: str) -> None:
    path = write_clip(tmp_path / f"out.{suffix}", [chart(2)] * 3, fps=12, quality=10)
    info = probe(path)
    assert info.colour.matrix == "bt709"
    assert (info.colour.is_plain, info.colour.assumed, info.colour.full_range) == (True, False, False)
    assert max(map(worst_error, read_frames(path))) <= 2
    stated = "tv, bt709" if suffix == "mp4" else "bt709"
    log = ffmpeg_log(path)
    assert stated in log
    assert "unknown" not in log


def ffmpeg_log(path: Path) -> str:
    """Return the line that ffmpeg shows of a video."""
    import subprocess

    from animatex_core.video.ffmpeg import executable

    log = subprocess.run([executable(), "-i", str(path)], capture_output=True, check=False).stderr.decode()
    return next(line for line in log.splitlines() if "Video:" in line)


def test_colours_that_need_no_conversion_warn_of_nothing(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    list(read_frames(write_wide(tmp_path, "hlg.mov")))
    assert [each for each in recwarn if issubclass(each.category, AnimateXWarning)] == []
