"""`animatex evaluate`: the benchmark table of one or more systems."""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..animate_x.shapes import ClipShape
from ..errors import AnimateXWarning, InvalidInput, MissingDependency
from ..evaluation.benchmark.cases import SETTINGS, CaseSet, Setting
from ..evaluation.benchmark.folder_set import FolderSet
from ..evaluation.benchmark.report import CHART, JSON, TABLE, run_folder, write_report
from ..evaluation.benchmark.run import Benchmark, write_or_match_settings
from ..evaluation.benchmark.systems import Size, System
from ..evaluation.metrics.features import Features
from ..evaluation.metrics.lpips import Lpips
from ..evaluation.metrics.measurements import Measurements
from ..evaluation.metrics.networks import FILES, MetricNetworks, load_networks
from ..evaluation.metrics.scores import METRICS
from ..hub.models_dir import ModelsDir
from ..retarget.settings import MODES
from ..utils.devices import choose_device
from ..utils.text import printable
from ..utils.validation import require_int
from .evaluated import ProceduralSet, find_systems, open_system, usual_size
from .options import add_folder_option, models_folder, positive
from .output import Bars
from .sampling import AUTO, add_way_options

PROCEDURAL = "procedural"
CASES = 32  # of the procedural set, which has no end
SETTINGS_FILE = "settings.json"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `evaluate`."""
    parser = subparsers.add_parser(
        "evaluate",
        help=summary,
        description="Measure systems on the cases of a set, in the paper's two settings. Started again, an "
        "evaluation goes on where it stopped.",
    )
    parser.add_argument(
        "systems", nargs="*", default=[AUTO], metavar="[NAME=]SYSTEM",
        help="what to measure: auto, small, generated, the file of a denoiser, the folder of a training, or "
        "a folder of clips that another system made, in folders self-driven and cross; default: auto",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the results")
    _add_case_options(parser)
    parser.add_argument(
        "--retarget", choices=MODES, default="none",
        help="what models do with the poses before they follow them: none, as in the paper, or as in "
        "`animate`; default: %(default)s",
    )  # fmt: skip
    add_way_options(parser)
    add_folder_option(parser)
    parser.set_defaults(run=run)


def _add_case_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("cases")
    group.add_argument(
        "--set", default=PROCEDURAL, metavar="DIR",
        help="a folder with clips, poses, pictures and humans, as docs/evaluation.md tells; procedural: "
        "made-up characters that no training saw; default: %(default)s",
    )  # fmt: skip
    group.add_argument(
        "--setting", nargs="+", choices=SETTINGS, default=list(SETTINGS),
        help="self-driven: a clip's first frame and poses; cross: its poses on a random human's body; "
        "default: both",
    )  # fmt: skip
    group.add_argument(
        "--cases", type=positive, metavar="N",
        help=f"how many, the first by name; default: all of a folder, {CASES} of the procedural set",
    )  # fmt: skip
    group.add_argument(
        "--frames", type=positive, default=16, metavar="N", help="of each clip; default: %(default)s"
    )
    group.add_argument(
        "--stride", type=positive, default=1, metavar="N",
        help="use one frame in N of a folder's clips; default: %(default)s",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    """Evaluate, and show the tables."""
    require_int("seed", arguments.seed, least=0)
    named = find_systems(arguments)
    size = _size(arguments, usual_size(named))
    cases = _cases(arguments, size)
    metrics, left_out = _metrics(models_folder(arguments), str(choose_device(arguments.device)))
    for sentence in left_out:
        print(sentence)
    systems = [open_system(arguments, each) for each in named]
    settings = _settings(arguments, cases, metrics, size)
    write_or_match_settings(arguments.out / SETTINGS_FILE, settings)
    for system in systems:
        write_or_match_settings(arguments.out / system.name / SETTINGS_FILE, system.identity())
    told = {**settings, "systems": {system.name: system.identity() for system in systems}}
    notes = [_note(arguments, cases, size), *left_out]
    with warnings.catch_warnings():
        warnings.simplefilter("once", AnimateXWarning)  # every case and system would say the same
        measured = _measured(arguments, Benchmark(cases, metrics, size, arguments.seed), systems)
        print(printable(write_report(arguments.out, measured, cases.names, told, notes)))
    print(", ".join(str(arguments.out / name) for name in (JSON, TABLE, CHART)))


def _size(arguments: argparse.Namespace, usual: Size) -> Size:
    width, height = arguments.size
    if width is None:
        return usual
    ClipShape(width, height, num_downsamples=0)
    return width, height


def _cases(arguments: argparse.Namespace, size: Size) -> CaseSet:
    if arguments.set == PROCEDURAL:
        return ProceduralSet(arguments.cases or CASES, arguments.frames, *size, arguments.seed)
    folder = Path(arguments.set)
    if not folder.is_dir():
        raise InvalidInput(f"The set {arguments.set!r} is no folder: name one, or take {PROCEDURAL}.")
    return FolderSet(folder, arguments.frames, arguments.stride, arguments.cases)


def _metrics(folder: ModelsDir, device: str) -> tuple[MetricNetworks, list[str]]:
    """Load what the metrics need; also return a sentence for each that lacks a file or a package."""
    lpips: Lpips | None = None
    features: dict[str, Features] = {}
    left_out = []
    for metric in FILES:
        try:
            loaded = load_networks(folder, [metric], device=device)
        except (InvalidInput, MissingDependency) as error:
            left_out.append(f"{metric} is left out: {error}")
            continue
        lpips = lpips or loaded.lpips
        features.update(loaded.features)
    return MetricNetworks(lpips, features), left_out


def _settings(
    arguments: argparse.Namespace, cases: CaseSet, metrics: MetricNetworks, size: Size
) -> dict[str, Any]:
    known = Measurements.none(metrics)
    return {
        **cases.identity(),
        "size": list(size),
        "seed": arguments.seed,
        "metrics": [name for name in METRICS if name in known.averages or name in known.sets],
    }


def _measured(
    arguments: argparse.Namespace, benchmark: Benchmark, systems: Sequence[System]
) -> dict[Setting, dict[str, Measurements]]:
    measured: dict[Setting, dict[str, Measurements]] = {
        setting: {} for setting in SETTINGS if setting in arguments.setting
    }
    with Bars() as bars:
        for system in systems:
            for setting, found in measured.items():
                stage, folder = f"{system.name}, {setting}", run_folder(arguments.out, setting, system.name)

                def report(done: int, total: int, stage: str = stage) -> None:
                    bars.report(stage, done, total)

                found[system.name] = benchmark.run(system, setting, folder, report)
    return measured


def _note(arguments: argparse.Namespace, cases: CaseSet, size: Size) -> str:
    which = "made-up characters" if arguments.set == PROCEDURAL else "a folder"
    return (
        f"{len(cases.names)} cases of {which}, {arguments.frames} frames at {size[0]}x{size[1]}, seed "
        f"{arguments.seed}; the paper's numbers are of other clips and, for L1, of another size."
    )
