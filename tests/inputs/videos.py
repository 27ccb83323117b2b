"""Videos of every container, codec and kind of pixels."""

from pathlib import Path

import numpy as np

from animatex_core.errors import AnimateXError
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from tests.inputs.common import LEFT, RIGHT, SIDE, Read, picture, refused
from tests.video.samples import ffmpeg

FRAMES, BLOCK = 8, 8
HEVC = "-c:v libx265 -x265-params log-level=none"


def write_video(path: Path, *options: str) -> Path:
    """Write the picture with a white block that goes to the right along its upper edge."""
    frames = np.stack([np.asarray(picture())] * FRAMES)
    for index, frame in enumerate(frames):
        frame[:BLOCK, index * BLOCK : (index + 1) * BLOCK] = 255
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIDE}x{SIDE}", "-framerate", "24", "-i", "-")
    ffmpeg(*raw, *options, str(path), given=frames.tobytes())
    return path


def assert_video(path: Path, frames: int = FRAMES, grey: bool = False) -> None:
    found = [frame[:: frame.shape[0] // SIDE, :: frame.shape[0] // SIDE] for frame in read_frames(path)]
    assert len(found) == frames
    for colour, column in ((LEFT, SIDE // 4), (RIGHT, 3 * SIDE // 4)):
        expected = [np.dot(colour, (0.299, 0.587, 0.114))] * 3 if grey else colour
        middle = found[-1][SIDE // 4 : -SIDE // 4, column - 4 : column + 4]
        np.testing.assert_allclose(middle.mean((0, 1)), expected, atol=14)
    if frames > 1:
        blocks = [
            frame[BLOCK // 2].mean(-1).reshape(SIDE // BLOCK, BLOCK).mean(1).argmax() for frame in found
        ]
        assert blocks == list(range(FRAMES))


def videos(*files: tuple[str, str]) -> Read:
    """Return what reads videos, each given by a name and ffmpeg's options."""

    def read(folder: Path) -> None:
        for name, options in files:
            assert_video(write_video(folder / name, *options.split()), grey="gray" in options)

    return read


def images_as_videos(folder: Path) -> None:
    for suffix in (".png", ".jpg", ".webp"):
        picture().save(folder / f"a{suffix}", quality=95)
        assert_video(folder / f"a{suffix}", frames=1)


def numbered_images(folder: Path) -> None:
    write_video(folder / "%04d.png")
    for path in (folder, folder / "%04d.png", folder / "*.png"):
        assert_video(path)


def contents(*files: bytes) -> Read:
    """Return what reads files of any content as videos; one that is taken is an error of the test."""

    def read(folder: Path) -> None:
        for index, content in enumerate(files):
            path = folder / f"{index}.mp4"
            path.write_bytes(content)
            refused(probe, path)
        raise AnimateXError("All were refused.")

    return read


def sound(folder: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", str(folder / "a.wav"))
    probe(folder / "a.wav")


VIDEOS: dict[str, Read] = {
    "MP4, M4V": videos(("a.mp4", "-pix_fmt yuv420p"), ("a.m4v", "-c:v libx264 -pix_fmt yuv420p -f mp4")),
    "QuickTime (MOV)": videos(("a.mov", "-pix_fmt yuv420p")),
    "3GP": videos(("a.3gp", "-c:v mpeg4 -q:v 2")),
    "Matroska (MKV), WebM": videos(("a.mkv", "-pix_fmt yuv420p"), ("a.webm", "-c:v libvpx -b:v 1M")),
    "AVI": videos(("a.avi", "-c:v mpeg4 -q:v 2")),
    "MPEG program stream (MPG, VOB)": videos(
        ("a.mpg", "-c:v mpeg2video -q:v 2"), ("a.vob", "-c:v mpeg2video -q:v 2")
    ),
    "MPEG transport stream (TS, MTS, M2TS)": videos(
        ("a.ts", "-pix_fmt yuv420p"), ("a.mts", "-pix_fmt yuv420p -f mpegts")
    ),
    "Flash (FLV)": videos(("a.flv", "-c:v flv -q:v 2")),
    "Windows Media (WMV, ASF)": videos(("a.wmv", "-c:v wmv2 -q:v 2")),
    "Ogg (OGV)": videos(("a.ogv", "-c:v libtheora -q:v 10")),
    "MXF, NUT, IVF, YUV4MPEG": videos(
        ("a.mxf", "-c:v mpeg2video -q:v 2"),
        ("a.nut", "-c:v ffv1"),
        ("a.ivf", "-c:v libvpx -b:v 1M"),
        ("a.y4m", "-pix_fmt yuv420p"),
    ),
    "GIF, APNG, animated WebP": videos(
        ("a.gif", ""), ("a.apng", ""), ("a.webp", "-c:v libwebp_anim -quality 95")
    ),
    "H.264 and HEVC without a container": videos(
        ("a.h264", "-pix_fmt yuv420p"),
        ("a.hevc", "-c:v libx265 -x265-params log-level=none -pix_fmt yuv420p"),
    ),
    "a single PNG, JPEG or WebP image": images_as_videos,
    "a folder or pattern of numbered images": numbered_images,
    "HLS, DASH and other playlists": contents(
        b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", b"<MPD></MPD>", b"ffconcat version 1.0\nfile '/etc/passwd'\n"
    ),
    "audio without video": sound,
    "text, an archive, anything else": contents(b"text", b"PK\x03\x04" + bytes(60), bytes(5000), b""),
    "H.264, HEVC, AV1, VP8, VP9, MPEG-1, MPEG-2, MPEG-4, H.263": videos(
        ("h264.mkv", "-c:v libx264 -pix_fmt yuv420p"),
        ("hevc.mkv", f"{HEVC} -pix_fmt yuv420p"),
        ("av1.mkv", "-c:v libaom-av1 -cpu-used 8 -crf 20 -pix_fmt yuv420p"),
        ("vp8.mkv", "-c:v libvpx -b:v 1M"),
        ("vp9.mkv", "-c:v libvpx-vp9 -crf 10 -b:v 0 -deadline realtime -pix_fmt yuv420p"),
        ("mpeg1.mkv", "-c:v mpeg1video -q:v 2"),
        ("mpeg2.mkv", "-c:v mpeg2video -q:v 2"),
        ("mpeg4.mkv", "-c:v mpeg4 -q:v 2"),
        ("h263.mkv", "-c:v h263p -q:v 2"),
    ),
    "ProRes, DNxHD, CineForm, Motion JPEG, JPEG 2000, FFV1, HuffYUV, Ut Video, QuickTime Animation": videos(
        ("prores.mov", "-c:v prores_ks"),
        ("dnx.mov", "-c:v dnxhd -profile:v dnxhr_hq -pix_fmt yuv422p -vf scale=256:256:flags=neighbor"),
        ("cineform.mov", "-c:v cfhd"),
        ("mjpeg.avi", "-c:v mjpeg -q:v 2"),
        ("jpeg2000.mkv", "-c:v jpeg2000"),
        ("ffv1.mkv", "-c:v ffv1"),
        ("huffyuv.avi", "-c:v huffyuv"),
        ("utvideo.avi", "-c:v utvideo"),
        ("animation.mov", "-c:v qtrle"),
    ),
    "WMV, Theora, Cinepak, Sorenson, uncompressed": videos(
        ("wmv1.wmv", "-c:v wmv1 -q:v 2"),
        ("theora.mkv", "-c:v libtheora -q:v 10"),
        ("cinepak.avi", "-c:v cinepak"),
        ("sorenson.mov", "-c:v svq1 -q:v 2"),
        ("raw.avi", "-c:v rawvideo -pix_fmt bgr24"),
    ),
    "4:2:0, 4:2:2, 4:4:4 of 8, 10 or 12 bits": videos(
        *(
            (f"{pixels}.mkv", f"-c:v ffv1 -pix_fmt {pixels}")
            for pixels in (
                *("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"),
                *("yuv420p12le", "yuv422p12le", "yuv444p12le"),
            )
        )
    ),
    "grey, RGB, palettes": videos(
        ("grey.mkv", "-c:v ffv1 -pix_fmt gray"),
        ("deep_grey.mkv", "-c:v ffv1 -pix_fmt gray10le"),
        ("rgb.mkv", "-c:v libx264rgb -qp 0"),
        ("palette.mov", "-c:v qtrle -pix_fmt rgb24"),
        ("palette.gif", ""),
    ),
    "with alpha": videos(
        ("alpha.mkv", "-c:v ffv1 -pix_fmt yuva420p"),
        ("alpha.mov", "-c:v qtrle -pix_fmt argb"),
        ("alpha.webm", "-c:v libvpx-vp9 -crf 10 -b:v 0 -deadline realtime -pix_fmt yuva420p"),
    ),
}
