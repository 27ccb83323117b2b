"""Metadata of written videos."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animatex_core.errors import InvalidInput
from animatex_core.video.audio import AudioSource
from animatex_core.video.info import probe
from animatex_core.video.writer import write_clip
from tests.video.samples import ffmpeg, make_flash, numbered

ODD = "a=b;c#d\\e\nf\\\n;[STREAM]\n#g= 'h' \"i\" 100% 模型 🕺\r\n\t"
GRAPH = json.dumps({"nodes": [{"text": ODD, "number": number} for number in range(5000)]})
TEXTS = {"prompt": ODD, "workflow": GRAPH, ";[a=b]": "\\ ", "模型": "é"}


def frames(count: int = 3) -> list[np.ndarray]:
    return [numbered(number) for number in range(count)]


def tags_of(path: Path) -> dict[str, str]:
    """Return the tags of a clip as ffmpeg writes them out, names in small letters."""
    listing = ffmpeg("-i", str(path), "-f", "ffmetadata", "-").decode()
    found = re.findall(r"^((?:\\.|[^\\=\n])+)=((?:\\.|[^\\\n]|\\\n)*)$", listing, re.MULTILINE | re.DOTALL)
    return {_plain(name).lower(): _plain(text) for name, text in found}


def _plain(escaped: str) -> str:
    return re.sub(r"\\(.)", r"\1", escaped, flags=re.DOTALL)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.webm"])
@pytest.mark.parametrize("heard", [True, False])
def test_texts_of_any_length_and_kind_come_back(tmp_path: Path, name: str, heard: bool) -> None:
    sound = AudioSource(make_flash(tmp_path / "flash.mp4", seconds=2.5)) if heard else None
    path = write_clip(tmp_path / name, frames(), fps=8, sound=sound, metadata=TEXTS)
    assert len(GRAPH) > 300_000
    assert {name: tags_of(path).get(name.lower()) for name in TEXTS} == TEXTS
    assert (probe(path).frames, probe(path).has_audio) == (3, heard)


def test_an_mp4_with_texts_begins_to_play_before_it_is_whole(tmp_path: Path) -> None:
    content = write_clip(tmp_path / "clip.mp4", frames(), fps=8, metadata=TEXTS).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert b"mdta" in content  # any name: else only those of music players are kept


def test_every_png_file_has_the_texts(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip", frames(), fps=8, metadata={**TEXTS, "x" * 100: "long"})
    for file in (tmp_path / "clip").iterdir():
        found = Image.open(file).text  # type: ignore[attr-defined]
        assert (found["prompt"], found["workflow"]) == (ODD, GRAPH)
        assert found["x" * 79] == "long"


def test_a_gif_leaves_them_out(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.gif", frames(), fps=8, metadata={"prompt": "secret"})
    assert b"secret" not in path.read_bytes()


@pytest.mark.parametrize("texts", [{"": "text"}, {"a": "b\0c"}, {"a\0b": "c"}, {"a": "b\\"}, {"a\\": "b"}])
@pytest.mark.parametrize("name", ["clip.mp4", "clip"])
def test_texts_that_no_file_can_hold_are_refused(tmp_path: Path, name: str, texts: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="has no name, contains a NUL character or ends"):
        write_clip(tmp_path / name, frames(), fps=8, metadata=texts)
    assert not list(tmp_path.iterdir())


def test_halves_of_characters_do_not_stop_the_work(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames(), fps=8, metadata={"prompt": "a\ud800b"})
    assert tags_of(path)["prompt"] == "a?b"
