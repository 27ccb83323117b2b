"""Files are read by content, only from formats that contain video or audio themselves, within limits."""

import re
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from animatex_core.errors import InvalidInput
from animatex_core.video.audio import AudioSource, probe_audio
from animatex_core.video.containers import MAX_SAMPLE_RATE, input_args
from animatex_core.video.ffmpeg import run
from animatex_core.video.info import probe
from animatex_core.video.process import Guard
from animatex_core.video.reader import read_frames
from tests.video.samples import ffmpeg, make_clip, numbers_of

H264 = ("-pix_fmt", "yuv420p")
MPD = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S" '
    'minBufferTime="PT1S" profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period>'
    '<AdaptationSet mimeType="video/mp4" contentType="video"><Representation id="1" bandwidth="1000">'
    '<BaseURL>file://{0}</BaseURL><SegmentList duration="2"><SegmentURL media="file://{0}"/></SegmentList>'
    "</Representation></AdaptationSet></Period></MPD>"
)
HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n{0}\n"
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
LISTS = {
    "dash": ('<?xml version="1.0"?>' + MPD, "DASH manifest"),
    "dash without a head": ("\n " + MPD, "DASH manifest"),
    "endless hls": (HLS, "playlist"),
    "hls": (HLS + "#EXT-X-ENDLIST\n", "playlist"),
    "concat": ("ffconcat version 1.0\nfile '{0}'\n", "concat script"),
    "pls": ("[playlist]\nFile1={0}\nNumberOfEntries=1\n", "playlist"),
    "asx": ('<asx version="3.0"><entry><ref href="{0}"/></entry></asx>', "playlist"),
    "sdp": (SDP, "network stream"),
    "ffmetadata": (";FFMETADATA1\ntitle=x\n", "metadata"),
    "subtitles": ("1\n00:00:00,000 --> 00:00:01,000\nhello\n" * 9, "not a readable video"),
}
SUFFIXES = ("mp4", "m3u8", "mpd", "mkv", "ts", "wav")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("secret") / "clip.mp4", 10, options=H264)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", LISTS)
def test_a_list_of_other_files_is_refused_under_every_name(
    tmp_path: Path, clip: Path, kind: str, suffix: str
) -> None:
    text, message = LISTS[kind]
    path = tmp_path / f"list.{suffix}"
    path.write_text(text.format(clip))
    for read in (probe, lambda path: probe_audio(AudioSource(path))):
        with pytest.raises(InvalidInput, match=message) as caught:
            read(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["dash", "endless hls", "concat", "sdp", "ffmetadata"])
def test_ffmpeg_itself_would_not_open_them(tmp_path: Path, clip: Path, kind: str) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text(LISTS[kind][0].format(clip))
    done = run(["-nostdin", *input_args(path), "-f", "null", "-"], Guard(path))
    assert done.status
    assert "Input #0" not in done.log
    assert "not on whitelist" in done.log


def test_other_tracks_of_a_quicktime_file_are_not_followed(tmp_path: Path, clip: Path) -> None:
    """The data of its only track are declared to lie in another file."""
    made = make_clip(tmp_path / "refers.mov", 10, options=H264).read_bytes()
    inside = struct.pack(">I4sI", 12, b"url ", 1)
    assert inside in made
    path = tmp_path / "refers.mov"
    path.write_bytes(made.replace(inside, struct.pack(">I4sI", 12, b"alis", 0)))
    log = run(["-nostdin", "-v", "debug", *input_args(path), "-f", "null", "-"], Guard(path)).log
    opened = re.findall(r"Opening '([^']+)' for reading", log)
    assert set(opened) <= {f"file:{path}"}


@pytest.mark.parametrize(
    "name", ["clip_%04d.mp4", "concat:a|b.mp4", "http:", "pipe:0", "-i.mp4", "a?b#c.mp4"]
)
def test_names_that_look_like_protocols_or_patterns_are_names(
    tmp_path: Path, clip: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(clip.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert numbers_of(read_frames(name, indices=[1, 2])) == [1, 2]
    assert probe_audio(AudioSource(name)) is None


@pytest.mark.parametrize("name", ["http://127.0.0.1:9/a.mp4", "concat:a.mp4|b.mp4", "rtsp://127.0.0.1/a"])
def test_urls_are_not_files(name: str) -> None:
    with pytest.raises(InvalidInput, match="does not exist"):
        probe(name)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("mp4", H264),
        ("mov", H264),
        ("mkv", H264),
        ("webm", ("-c:v", "libvpx")),
        ("avi", ()),
        ("ts", H264),
        ("mpg", ()),
        ("flv", ()),
        ("wmv", ()),
        ("ogv", ("-c:v", "libtheora")),
        ("gif", ()),
        ("apng", ()),
        ("mxf", ()),
        ("nut", ()),
        ("h264", H264),
        ("y4m", H264),
        ("mjpeg", ()),
    ],
)
def test_videos_are_read_by_content_under_any_name(
    tmp_path: Path, suffix: str, options: tuple[str, ...]
) -> None:
    made = make_clip(tmp_path / f"clip.{suffix}", 12, "25", options)
    for name in ("clip", "clip.m3u8", "clip.dat"):
        renamed = made.rename(tmp_path / name)
        assert sum(1 for _ in read_frames(renamed)) == 12
        made = renamed


@pytest.mark.parametrize(
    "suffix", ["wav", "mp3", "flac", "aac", "m4a", "ogg", "opus", "ac3", "aiff", "wma", "caf"]
)
def test_sound_files_are_read(tmp_path: Path, suffix: str) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=1:r=48000", "-vn", str(tmp_path / f"sound.{suffix}"))
    assert probe_audio(AudioSource(tmp_path / f"sound.{suffix}")) is not None


def _large_gif(path: Path) -> None:
    frame = b"\x2c" + struct.pack("<4HB", 0, 0, 65535, 65535, 0) + b"\x02\x02\x44\x01\x00"
    screen = struct.pack("<2H3B", 65535, 65535, 0x80, 0, 0) + bytes(6)
    path.write_bytes(b"GIF89a" + screen + frame + b";")


def _large_y4m(path: Path) -> None:
    path.write_bytes(b"YUV4MPEG2 W100000 H100000 F25:1 Ip A1:1 C420\nFRAME\n" + bytes(9000))


def _large_avi(path: Path) -> None:
    made = make_clip(path, 3, options=("-c:v", "ffv1", "-f", "avi")).read_bytes()
    size = made.index(b"strf") + 12
    assert struct.unpack("<ii", made[size : size + 8]) == (64, 48)
    path.write_bytes(made[:size] + struct.pack("<ii", 100_000, 100_000) + made[size + 8 :])


@pytest.mark.parametrize("make", [_large_gif, _large_y4m, _large_avi])
def test_frames_larger_than_any_video_are_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "large.mp4")
    with pytest.raises(InvalidInput, match=r"large\.mp4") as caught:
        probe(tmp_path / "large.mp4")
    assert "\n" not in str(caught.value)


def test_a_size_that_ffmpeg_could_still_decode_is_refused_by_number(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=s=16000x8000", "-frames:v", "1", str(tmp_path / "large.png"))
    with pytest.raises(InvalidInput, match="more than 67,108,864 pixels"):
        probe(tmp_path / "large.png")


def test_a_file_of_very_many_streams_is_refused(tmp_path: Path) -> None:
    short = make_clip(tmp_path / "one.mkv", 1, options=("-c:v", "ffv1"))
    ffmpeg("-i", str(short), *["-map", "0"] * 300, "-c", "copy", str(tmp_path / "many.mkv"))
    with pytest.raises(InvalidInput, match="255"):
        probe(tmp_path / "many.mkv")


def test_absurd_sample_rates_are_refused(tmp_path: Path, clip: Path) -> None:
    wav, path = tmp_path / "sound.wav", tmp_path / "sound.mkv"
    with wave.open(str(wav), "wb") as file:
        file.setparams((1, 2, MAX_SAMPLE_RATE + 1, 0, "NONE", ""))
        file.writeframes(bytes(9000))
    with pytest.raises(InvalidInput, match="768001 samples per second"):
        probe_audio(AudioSource(wav))
    ffmpeg("-i", str(clip), "-i", str(wav), "-c", "copy", str(path))
    with pytest.raises(InvalidInput, match="768001 samples per second"):
        probe(path)
