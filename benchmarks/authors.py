"""Compare the processor time of a forward of the denoiser with that of the official code.

Both networks have the same generated weights and conditions, full size, float32. Each run is a process of its
own with the settings of its program, the two alternate, and only one is in memory at a time (8 GB). Processor
time is that of user and system, which depends less on what else runs on the machine than the clock does. The
official forward encodes the conditions at every step, ours does once per video, so both numbers are reported.

xformers' attention is replaced by PyTorch's in the official code, see `benchmarks.authors_network`.

git clone https://github.com/antgroup/animate-x ../authors
python -m benchmarks.authors --authors ../authors [--frames 8] [--width 256] [--height 384] [--rounds 3]
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from animatex_core.animate_x.checkpoint_keys import from_official, official_keys
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.layers import UNINITIALISED
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.utils.allocator import keep_freed_memory
from benchmarks.authors_network import authors_inputs, authors_unet, generated_weight
from benchmarks.measure import generated_inputs

TIMESTEP = 500


@dataclass(frozen=True)
class Run:
    """One process: median seconds of processor time and page faults of a forward, peak memory in bytes.

    Args:
        user: Seconds in user mode.
        system: Seconds in the kernel.
        faults: Page faults without input or output.
        peak_bytes: Largest resident memory of the process.
        encoding: Seconds of encoding the conditions alone; 0 where it is part of the forward.

    """

    user: float
    system: float
    faults: float
    peak_bytes: int
    encoding: float = 0.0

    @property
    def forward(self) -> float:
        """Seconds of a forward."""
        return self.user + self.system


def usage(work: Callable[[], object]) -> tuple[float, float, float]:
    """Return the user seconds, system seconds and page faults of a function."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return (
        after.ru_utime - before.ru_utime,
        after.ru_stime - before.ru_stime,
        after.ru_minflt - before.ru_minflt,
    )


def our_unet() -> AnimateXUNet:
    """Build our network with the generated weights."""
    unet = AnimateXUNet(DenoiserConfig.released(), UNINITIALISED, device="meta")
    tensors = {}
    for key, shape in official_keys(unet).items():
        tensors.update(from_official({key: generated_weight(key, shape)}))
    unet.load_state_dict(tensors, assign=True)
    return unet.eval().requires_grad_(False)


def run_one(name: str, options: argparse.Namespace) -> None:
    """Measure one network in this process; write the result and the numbers to `options.out`."""
    torch.manual_seed(0)
    shape = ClipShape(options.width, options.height, options.frames)
    inputs = generated_inputs(DenoiserConfig.released(), shape)
    x, t = torch.randn(shape.latents()), torch.tensor([TIMESTEP])
    encoding = 0.0
    with torch.inference_mode():
        if name == "authors":
            network = authors_unet(options.authors, shape, inputs.text_context)
            arguments = authors_inputs(inputs)

            def forward() -> Tensor:
                return network(x, t, **arguments)

        else:
            keep_freed_memory()  # as the command line does
            unet = our_unet()
            conditions = unet.encode(inputs)
            encoding = sum(usage(lambda: unet.encode(inputs))[:2])

            def forward() -> Tensor:
                return unet(x, t, conditions)

        v = forward()
        measured = [usage(forward) for _ in range(options.forwards)]
    user, system, faults = (statistics.median(values) for values in zip(*measured, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    torch.save(v, options.out / f"{name}.pt")
    run = Run(user, system, faults, peak, encoding)
    (options.out / f"{name}.json").write_text(json.dumps(asdict(run)))


def run_process(name: str, argv: Sequence[str], out: Path) -> Run:
    """Run one network in a new process."""
    command = [sys.executable, "-m", "benchmarks.authors", *argv, "--only", name, "--out", str(out)]
    subprocess.run(command, check=True)
    return Run(**json.loads((out / f"{name}.json").read_text()))


def report(runs: Sequence[tuple[Run, Run]], out: Path) -> None:
    """Print the ratios of all rounds and the largest difference of the last one."""
    for what, ratios in (
        ("forward", [theirs.forward / ours.forward for theirs, ours in runs]),
        ("with conditions", [theirs.forward / (ours.forward + ours.encoding) for theirs, ours in runs]),
    ):
        print(f"{what:16s} times as fast, {_spread(ratios)}")
    theirs, ours = (torch.load(out / f"{name}.pt", weights_only=True) for name in ("authors", "ours"))
    print(f"largest difference {(theirs - ours).abs().max():.1e}, largest value {theirs.abs().max():.1f}")


def _spread(values: Sequence[float]) -> str:
    return f"minimum {min(values):.2f}, median {statistics.median(values):.2f}, maximum {max(values):.2f}"


def _print_run(name: str, run: Run) -> None:
    print(
        f"{name:8s} user {run.user:.2f} s, system {run.system:.2f} s, {run.faults:.0f} page faults, "
        f"conditions {run.encoding:.2f} s, peak {run.peak_bytes / 2**30:.2f} GiB",
        flush=True,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--authors", type=Path, required=True, help="a copy of the official repository")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--height", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--forwards", type=int, default=2, help="measured in each process, after one more")
    parser.add_argument("--only", choices=("authors", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    argv = sys.argv[1:] if argv is None else argv
    options = parser.parse_args(argv)
    if options.only:
        run_one(options.only, options)
        return
    with TemporaryDirectory() as name:
        out, runs = Path(name), []
        for index in range(options.rounds):
            order = ("authors", "ours") if index % 2 == 0 else ("ours", "authors")
            found = {who: run_process(who, argv, out) for who in order}
            for who, run in found.items():
                _print_run(who, run)
            runs.append((found["authors"], found["ours"]))
        report(runs, out)


if __name__ == "__main__":
    main()
