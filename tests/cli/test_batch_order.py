"""The order in which a batch gives its jobs to ComfyUI servers."""

import shutil
from pathlib import Path

from animatex_core.assets.demo_files import CHARACTERS, CLIP
from animatex_core.batch.comfyui.graph import Graph
from animatex_core.cli.batch_rows import find_rows
from animatex_core.cli.batch_servers import read_graph_jobs
from animatex_core.cli.main import build_parser

ROOT = Path(__file__).parents[2]


def test_servers_get_the_jobs_of_one_dance_after_each_other(tmp_path: Path) -> None:
    dances = tmp_path / "dances"
    dances.mkdir()
    for name in ("walk", "jump"):
        shutil.copy(CLIP, dances / f"{name}.mp4")
    workflow = ROOT / "workflows" / "api" / "few-steps.json"
    options = ["--references", str(CHARACTERS), "--drivings", str(dances), "--workflow", str(workflow)]
    command = ["batch", *options, "--out", str(tmp_path / "out"), "--servers", "http://127.0.0.1:1"]
    arguments = build_parser().parse_args(command)
    rows, folder = find_rows(arguments)
    jobs = read_graph_jobs(rows, Graph.read(workflow), arguments, folder, "The folders")
    characters = sorted(path.stem for path in CHARACTERS.glob("*.png"))
    names = [job.name for job in jobs]
    in_order = [(dance, character) for dance in ("jump", "walk") for character in characters]
    assert len(names) == len(in_order)
    for name, (dance, character) in zip(names, in_order, strict=True):
        assert name.startswith(f"{character}-{dance}-")
