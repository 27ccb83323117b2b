"""The colours of video frames, from their tags or, without tags, as players assume them."""

import re
from dataclasses import dataclass

from .colour import GAMMA22, HLG, LINEAR, PQ, PRIMARIES, SRGB, Conversion

TAGS = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")
RGB = re.compile(r"(?:0|a|x2)?(?:rgb|bgr)|gbr|abgr|pal8")
UNKNOWN = ("unknown", "unspecified", "reserved", "gbr")
HD = (1280, 720)  # from this width or height on, players assume BT.709 for untagged video
BT2020 = ("bt2020nc", "bt2020c", "ictcp")
WIDE_PRIMARIES = tuple(name for name in PRIMARIES if name != "bt709")
# Matrices that swscale supports; others need zscale.
SWSCALE_MATRICES = ("bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc")
# ITU-T H.273, tables 2 and 3: code points that are not shown like BT.709.
PRIMARIES_CODES = {
    **{1: "bt709", 4: "bt470m", 5: "bt709", 6: "bt709", 7: "bt709", 8: "film", 9: "bt2020", 10: "smpte428"},
    **{11: "smpte431", 12: "smpte432"},
}
TRANSFER_CODES = {4: GAMMA22, 8: LINEAR, 13: SRGB, 16: PQ, 18: HLG}
# Dolby Vision whose image needs its own metadata, which ffmpeg does not apply.
DOLBY_ONLY = re.compile(r"DOVI configuration record:.*profile: 5\b")


@dataclass(frozen=True)
class StreamColour:
    """How the pixels of a video encode colours.

    Attributes:
        matrix: ffmpeg's name of the matrix from YCbCr to RGB; "gbr" if the frames are RGB or grey.
        transfer: The transfer function, as for `colour.Conversion`.
        primaries: A key of `colour.PRIMARIES`.
        full_range: Whether 0 is black, as opposed to limited range.
        assumed: Whether the matrix differs from the one that ffmpeg assumes.

    """

    matrix: str = "smpte170m"
    transfer: str = SRGB
    primaries: str = "bt709"
    full_range: bool = False
    assumed: bool = False

    @property
    def conversion(self) -> Conversion | None:
        """The conversion to sRGB; None if the encoded values are shown as they are."""
        if self.transfer in (PQ, HLG, LINEAR) or self.primaries in WIDE_PRIMARIES:
            return Conversion(self.transfer, self.primaries)
        return None

    @property
    def is_plain(self) -> bool:
        """Whether ffmpeg's own conversion to RGB is correct."""
        return self.conversion is None and self.matrix in (*SWSCALE_MATRICES, "gbr")


def parse_colour(log: str, pixel_format: str, stored: tuple[int, int]) -> StreamColour:
    """Parse the colours of a video from the log of ffmpeg's showinfo about its first frame.

    BT.601 and BT.709 are shown as they are, as players do: their primaries are near those of sRGB. Wider SDR
    uses the transfer function of sRGB, except BT.2020, which is shown with a power of 2.2.

    Args:
        log: The log.
        pixel_format: ffmpeg's name of the format of the frame.
        stored: Its width and height before rotation, which decide about untagged video.

    Returns:
        The colours.

    """
    tags = TAGS.search(log)
    span, matrix, primaries, transfer = tags.groups() if tags else ("unknown",) * 4
    is_hdr = transfer in (PQ, HLG)
    is_2020 = primaries == "bt2020" or (primaries in UNKNOWN and (is_hdr or matrix in BT2020))
    is_rgb = RGB.match(pixel_format) is not None or pixel_format.startswith(("gray", "mono", "xyz"))
    assumed = not is_rgb and matrix in UNKNOWN
    return StreamColour(
        matrix="gbr" if is_rgb else _assumed_matrix(stored, is_2020) if assumed else matrix,
        transfer=_curve(transfer, is_2020),
        primaries="bt2020" if is_2020 else primaries if primaries in WIDE_PRIMARIES else "bt709",
        full_range=span == "pc" or pixel_format.startswith("yuvj") or is_rgb,
        assumed=assumed and (is_2020 or _is_hd(stored)),
    )


def colour_problem(colour: StreamColour, stream: str, *, has_zscale: bool) -> str | None:
    """Return what will be wrong with the colours of a video, to complete a sentence.

    Args:
        colour: Of the video.
        stream: ffmpeg's description of the stream.
        has_zscale: Whether ffmpeg has the zscale filter.

    Returns:
        The problem; None if there is none.

    """
    if DOLBY_ONLY.search(stream):
        return "are in Dolby Vision profile 5, which is not converted: export it as HDR10, HLG or SDR"
    if colour.matrix not in (*SWSCALE_MATRICES, "gbr") and not has_zscale:
        return f"use the matrix {colour.matrix}, which this ffmpeg does not support: export it as BT.709"
    return None


def _assumed_matrix(stored: tuple[int, int], is_2020: bool) -> str:
    if is_2020:
        return "bt2020nc"
    return "bt709" if _is_hd(stored) else "smpte170m"


def _is_hd(stored: tuple[int, int]) -> bool:
    return stored[0] >= HD[0] or stored[1] >= HD[1]


def _curve(transfer: str, is_2020: bool) -> str:
    if transfer in (PQ, HLG, LINEAR, SRGB, GAMMA22):
        return transfer
    return GAMMA22 if is_2020 else SRGB


def conversion_for_code_points(primaries: int, transfer: int) -> Conversion | None:
    """Return the conversion for code points of ITU-T H.273 in an image file; None for plain SDR."""
    curve = TRANSFER_CODES.get(transfer, "unknown")
    gamut = PRIMARIES_CODES.get(primaries, "bt2020" if curve in (PQ, HLG) else "bt709")
    return StreamColour(transfer=_curve(curve, gamut == "bt2020"), primaries=gamut).conversion
