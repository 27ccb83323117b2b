"""Text files that people write: UTF-8 with and without a byte order mark; others are one sentence."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from animatex_core.encoders.open_clip import read_open_clip_config
from animatex_core.errors import AnimateXError
from animatex_core.evaluation.benchmark.run import write_or_match_settings
from animatex_core.evaluation.study.material import Pair
from animatex_core.evaluation.study.votes import Key, read_key, write_key
from animatex_core.hub.bundled import BUNDLED_MODELS
from animatex_core.hub.catalogue import CATALOGUE, load_catalogue
from animatex_core.pose.formats.reader import read_poses
from animatex_core.training.animate_x_plus.folder import HEADER, VERSION, WanClipFolder
from animatex_core.training.animate_x_plus.preparation import read_caption
from animatex_core.training.config_file import SHIPPED as CONFIGS
from animatex_core.training.config_file import read_any_config
from animatex_core.training.data.sources import Source

POSES = {
    "people": [{"pose_keypoints_2d": [9, 9, 1] * 18}],
    "canvas_width": 90,
    "canvas_height": 90,
    "by": "é",
}


def catalogue(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = folder / "models.yaml"
    path.write_text("# é\n" + CATALOGUE.read_text(encoding="utf-8"), encoding="utf-8")
    return path, lambda: load_catalogue(path)


def config(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = folder / "own.yaml"
    path.write_text("# é\n" + (CONFIGS / "tiny.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return path, lambda: read_any_config(str(path))


def caption(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = folder / "dance.txt"
    path.write_text("Ein Mädchen tanzt.", encoding="utf-8")
    (folder / "dance.mp4").touch()
    return path, lambda: read_caption(Source(folder, "dance.mp4"))


def poses(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = folder / "poses.json"
    path.write_text(json.dumps(POSES, ensure_ascii=False), encoding="utf-8")
    return path, lambda: read_poses(path)


def key(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = folder / "study.key.json"
    write_key(path, Key("é", ["a", "b"], (Pair("ö", "a", "b"),)))
    return path, lambda: read_key(path)


def settings(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = folder / "evaluation.json"
    write_or_match_settings(path, {"name": "é"})
    return path, lambda: write_or_match_settings(path, {"name": "é"})


def sizes(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = folder / "sizes.json"
    text = BUNDLED_MODELS.image_encoder_config.read_text(encoding="utf-8").rstrip()
    path.write_text(text[:-1] + ', "by": "é"}', encoding="utf-8")
    return path, lambda: read_open_clip_config(path)


def clips(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = folder / HEADER
    path.write_text(f'{{"version": {VERSION}, "by": "é"}}', encoding="utf-8")
    return path, lambda: WanClipFolder.open(folder)


FILES = [catalogue, config, caption, poses, key, settings, sizes, clips]


OTHER_ENCODINGS = ["latin-1", "utf-16", "utf-16-le", "utf-32"]
# Poses are read in any Unicode encoding, for other programs write them.
REFUSED = [
    (make, each) for make in FILES for each in OTHER_ENCODINGS if make is not poses or each == "latin-1"
]


@pytest.mark.parametrize(("make", "encoding"), REFUSED)
def test_another_encoding_is_one_sentence(
    tmp_path: Path, make: Callable[[Path], tuple[Path, Callable[[], object]]], encoding: str
) -> None:
    path, read = make(tmp_path)
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    with pytest.raises(AnimateXError) as error:
        read()
    assert "\n" not in str(error.value)
    assert str(error.value).count(". ") == 0


@pytest.mark.parametrize("make", FILES)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_utf_8_is_read_with_and_without_a_byte_order_mark(
    tmp_path: Path, make: Callable[[Path], tuple[Path, Callable[[], object]]], mark: bytes
) -> None:
    path, read = make(tmp_path)
    plain = read()
    path.write_bytes(mark + path.read_bytes())
    assert repr(read()) == repr(plain) or make is poses
