"""Runs the nodes of poses in ComfyUI's modules and stops them: argv is ComfyUI's folder and one to work in.

Prints JSON: for each node how often it asked whether to stop in a whole run, and what came of a stop at the
first, the middle and the last of these.
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from animatex_core.assets.demo_files import MOTION
from animatex_core.pose.formats.reader import openpose_from_poses, write_poses
from animatex_core.pose.keypoints import PoseSequence
from tests.comfyui.probes.pack import pack, start
from tests.support.dance_samples import small_dance

FRAMES = 40
EDITS = '{"version": 1, "hide": [{"from": 0, "to": 9}]}'


class Asked:
    """Stands for ComfyUI's question whether to stop, and says yes at one of them."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.times, self.stop_at = 0, stop_at

    def __call__(self) -> None:
        from comfy.model_management import InterruptProcessingException

        self.times += 1
        if self.times == self.stop_at:
            raise InterruptProcessingException


def main(comfyui: str, folder: str) -> dict[str, Any]:
    start(comfyui, "--base-directory", folder)
    base = Path(folder)
    for name in ("input", "output"):
        (base / name).mkdir(exist_ok=True)
    dance = small_dance()
    poses = PoseSequence.from_points(
        dance.select([index % len(dance) for index in range(FRAMES)]).points, 64, 96
    )
    write_poses(base / "input" / "long.json", poses)
    shutil.copyfile(MOTION, base / "input" / "dance.bvh")
    return {name: _stopped(work, base / "output") for name, work in _work(poses).items()}


def _work(poses: PoseSequence) -> dict[str, Callable[[], Any]]:
    data = openpose_from_poses(poses)
    picture = torch.zeros(1, 96, 64, 3)
    settings = {"mode": "retarget", "bound": 3.0, "ground": True, "drop": "", "add": "right_hand"}
    return {
        "load": lambda: _run("pose_files.LoadPoses", file="long.json", person="best"),
        "load, pictures read": lambda: _run("pose_files.LoadPoses", file="long.json", person="best")[1].sum(),
        "save": lambda: _run("pose_files.SavePoses", poses=data, filename_prefix="x"),
        "smooth": lambda: _run(
            "pose.SmoothPoses",
            poses=data,
            fps=24.0,
            fill_gaps=4,
            min_cutoff=1.5,
            beta=30.0,
            person="best",
        ),
        "draw": lambda: _run("pose.DrawPoses", poses=data, width=0, height=0),
        "retarget": lambda: _run(
            "retarget.RetargetPoses",
            poses=data,
            reference=picture,
            reference_pose=data[:1],
            **settings,
        ),
        "retarget, preview read": lambda: _run(
            "retarget.RetargetPoses",
            poses=data,
            reference=picture,
            reference_pose=data[:1],
            **settings,
        )[2].sum(),
        "puppet": lambda: _run(
            "puppet.PuppetPreview", reference=picture, reference_pose=data[:1], poses=data
        ),
        "edit": lambda: _run("pose_edits.EditPoses", edits=EDITS, poses=data),
        "motion": _motion,
        "motion, frames read": lambda: _motion()[1].sum(),
    }


def _motion() -> tuple[Any, ...]:
    camera = {"camera": "front", "angle": 0.0, "follow": True, "up": "auto", "width": 64, "height": 96}
    return _run("motion.LoadMotion", file="dance.bvh", frames=FRAMES, start=0.0, fps=12.0, bones="", **camera)


def _run(name: str, **inputs: Any) -> tuple[Any, ...]:
    module, _, kind = name.partition(".")
    return getattr(pack(f"nodes.{module}"), f"AnimateX{kind}").PREPARE_CLASS_CLONE({}).execute(**inputs).args


def _stopped(work: Callable[[], Any], output: Path) -> dict[str, Any]:
    from comfy.model_management import InterruptProcessingException

    whole = _with(Asked(), work)
    before, heard = set(output.rglob("*")), []
    for stop_at in (1, whole // 2, whole):
        try:
            _with(Asked(stop_at), work)
            heard.append(False)
        except InterruptProcessingException:
            heard.append(True)
    return {"asked": whole, "heard": heard, "left behind": len(set(output.rglob("*")) - before)}


def _with(asked: Asked, work: Callable[[], Any]) -> int:
    progress: Any = pack("nodes.comfy.messages")
    progress.throw_exception_if_processing_interrupted = asked
    work()
    return asked.times


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
