"""Masks of every kind in files: the same figure has the same box in all of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from animatex_core.errors import InvalidInput
from animatex_core.pose.keypoints import JOINT, PoseSequence
from animatex_core.retarget.mask_files import mask_from_gray, read_mask
from animatex_core.retarget.masks import Shows, find_character
from animatex_core.video.writer import write_clip
from tests.pose.dialect_files import true_dance
from tests.retarget.motion import STANDING, figure

WIDTH, HEIGHT = 160, 240
FIGURE = np.zeros((HEIGHT, WIDTH), bool)
FIGURE[48:216, 40:100] = True
BOX = (40 / WIDTH, 48 / HEIGHT, 100 / WIDTH, 216 / HEIGHT)
BYTE = np.where(FIGURE, 255, 0).astype(np.uint8)
SOFT = np.asarray(Image.fromarray(BYTE).filter(ImageFilter.GaussianBlur(3)))
NOISE = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def colored(figure: tuple[int, int, int], background: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    return Image.fromarray(np.where(FIGURE[..., None], figure, background).astype(np.uint8))


def palette(*labels: int) -> Image.Image:
    """Labels from the top to the bottom of the figure, in the colors of Pascal VOC, with its borders."""
    parts = np.zeros((HEIGHT, WIDTH), np.uint8)
    bands = np.array_split(np.arange(48, 216), len(labels))
    for rows, label in zip(bands, labels, strict=True):
        parts[rows[0] : rows[-1] + 1, 40:100] = label
    image = Image.fromarray(parts, "P")
    image.putpalette([component for index in range(256) for component in voc_color(index)])
    return image


def voc_color(label: int) -> tuple[int, int, int]:
    red, green, blue = (
        sum((label >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(3)) for channel in range(3)
    )
    return red, green, blue


def with_alpha(colors: np.ndarray, alpha: np.ndarray) -> Image.Image:
    return Image.fromarray(np.dstack([colors, alpha]).astype(np.uint8))


def deep(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.astype(np.uint16))


WHITE, BLACK = np.full((HEIGHT, WIDTH, 3), 255, np.uint8), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
KINDS: dict[str, tuple[Callable[[], Image.Image], str]] = {
    "0 and 255": (lambda: Image.fromarray(BYTE), "white"),
    "0 and 1": (lambda: Image.fromarray(FIGURE.astype(np.uint8)), "white"),
    "0 and 100": (lambda: Image.fromarray((FIGURE * 100).astype(np.uint8)), "white"),
    "1 bit": (lambda: Image.fromarray(FIGURE), "white"),
    "inverted": (lambda: Image.fromarray(255 - BYTE), "black"),
    "inverted 0 and 1": (lambda: Image.fromarray((~FIGURE).astype(np.uint8)), "black"),
    "soft": (lambda: Image.fromarray(SOFT), "white"),
    "soft and inverted": (lambda: Image.fromarray(255 - SOFT), "black"),
    "soft and faint": (lambda: Image.fromarray(SOFT // 3), "white"),
    "grey in RGB": (lambda: Image.fromarray(BYTE).convert("RGB"), "white"),
    "16 bits": (lambda: deep(FIGURE * 65535), "white"),
    "0 and 1 in 16 bits": (lambda: deep(FIGURE), "white"),
    "0 and 255 in 16 bits": (lambda: deep(FIGURE * 255), "white"),
    "soft in 16 bits": (lambda: deep(SOFT.astype(int) * 257), "white"),
    "inverted in 16 bits": (lambda: deep(~FIGURE * 65535), "black"),
    "labels": (lambda: Image.fromarray((FIGURE * 15).astype(np.uint8)), "white"),
    "several labels": (lambda: unpalette(2, 15, 7), "labelled as anything"),
    "with a dark stroke": (lambda: Image.fromarray(np.where(stroke(), 5, BYTE).astype(np.uint8)), "white"),
    "soft in 12 bits": (lambda: deep(SOFT.astype(int) * 16), "white"),
    "nearly opaque": (
        lambda: with_alpha(np.dstack([BYTE] * 3), np.where(stroke(), 254, 255)),
        "white",
    ),
    "palette": (lambda: palette(1), "colored"),
    "palette of several classes": (lambda: palette(8, 15, 2), "colored"),
    "palette of dark classes": (lambda: palette(8, 4, 1, 9), "colored"),
    "red": (lambda: colored((255, 0, 0)), "colored"),
    "green": (lambda: colored((0, 255, 0)), "colored"),
    "dark blue": (lambda: colored((0, 0, 90)), "colored"),
    "soft red": (lambda: Image.fromarray(np.dstack([SOFT, 0 * SOFT, 0 * SOFT])), "colored"),
    "black on red": (lambda: colored((0, 0, 0), (255, 0, 0)), "black"),
    "red on white": (lambda: colored((255, 0, 0), (255, 255, 255)), "of another color than the border"),
    "green on red": (lambda: colored((0, 255, 0), (255, 0, 0)), "of another color than the border"),
    "cut out": (lambda: with_alpha(NOISE, BYTE), "opaque"),
    "cut out softly": (lambda: with_alpha(NOISE, SOFT), "opaque"),
    "black with alpha": (lambda: with_alpha(BLACK, BYTE), "opaque"),
    "white with alpha": (lambda: with_alpha(WHITE, BYTE), "opaque"),
    "hole": (lambda: with_alpha(NOISE, 255 - BYTE), "transparent"),
    "grey with alpha": (lambda: Image.fromarray(np.dstack([BYTE, BYTE])), "opaque"),
    "opaque in RGBA": (lambda: Image.fromarray(BYTE).convert("RGBA"), "white"),
    "opaque red in RGBA": (lambda: colored((255, 0, 0)).convert("RGBA"), "colored"),
}


def stroke() -> np.ndarray:
    """Return a few pixels beside the figure."""
    drawn = np.zeros((HEIGHT, WIDTH), bool)
    drawn[10:14, 120:130] = True
    return drawn


def unpalette(*labels: int) -> Image.Image:
    return Image.fromarray(np.asarray(palette(*labels)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_kinds(tmp_path: Path, kind: str, suffix: str) -> None:
    make, word = KINDS[kind]
    make().save(tmp_path / f"mask{suffix}")
    found = find_character(read_mask(tmp_path / f"mask{suffix}"))
    assert found.box is not None
    sides = (found.box.left, found.box.top, found.box.right, found.box.bottom)
    np.testing.assert_allclose(sides, BOX, atol=0.02)
    assert found.sentence.startswith(f"The character is where the mask is {word}: ")
    assert not found.doubts


@pytest.mark.parametrize("kind", ["0 and 255", "inverted", "red", "soft"])
def test_compressed_masks(tmp_path: Path, kind: str) -> None:
    KINDS[kind][0]().save(tmp_path / "mask.jpg", quality=70)
    box = find_character(read_mask(tmp_path / "mask.jpg")).box
    assert box is not None
    np.testing.assert_allclose((box.left, box.top, box.right, box.bottom), BOX, atol=0.03)


def test_floats_and_large_masks(tmp_path: Path) -> None:
    Image.fromarray(FIGURE.astype(np.float32)).save(tmp_path / "float.tif")
    Image.fromarray(BYTE).resize((WIDTH * 20, HEIGHT * 20)).save(tmp_path / "large.png")
    for name in ("float.tif", "large.png"):
        mask = read_mask(tmp_path / name)
        box = find_character(mask).box
        assert box is not None
        np.testing.assert_allclose((box.left, box.top, box.right, box.bottom), BOX, atol=0.002)
        assert mask.values.size <= 1 << 22


def test_a_still_webp_is_not_called_a_video(tmp_path: Path) -> None:
    Image.fromarray(BYTE).save(tmp_path / "mask.webp", lossless=True)
    assert not find_character(read_mask(tmp_path / "mask.webp")).doubts


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".mp4"])
def test_of_several_frames_the_first_is_used_with_a_note(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"mask{suffix}"
    frames = [np.repeat(np.roll(BYTE, 30 * index, axis=1)[..., None], 3, axis=2) for index in range(3)]
    if suffix == ".mp4":
        write_clip(file, frames, fps=8)
    else:
        images = [Image.fromarray(frame) for frame in frames]
        images[0].save(file, save_all=True, append_images=images[1:], duration=100)
    found = find_character(read_mask(file))
    assert found.box is not None
    np.testing.assert_allclose((found.box.left, found.box.right), (BOX[0], BOX[2]), atol=0.02)
    assert "of which the first is used" in found.doubts[0]


@pytest.mark.parametrize(("value", "kind"), [(0, "empty"), (255, "full")])
def test_masks_of_nothing(tmp_path: Path, value: int, kind: str) -> None:
    Image.new("L", (WIDTH, HEIGHT), value).save(tmp_path / "mask.png")
    found = find_character(read_mask(tmp_path / "mask.png"))
    assert found.box is None
    assert found.sentence.startswith(f"The mask is {kind} and is ignored")


@pytest.mark.parametrize("value", [0, 1])
def test_a_mask_of_nothing_stays_one_beside_a_pose(value: int) -> None:
    found = find_character(mask_from_gray(np.full((HEIGHT, WIDTH), float(value))), pose=true_dance(1))
    assert found.box is None
    assert "is ignored" in found.sentence


def test_noise_is_no_figure() -> None:
    noise = np.random.default_rng(1).uniform(0, 0.03, (HEIGHT, WIDTH))
    assert find_character(mask_from_gray(noise)).box is None


def test_a_photograph_causes_a_warning(tmp_path: Path) -> None:
    Image.fromarray(NOISE).save(tmp_path / "photo.png")
    assert any(
        "check that it is a mask" in doubt
        for doubt in find_character(read_mask(tmp_path / "photo.png")).doubts
    )


def test_a_box_that_is_the_whole_image_causes_a_warning() -> None:
    found = find_character(mask_from_gray(np.ones((4, 2))), "character")
    assert "The character's box is the whole image" in found.doubts[0]


@pytest.mark.parametrize("scale", [1, 255, 1 / 255])
@pytest.mark.parametrize("shows", ["automatic", "character"])
def test_arrays_of_every_range(scale: float, shows: Shows) -> None:
    box = find_character(mask_from_gray(SOFT / 255 * scale if scale > 0.1 else FIGURE * scale), shows).box
    assert box is not None
    np.testing.assert_allclose((box.left, box.top, box.right, box.bottom), BOX, atol=0.02)


def close_up() -> np.ndarray:
    """A mask that covers most of the border."""
    mask = np.ones((600, 400))
    mask[:40, 150:250] = 0
    return mask


def test_the_pose_tells_what_the_border_cannot() -> None:
    pose = figure(STANDING)
    whole = find_character(mask_from_gray(close_up()), pose=pose)
    assert whole.sentence.startswith("The character is where the mask is white")
    assert find_character(mask_from_gray(close_up())).sentence.startswith(
        "The character is where the mask is black"
    )
    inverted = find_character(mask_from_gray(1 - close_up()), pose=pose)
    assert inverted.sentence.startswith("The character is where the mask is black")


def test_a_pose_beside_the_mask_causes_a_warning() -> None:
    poses = PoseSequence.empty(1, 400, 600)
    for name, (x, y) in STANDING.items():
        poses.body[0, JOINT[name]] = x / 400, y / 600, 1
    elsewhere = np.zeros((600, 400))
    elsewhere[:, 300:] = 1
    found = find_character(mask_from_gray(elsewhere), "character", poses)
    assert "Only 0% of the joints of the reference pose" in found.doubts[0]


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n broken"])
@pytest.mark.parametrize("suffix", [".png", ".mp4"])
def test_what_is_no_mask_is_one_sentence(tmp_path: Path, content: bytes, suffix: str) -> None:
    file = tmp_path / f"mask{suffix}"
    file.write_bytes(content)
    with pytest.raises(InvalidInput) as error:
        read_mask(file)
    assert str(error.value).count(". ") == 0
    assert file.name in str(error.value)


def test_a_url_is_refused_without_its_password() -> None:
    with pytest.raises(InvalidInput, match=r"^The mask is a URL: give the path of a file"):
        read_mask(Path("http://me:SECRET@host/mask.png"))
