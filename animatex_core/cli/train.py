"""`animatex train`: train either system on a data set, on the CPU, one GPU or many."""

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
from ..utils.files import check_target, check_writable
from .options import PRECISION_NAMES

if TYPE_CHECKING:
    from accelerate import Accelerator

    from ..training.loop.checkpoint import Checkpoint
    from ..training.loop.config import RunConfig
    from ..training.loop.trainer import OnStep, Trainer


# In seconds. A Ctrl+C reaches every process from the terminal, and those of torchrun again from torchrun.
REPEATED_SIGNAL = 1.0


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `train`."""
    parser = subparsers.add_parser(
        "train",
        help=summary,
        description="Train the denoiser of Animate-X, or Animate-X++ on Wan, or resume a training run. For "
        "several GPUs, start it with torchrun or `accelerate launch`.",
    )
    # No option may be the beginning of one of torchrun's, which would take it as its own.
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="output: the folder of the run, for its checkpoints, or the .safetensors file of --export",
    )
    parser.add_argument(
        "--config",
        metavar="NAME",
        help="a YAML file, or tiny, paper, plus-tiny-wan, plus-tiny, plus-paper or plus-paper-shared; "
        "default: that of the run to resume",
    )
    parser.add_argument("--data", metavar="PATH", help="the data set; default: that of the configuration")
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="override a setting, such as optimizer.learning_rate=1e-4; can be repeated",
    )
    parser.add_argument("--resume", action="store_true", help="resume from the last checkpoint in --out")
    parser.add_argument("--cpu", action="store_true", help="do not use a GPU")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="do not train: simulate one step, and print the memory and the operations that it takes",
    )
    parser.add_argument(
        "--export", type=Path, metavar="DIR", help="do not train: write the denoiser of this run to --out"
    )
    parser.add_argument(
        "--precision",
        choices=PRECISION_NAMES,
        default="fp16",
        help="data type of the exported weights; default: %(default)s",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train, export, or compute the cost of a step, and print the result."""
    if arguments.export is not None:
        _export(arguments)
    elif arguments.dry_run:
        _print_cost(arguments)
    elif arguments.out is None:
        raise InvalidInput("--out is not given: give a folder for the training run.")
    else:
        from ..utils.torchrun import end_group

        try:
            _train(arguments)
        finally:
            end_group()


def _export(arguments: argparse.Namespace) -> None:
    from ..training.loop.checkpoint import latest_checkpoint
    from ..training.systems import read_checkpoint, system_of
    from ..utils.devices import PRECISIONS

    if arguments.out is None or arguments.out.suffix != ".safetensors":
        raise InvalidInput(
            f"--out is {arguments.out}, but --export writes a safetensors file: give a name that ends in "
            ".safetensors."
        )
    check_target(arguments.out)
    checkpoint = read_checkpoint(latest_checkpoint(arguments.export))
    system_of(checkpoint.config).export(checkpoint, arguments.out, PRECISIONS[arguments.precision])
    size = arguments.out.stat().st_size / 1e6
    print(f"{arguments.out}: {size:.1f} MB in {arguments.precision}, step {checkpoint.position.step}")


def _print_cost(arguments: argparse.Namespace) -> None:
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
    trainer = Trainer(maker, system.task(maker), arguments.out, accelerator, checkpoint)
    with ExitStack() as stack:
        watchers = _watchers(trainer, stack) if accelerator.is_main_process else []
        stop = stack.enter_context(_graceful_interrupt())
        position = trainer.run(watchers, stop)
    if accelerator.is_main_process:
        print(f"{arguments.out}: {position.step} steps, {position.samples} clips")


def _watchers(trainer: "Trainer", stack: ExitStack) -> "list[OnStep]":
    from ..training.loop.reporting import TensorBoardLog
    from ..training.systems import system_of

    config = trainer.config
    watchers: list[OnStep] = [ConsoleReporter()]
    if config.log_every is not None:
        preview = system_of(config).preview(trainer)
        log = TensorBoardLog(trainer.folder, trainer.position.step, config.log_every, preview)
        watchers.append(stack.enter_context(closing(log)))
    return watchers


def _checkpoint(arguments: argparse.Namespace) -> "Checkpoint | None":
    from ..training.loop.checkpoint import checkpoints, latest_checkpoint
    from ..training.systems import read_checkpoint

    if arguments.resume:
        return read_checkpoint(latest_checkpoint(arguments.out))
    if checkpoints(arguments.out):
        raise InvalidInput(
            f"--out {arguments.out} already holds a training run: use --resume to continue it, or give "
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
            f"--config is not given: use a YAML file, or one of {', '.join(shipped_configs())}."
        )
    return override_config(checkpoint.config, changes)


def _accelerator(config: "RunConfig", *, cpu: bool) -> "Accelerator":
    accelerate = _accelerate()
    # If a condition is dropped for the whole batch, its encoder is unused.
    parallel = accelerate.DistributedDataParallelKwargs(
        find_unused_parameters=True, gradient_as_bucket_view=True
    )
    try:
        return accelerate.Accelerator(
            mixed_precision=config.mixed_precision, cpu=cpu, kwargs_handlers=[parallel]
        )
    except ValueError as error:
        raise InvalidInput(
            f"mixed_precision is {config.mixed_precision}, which this device does not support ({error}): "
            "set it to no."
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
    """Yield a function that returns whether to stop after the step: the first signal requests it, a later
    one interrupts at once.
    """
    signals: list[float] = []

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        signals.append(time.monotonic())
        if signals[-1] - signals[0] > REPEATED_SIGNAL:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(signals)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
