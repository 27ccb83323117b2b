"""The defaults that the help shows are those that are used, and showing it imports nothing heavy."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from animatex_core.animate_x.defaults import OFFICIAL
from animatex_core.cli import names, options
from animatex_core.cli.main import build_parser
from animatex_core.diffusion.guidance import Guidance
from animatex_core.diffusion.solvers import SOLVERS
from animatex_core.evaluation.benchmark.cases import SETTINGS
from animatex_core.evaluation.benchmark_set import prompts
from animatex_core.evaluation.benchmark_set.thresholds import Thresholds
from animatex_core.motion import camera
from animatex_core.motion.settings import DEFAULT_FPS
from animatex_core.retarget.masks import SHOWS
from animatex_core.retarget.parts import PARTS
from animatex_core.retarget.settings import MODES
from animatex_core.sprites import packing
from animatex_core.utils.devices import PRECISIONS
from animatex_core.video import image_sequence

HEAVY = {
    *("torch", "numpy", "scipy", "PIL", "einops", "av", "cv2", "safetensors"),
    *("onnxruntime", "diffusers", "transformers", "open_clip", "accelerate", "torchvision"),
}


def test_names_are_those_of_the_library() -> None:
    assert tuple(SOLVERS) == options.SOLVER_NAMES
    assert tuple(PRECISIONS) == options.PRECISION_NAMES
    assert options.BENCHMARK_SETTINGS == SETTINGS
    assert (names.MASK_SHOWS, names.RETARGET_MODES, names.BODY_PARTS) == (SHOWS, MODES, PARTS)
    assert (names.VIEWS, names.UPS, names.MOTION_RATE) == (camera.VIEWS, camera.UPS, DEFAULT_FPS)
    assert image_sequence.DEFAULT_FPS == names.IMAGE_RATE


def test_defaults_are_those_of_the_library() -> None:
    assert prompts.COUNT == names.SCENES
    assert asdict(Thresholds()) == names.THRESHOLDS
    sheet = packing.SheetSettings()
    assert (names.TRIMS, names.SHEET_FORMS) == (packing.TRIMS, packing.FORMS)
    assert (names.TRIMS[0], names.SHEET_FORMS[0]) == (sheet.trim, sheet.form)
    assert {"padding": sheet.padding, "extrude": sheet.extrude} == names.SHEET_SPACING
    assert sheet.max_size == names.MAX_TEXTURE


def test_guidance_has_one_default() -> None:
    assert Guidance().scale == OFFICIAL.guidance


def commands(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command and action, and of the program itself."""
    yield words
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, inner in action.choices.items():
                yield from commands(inner, (*words, word))


@pytest.mark.parametrize(
    "words", [*((*words, "--help") for words in commands(build_parser())), ("models", "list")], ids=" ".join
)
def test_what_needs_no_tensors_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    code = (
        "import sys\nfrom animatex_core.cli.main import main\n"
        f"try: main({list(words)})\nexcept SystemExit: pass\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *shown, modules = done.stdout.splitlines()
    assert shown
    assert not HEAVY & {name.partition(".")[0] for name in modules.split()}
