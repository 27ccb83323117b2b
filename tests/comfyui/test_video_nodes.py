import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from tests.comfyui.server import Server, failure
from tests.video.samples import (
    RATE,
    beep_of,
    ffmpeg,
    flash_of,
    make_clip,
    make_flash,
    numbers_of,
    samples_of,
)

pytestmark = pytest.mark.plain_mode

Prompt = dict[str, dict[str, Any]]
STEP = 0.03  # seconds that sound and picture may lie apart
DRIVING = {"frames": 8, "stride": 2, "start": 0.0, "end": 0.0}
ENCODED = {"fps": 8.0, "filename_prefix": "test/clip", "format": "mp4", "quality": 7.0, "save_metadata": True}
WORKFLOW = {"nodes": [{"id": 1, "text": 'brace } quote " back \\ 模型 = ; # \n 🕺'}], "version": 0.4}


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def driving(file: str, **inputs: Any) -> Prompt:
    """Node 1 loads a video, node 2 chooses frames of it."""
    video = node("LoadVideo", file=file)
    return {"1": video, "2": node("AnimateXDrivingFrames", video=["1", 0], **{**DRIVING, **inputs})}


def shown_of(file: str, **inputs: Any) -> Prompt:
    """Show all that Driving Frames gives."""
    pictures = node("SaveImage", images=["2", 0], filename_prefix="frames")
    rate, sound = node("PreviewAny", source=["2", 2]), node("PreviewAny", source=["2", 1])
    return {**driving(file, **inputs), "3": pictures, "4": rate, "5": sound}


def encoding(count: int = 6, size: tuple[int, int] = (64, 48), **inputs: Any) -> Prompt:
    """Node 1 makes frames of one colour, node 3 writes them."""
    images = node("EmptyImage", width=size[0], height=size[1], batch_size=count, color=0x808080)
    return {"1": images, "3": node("AnimateXEncodeVideo", images=["1", 0], **{**ENCODED, **inputs})}


def carried(file: str, written: Mapping[str, Any], **inputs: Any) -> Prompt:
    """Drive by a clip and write what was chosen, with its sound at its tempo."""
    sockets = {"images": ["2", 0], "audio": ["2", 1], "fps": ["2", 2]}
    return {**driving(file, **inputs), "3": node("AnimateXEncodeVideo", **{**ENCODED, **sockets, **written})}


def numbers_in(server: Server, history: Mapping[str, Any]) -> list[int]:
    shown = history["outputs"]["3"]["images"]
    paths = [server.base / entry["type"] / entry["subfolder"] / entry["filename"] for entry in shown]
    return numbers_of(np.asarray(Image.open(path)) for path in paths)


def clip_of(server: Server, prompt: Prompt) -> Path:
    """Run a prompt whose one file is a clip."""
    (path,) = server.files(server.run(prompt))
    return path


def everything_in(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def inputs(server: Server) -> Path:
    """Clips in ComfyUI's input folder: numbered frames, and a flash with a beep at second 2."""
    folder = server.base / "input"
    make_clip(folder / "numbered.mp4", 60, options=("-qp", "0"))
    make_clip(folder / "wide räume.mp4", 12)
    make_flash(folder / "flash.mp4")
    ffmpeg(
        "-display_rotation",
        "90",
        "-i",
        str(folder / "numbered.mp4"),
        "-c",
        "copy",
        str(folder / "turned.mp4"),
    )
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", str(folder / "sound.mp3"))
    (folder / "nothing.mp4").write_bytes(b"no clip")
    return folder


class TestDrivingFrames:
    @pytest.mark.parametrize(
        ("choice", "numbers", "fps"),
        [
            ({}, range(0, 16, 2), 12),
            ({"stride": 1, "start": 1.0}, range(24, 32), 24),
            ({"frames": 0, "stride": 10}, range(0, 60, 10), 2.4),
            ({"frames": 0, "stride": 5, "start": 0.5, "end": 1.5}, range(12, 36, 5), 4.8),
            ({"frames": 1}, [0], 12),
        ],
    )
    def test_frames_are_chosen_as_by_the_core(
        self, server: Server, inputs: Path, choice: dict[str, Any], numbers: range, fps: float
    ) -> None:
        history = server.run(shown_of("numbered.mp4", **choice))
        assert numbers_in(server, history) == list(numbers)
        assert float(history["outputs"]["4"]["text"][0]) == pytest.approx(fps)
        assert history["outputs"]["5"]["text"] == ["None"]

    def test_a_lower_stride_is_reported(self, server: Server, inputs: Path) -> None:
        history = server.run(shown_of("wide räume.mp4", frames=10))
        assert numbers_in(server, history) == list(range(10))
        assert "but it has only 12 there: stride 1 is used" in server.log

    def test_a_clip_made_of_pictures_is_chosen_from_without_encoding(
        self, server: Server, inputs: Path
    ) -> None:
        prompt = shown_of("numbered.mp4", stride=3, start=0.5)
        prompt["6"] = node("GetVideoComponents", video=["1", 0])
        prompt["7"] = node("CreateVideo", images=["6", 0], fps=24.0)
        prompt["2"]["inputs"]["video"] = ["7", 0]
        assert numbers_in(server, server.run(prompt)) == list(range(12, 36, 3))

    def test_frames_are_turned_as_the_file_says(self, server: Server, inputs: Path) -> None:
        shown = server.run(shown_of("turned.mp4", frames=1))["outputs"]["3"]["images"]
        assert Image.open(server.base / "output" / shown[0]["filename"]).size == (48, 64)

    @pytest.mark.parametrize(("stride", "start"), [(1, 0.0), (2, 1.5), (3, 0.5)])
    @pytest.mark.parametrize("source", ["file", "components"])
    def test_the_sound_is_that_of_the_frames(
        self, server: Server, inputs: Path, stride: int, start: float, source: str
    ) -> None:
        prompt = driving("flash.mp4", frames=30 // stride, stride=stride, start=start)
        if source == "components":
            prompt["6"] = node("GetVideoComponents", video=["1", 0])
            prompt["7"] = node("CreateVideo", images=["6", 0], audio=["6", 1], fps=["6", 2])
            prompt["2"]["inputs"]["video"] = ["7", 0]
        prompt["3"] = node("SaveAudio", audio=["2", 1], filename_prefix="sound")
        (shown,) = server.run(prompt)["outputs"]["3"]["audio"]
        path = server.base / "output" / shown["filename"]
        heard = samples_of(path)
        assert len(heard) / RATE == pytest.approx(30 // stride * stride / 24, abs=0.001)
        if start + 1.25 > 2:
            assert beep_of(path) == pytest.approx(2 - start, abs=0.01)
        else:
            assert np.abs(heard).max() < 0.01

    @pytest.mark.parametrize(
        ("file", "choice", "said"),
        [
            ("nothing.mp4", {}, "is not a readable video"),
            ("sound.mp3", {}, "has audio but no frames: give a video"),
            ("numbered.mp4", {"start": 99.0}, "start is 99, but the video ends at 2.5"),
            ("numbered.mp4", {"start": 1.0, "end": 0.5}, "use a later end"),
            ("numbered.mp4", {"stride": 0}, "stride"),
            ("numbered.mp4", {"frames": -1}, "frames"),
        ],
    )
    def test_what_cannot_be_is_one_sentence(
        self, server: Server, inputs: Path, file: str, choice: dict[str, Any], said: str
    ) -> None:
        complaint = server.complaint(shown_of(file, **choice))
        assert said in complaint
        assert "\n" not in complaint


class TestEncodeVideo:
    @pytest.mark.parametrize("kind", ["mp4", "webm", "gif"])
    @pytest.mark.parametrize("fps", [12.0, 24000 / 1001])
    def test_a_clip_has_these_frames_at_this_rate(
        self, server: Server, inputs: Path, kind: str, fps: float
    ) -> None:
        written = {"format": kind, "fps": fps, "quality": 10.0, "filename_prefix": "rates/clip"}
        path = clip_of(server, carried("numbered.mp4", written))
        info = probe(path)
        assert path.suffix == f".{kind}"
        assert numbers_of(read_frames(info)) == list(range(0, 16, 2))
        assert (info.width, info.height, info.has_audio) == (64, 48, False)
        assert info.fps == pytest.approx(fps, rel=0.02)

    def test_png_files_lie_in_a_folder_and_are_shown(self, server: Server, inputs: Path) -> None:
        paths = server.files(server.run(carried("numbered.mp4", {"format": "png"})))
        assert [path.name for path in paths] == [f"{number:04}.png" for number in range(8)]
        assert len({path.parent for path in paths}) == 1
        assert numbers_of(np.asarray(Image.open(path)) for path in paths) == list(range(0, 16, 2))

    @pytest.mark.parametrize(
        ("kind", "stride", "start"),
        [
            ("mp4", 1, 0.0),
            ("mp4", 2, 0.0),
            ("mp4", 3, 0.0),
            ("mp4", 1, 1.5),
            ("mp4", 2, 0.5),
            ("mp4", 3, 1.0),
            ("webm", 1, 0.0),
            ("webm", 2, 0.5),
        ],
    )
    def test_beep_and_flash_stay_together(
        self, server: Server, inputs: Path, kind: str, stride: int, start: float
    ) -> None:
        written = {"format": kind, "filename_prefix": "tempo/clip"}
        path = clip_of(server, carried("flash.mp4", written, frames=0, stride=stride, start=start))
        info = probe(path)
        assert info.fps == pytest.approx(24 / stride, rel=0.01)
        assert info.duration == pytest.approx(4 - start, abs=stride / 24)
        assert abs(beep_of(path) - info.start - flash_of(read_frames(info), info.fps)) < STEP
        assert beep_of(path) == pytest.approx(2 - start, abs=STEP)
        assert len(samples_of(path)) / RATE == pytest.approx(info.duration, abs=STEP)

    @pytest.mark.parametrize("made", ["from a file", "from components"])
    def test_sound_can_come_from_a_video(self, server: Server, inputs: Path, made: str) -> None:
        prompt = encoding(24, video=["4", 0], filename_prefix="heard/clip")
        prompt["4"] = node("LoadVideo", file="flash.mp4")
        if made == "from components":
            prompt["5"] = node("GetVideoComponents", video=["4", 0])
            prompt["6"] = node("CreateVideo", images=["5", 0], audio=["5", 1], fps=["5", 2])
            prompt["3"]["inputs"]["video"] = ["6", 0]
        path = clip_of(server, prompt)
        assert beep_of(path) == pytest.approx(2, abs=STEP)
        assert len(samples_of(path)) / RATE == pytest.approx(3, abs=STEP)

    def test_audio_goes_before_the_sound_of_a_video(self, server: Server, inputs: Path) -> None:
        prompt = encoding(24, video=["4", 0], audio=["5", 0])
        prompt |= {"4": node("LoadVideo", file="flash.mp4"), "5": node("LoadAudio", audio="sound.mp3")}
        heard = np.abs(samples_of(clip_of(server, prompt)))
        assert heard[: RATE // 2].max() > 0.05
        assert heard[int(1.2 * RATE) :].max() < 0.01

    def test_silence_of_both_is_ordinary(self, server: Server, inputs: Path) -> None:
        prompt = carried("numbered.mp4", {"video": ["1", 0]})
        assert not probe(clip_of(server, prompt)).has_audio

    @pytest.mark.parametrize("kind", ["mp4", "webm", "gif", "png"])
    def test_core_can_save_the_video_again(self, server: Server, inputs: Path, kind: str) -> None:
        prompt = carried("flash.mp4", {"format": kind}, frames=12, start=1.5)
        prompt["4"] = node("SaveVideo", video=["3", 0], filename_prefix="again", format="auto", codec="auto")
        (entry,) = server.run(prompt)["outputs"]["4"]["images"]
        info = probe(server.base / "output" / entry["filename"])
        assert (info.frames, info.has_audio) == (12, True)
        assert info.fps == pytest.approx(12, rel=0.01)

    @pytest.mark.parametrize(
        ("kind", "size", "written"),
        [
            ("mp4", (65, 49), (66, 50)),
            ("webm", (33, 32), (34, 32)),
            ("gif", (65, 49), (65, 49)),
            ("mp4", (1, 1), (2, 2)),
        ],
    )
    def test_odd_sizes_and_single_frames_are_clips(
        self, server: Server, kind: str, size: tuple[int, int], written: tuple[int, int]
    ) -> None:
        info = probe(clip_of(server, encoding(1, size, format=kind)))
        assert (info.frames, info.width, info.height) == (1, *written)

    def test_transparency_is_left_out(self, server: Server) -> None:
        prompt = encoding(1)  # of more frames, versions of ComfyUI join different numbers with one mask
        prompt["2"] = node("SolidMask", value=0.5, width=64, height=48)
        prompt["4"] = node("JoinImageWithAlpha", image=["1", 0], alpha=["2", 0])
        prompt["3"]["inputs"]["images"] = ["4", 0]
        assert probe(clip_of(server, prompt)).frames == 1

    def test_hundreds_of_frames_are_written(self, server: Server) -> None:
        assert probe(clip_of(server, encoding(500, (32, 32)))).frames == 500

    @pytest.mark.parametrize(
        ("kind", "preview"), [("mp4", [True]), ("webm", [True]), ("gif", None), ("png", None)]
    )
    def test_the_interface_shows_the_clip(
        self, server: Server, kind: str, preview: list[bool] | None
    ) -> None:
        outputs = server.run(encoding(2, format=kind, filename_prefix="shown"))["outputs"]["3"]
        assert outputs.get("animated") == preview  # where true, mp4 and webm play; a gif would not
        assert {entry["type"] for entry in outputs["images"]} == {"output"}

    @pytest.mark.parametrize(
        ("prefix", "name"),
        [
            ("plain", "plain_00001_.mp4"),
            ("deep/er/clip", "deep/er/clip_00001_.mp4"),
            ("back\\slash", "back/slash_00001_.mp4"),
            ("%year%/%width%x%height%", f"{time.localtime().tm_year}/64x48_00001_.mp4"),
            ("%date:yyyy%-100%d", f"{time.localtime().tm_year}-100%d_00001_.mp4"),
            ("舞 dance.v2", "舞 dance.v2_00001_.mp4"),
            ("-i", "-i_00001_.mp4"),
        ],
    )
    def test_names_are_counted_as_by_core(self, server: Server, prefix: str, name: str) -> None:
        first = clip_of(server, encoding(2, filename_prefix=prefix))
        second = clip_of(server, encoding(3, filename_prefix=prefix))
        assert first.relative_to(server.base / "output").as_posix() == name
        assert second.name == first.name.replace("00001", "00002")

    @pytest.mark.parametrize("kind", ["mp4", "png"])
    @pytest.mark.parametrize(
        "prefix",
        [
            "",
            " ",
            ".",
            "..",
            "../out",
            "a/../../b",
            "/etc/x",
            "\\\\server\\x",
            "C:\\x",
            "C:x",
            "a\0b",
            "a" * 300,
        ],
    )
    def test_names_never_leave_the_output_folder(self, server: Server, prefix: str, kind: str) -> None:
        outside = everything_in(server.base) - everything_in(server.base / "output")
        complaint = server.complaint(encoding(2, filename_prefix=prefix, format=kind))
        assert "inside ComfyUI's output folder" in complaint
        assert "\n" not in complaint
        assert everything_in(server.base) - everything_in(server.base / "output") == outside

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"fps": 0.0}, "fps"),
            ({"fps": 2000.0}, "fps"),
            ({"fps": 60.0, "format": "gif"}, "fps is 60, but a gif supports 0.1 to 50"),
            ({"quality": 11.0}, "quality"),
            ({"format": "avi"}, "avi"),
        ],
    )
    def test_settings_that_cannot_be_are_one_sentence(
        self, server: Server, given: dict[str, Any], said: str
    ) -> None:
        before = everything_in(server.base / "output")
        complaint = server.complaint(encoding(2, **given))
        assert said in complaint
        assert "\n" not in complaint
        assert everything_in(server.base / "output") == before

    @pytest.mark.parametrize("kind", ["webm", "gif", "png"])
    def test_an_interruption_leaves_nothing(self, server: Server, inputs: Path, kind: str) -> None:
        grain = "nullsrc=s=256x256:r=24:d=1,geq=lum='random(1)*255'"
        if not (inputs / "grain.mkv").exists():
            ffmpeg("-f", "lavfi", "-i", grain, "-c:v", "ffv1", str(inputs / "grain.mkv"))
        prompt = carried(
            "grain.mkv", {"format": kind, "quality": 10.0, "filename_prefix": f"stopped/{kind}"}, frames=24
        )
        prompt["4"] = node("RepeatImageBatch", image=["2", 0], amount=12)
        prompt["3"]["inputs"]["images"] = ["4", 0]
        queued = server.post(prompt)
        folder = server.base / "output" / "stopped"
        while not (folder.exists() and any(folder.iterdir())):
            time.sleep(0.02)
        server.ask("/interrupt", {})
        history = server.wait(queued)
        assert "execution_interrupted" in dict(history["status"]["messages"]), failure(history)
        assert not any(folder.iterdir())


class TestMetadata:
    @pytest.mark.parametrize("kind", ["mp4", "webm", "png"])
    @pytest.mark.parametrize("heard", [True, False])
    def test_the_graph_comes_back(self, server: Server, inputs: Path, kind: str, heard: bool) -> None:
        prompt = carried("flash.mp4", {"format": kind})
        if not heard:
            del prompt["3"]["inputs"]["audio"]
        path = server.files(self.with_graph(server, prompt))[0]
        texts = self.texts_of(path)
        assert json.loads(texts["workflow"]) == WORKFLOW
        written = json.loads(texts["prompt"])
        assert {name: entry["inputs"] for name, entry in written.items()} == {
            name: entry["inputs"] for name, entry in prompt.items()
        }

    def test_core_keeps_the_graph_when_it_saves_again(self, server: Server, inputs: Path) -> None:
        prompt = carried("flash.mp4", {})
        prompt["4"] = node("SaveVideo", video=["3", 0], filename_prefix="kept", format="auto", codec="auto")
        (entry,) = self.with_graph(server, prompt)["outputs"]["4"]["images"]
        assert json.loads(self.texts_of(server.base / "output" / entry["filename"])["workflow"]) == WORKFLOW

    @pytest.mark.parametrize("kind", ["mp4", "webm", "png"])
    def test_it_is_left_out_when_not_wanted(self, server: Server, inputs: Path, kind: str) -> None:
        history = self.with_graph(server, encoding(2, format=kind, save_metadata=False))
        assert not {"prompt", "workflow"} & set(self.texts_of(server.files(history)[0]))

    @staticmethod
    def with_graph(server: Server, prompt: Prompt) -> dict[str, Any]:
        """Run a prompt as ComfyUI's interface posts it, with its graph."""
        extra = {"extra_pnginfo": {"workflow": WORKFLOW}}
        history = server.wait(server.ask("/prompt", {"prompt": prompt, "extra_data": extra})["prompt_id"])
        assert history["status"]["status_str"] == "success", failure(history)
        return history

    @staticmethod
    def texts_of(path: Path) -> dict[str, str]:
        if path.suffix == ".png":
            return Image.open(path).text  # type: ignore[attr-defined]
        with av.open(str(path)) as container:
            return {name.lower(): text for name, text in container.metadata.items()}
