"""`animatex train`: a denoiser from a data set, on one processor or many GPUs."""

import argparse
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import TYPE_CHECKING

from ..errors import InvalidInput, MissingDependency
from ..training.console import ConsoleReporter, cost_lines
from ..utils.devices import PRECISIONS
from ..utils.files import check_target, check_writable

if TYPE_CHECKING:
    from accelerate import Accelerator

    from ..training.loop.checkpoint import Checkpoint
    from ..training.loop.config import RunConfig
    from ..training.loop.trainer import OnStep, Trainer


# Seconds. A Ctrl+C reaches every process from the terminal, and torchrun's once more from torchrun.
ONE_WISH = 1.0


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `train`."""
    parser = subparsers.add_parser(
        "train",
        help=summary,
        description="Train a denoiser, or Animate-X++ on Wan, or go on with a training. For many GPUs start "
        "it with torchrun or `accelerate launch`.",
    )
    # No name that begins as one of torchrun's does: it would take it for its own.
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="folder of the training, for its checkpoints; the .safetensors file that --export writes",
    )
    parser.add_argument(
        "--config",
        metavar="NAME",
        help="a YAML file, or tiny, paper, plus-tiny-wan, plus-tiny, plus-paper or plus-paper-shared; "
        "default: that of the training to resume",
    )
    parser.add_argument("--data", metavar="PATH", help="the data set; default: the configuration's")
    parser.add_argument(
        "--set", dest="changes", action="append", default=[], metavar="NAME=VALUE",
        help="change the configuration, such as optimizer.learning_rate=1e-4; may be given often",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    parser.add_argument("--cpu", action="store_true", help="use no GPU")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="train nothing: make one step without values, and say what memory and work it takes",
    )
    parser.add_argument(
        "--export",
        type=Path,
        metavar="DIR",
        help="train nothing: write the denoiser of this training to --out",
    )
    parser.add_argument(
        "--precision", choices=tuple(PRECISIONS), default="fp16",
        help="type of the exported weights; default: %(default)s",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train, export or count, and say what came of it."""
    if arguments.export is not None:
        _export(arguments)
    elif arguments.dry_run:
        _count(arguments)
    elif arguments.out is None:
        raise InvalidInput("--out is not given: name the folder of the training.")
    else:
        _train(arguments)


def _export(arguments: argparse.Namespace) -> None:
    from ..training.loop.checkpoint import latest_checkpoint
    from ..training.saved_runs import read_checkpoint
    from ..training.systems import system_of

    if arguments.out is None or arguments.out.suffix != ".safetensors":
        raise InvalidInput(f"--out is {arguments.out}: name the .safetensors file that --export is to write.")
    check_target(arguments.out)
    checkpoint = read_checkpoint(latest_checkpoint(arguments.export))
    system_of(checkpoint.config).export(checkpoint, arguments.out, PRECISIONS[arguments.precision])
    size = arguments.out.stat().st_size / 1e6
    print(f"{arguments.out}: {size:.1f} MB in {arguments.precision}, step {checkpoint.position.step}")


def _count(arguments: argparse.Namespace) -> None:
    from ..training.systems import system_of

    config = _config(arguments, None)
    for kind in config.batches:
        started = time.monotonic()
        cost = system_of(config).cost(config, kind)
        for line in cost_lines(config, kind, cost):
            print(line)
        print(f"  counted in {time.monotonic() - started:.0f} s")


def _train(arguments: argparse.Namespace) -> None:
    from ..training.loop.trainer import Trainer
    from ..training.systems import system_of

    checkpoint = _checkpoint(arguments)
    config = _config(arguments, checkpoint)
    check_writable(arguments.out / "checkpoints" / "any")
    system = system_of(config)
    maker = system.maker(config)
    accelerator = _accelerator(config, cpu=arguments.cpu)
    sharing = 1 if accelerator.device.type == "cuda" else accelerator.num_processes
    system.check_memory(config, accelerator.device, sharing)
    training = Trainer(maker, system.task(maker), arguments.out, accelerator, checkpoint)
    with ExitStack() as stack:
        watchers = _watchers(training, stack) if accelerator.is_main_process else []
        stop = stack.enter_context(_graceful_interrupt())
        position = training.run(watchers, stop)
    if accelerator.is_main_process:
        print(f"{arguments.out}: {position.step} steps, {position.samples} clips")


def _watchers(training: "Trainer", stack: ExitStack) -> "list[OnStep]":
    from ..training.loop.reporting import TensorBoardLog
    from ..training.systems import system_of

    config = training.config
    watchers: list[OnStep] = [ConsoleReporter()]
    if config.log_every is not None:
        preview = system_of(config).preview(training)
        log = TensorBoardLog(training.folder, training.position.step, config.log_every, preview)
        watchers.append(stack.enter_context(closing(log)))
    return watchers


def _checkpoint(arguments: argparse.Namespace) -> "Checkpoint | None":
    from ..training.loop.checkpoint import checkpoints, latest_checkpoint
    from ..training.saved_runs import read_checkpoint

    if arguments.resume:
        return read_checkpoint(latest_checkpoint(arguments.out))
    if checkpoints(arguments.out):
        raise InvalidInput(
            f"--out {arguments.out} holds a training already: give --resume to go on with it, or name "
            "another folder."
        )
    return None


def _config(arguments: argparse.Namespace, checkpoint: "Checkpoint | None") -> "RunConfig":
    from ..training.config_file import override_config, read_any_config, shipped_configs

    changes = [*arguments.changes, *([f"data.path={arguments.data}"] if arguments.data else [])]
    if arguments.config is not None:
        return read_any_config(arguments.config, changes)
    if checkpoint is None:
        raise InvalidInput(
            f"--config is not given: name a YAML file, or one of {', '.join(shipped_configs())}."
        )
    return override_config(checkpoint.config, changes)


def _accelerator(config: "RunConfig", *, cpu: bool) -> "Accelerator":
    accelerate = _accelerate()
    # A condition that the whole batch goes without leaves its encoder unused.
    parallel = accelerate.DistributedDataParallelKwargs(
        find_unused_parameters=True, gradient_as_bucket_view=True
    )
    try:
        return accelerate.Accelerator(
            mixed_precision=config.mixed_precision, cpu=cpu, kwargs_handlers=[parallel]
        )
    except ValueError as error:
        raise InvalidInput(
            f"mixed_precision is {config.mixed_precision}, which this device lacks ({error}): set it to no."
        ) from error


def _accelerate() -> ModuleType:
    try:
        import accelerate
    except ImportError as error:
        raise MissingDependency(
            f"The package accelerate cannot be imported ({error}), but training needs it: run "
            "`pip install accelerate tensorboard`."
        ) from error
    return accelerate


@contextmanager
def _graceful_interrupt() -> Iterator[Callable[[], bool]]:
    """Take the first interrupt as a wish to stop after the step; a later one interrupts."""
    wishes: list[float] = []

    def wish(_number: int, _frame: FrameType | None) -> None:
        wishes.append(time.monotonic())
        if wishes[-1] - wishes[0] > ONE_WISH:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, wish) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(wishes)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
