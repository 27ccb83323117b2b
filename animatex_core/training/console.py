"""The console output of `animatex train`."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .loop.config import BatchKind, RunConfig
    from .loop.cost import StepCost
    from .loop.trainer import StepReport, Trainer

REPORT_EVERY = 20.0  # seconds between two lines


def cost_lines(config: "RunConfig", kind: "BatchKind", cost: "StepCost") -> Iterator[str]:
    """Describe the memory and the operations of a step.

    Args:
        config: The training configuration.
        kind: The kind of batch.
        cost: Its cost.

    Yields:
        Lines of text.

    """
    width, height = config.pixels
    of_task = f" of {kind.task_name}" if kind.task_name else ""
    yield (
        f"A step of {config.accumulation * kind.batch_size} clips{of_task} of {kind.frames} frames of "
        f"{width}x{height}, mixed precision {config.mixed_precision}, on each process:"
    )
    yield f"  parameters    {cost.parameters / 1e6:,.1f} M"
    word = cost.state // 5
    frozen = (("transformer", cost.frozen, "frozen"),) if cost.frozen else ()
    parts = (
        *frozen,
        ("weights", word, "float32"),
        ("gradients", word, "float32"),
        ("AdamW", 2 * word, "two moments in float32"),
        ("average", word, "float32, only on the first process"),
        ("activations", cost.activations, "at the peak, with the weights in half precision"),
        ("memory", cost.memory, "in total, without workspaces of kernels"),
    )
    for name, size, note in parts:
        yield f"  {name:13} {size / 2**30:,.2f} GiB ({note})"
    operations, scans = cost.operations / 1e12, cost.scan_operations / 1e12
    yield f"  operations    {operations:,.2f} TFLOP (products, convolutions, attention; forward and backward)"
    if scans:
        yield f"                {scans:,.2f} of them in Mamba's scans, counted as in the kernel of mamba-ssm"


class ConsoleReporter:
    """Prints the progress of a training every few seconds; an `OnStep`."""

    def __init__(self, every: float = REPORT_EVERY) -> None:
        from .loop.reporting import MetricMeans

        self._means, self._every = MetricMeans(), every

    def __call__(self, training: "Trainer", report: "StepReport") -> None:
        self._means.add(report)
        if self._means.seconds >= self._every:
            means = self._means.read()
            print(
                f"step {report.position.step}/{training.config.steps}: {_losses(means)}, "
                f"{means['clips_per_second']:.1f} clips/s",
                flush=True,
            )


def _losses(means: Mapping[str, float]) -> str:
    """The loss, or that of each task if there are several."""
    names = [name for name in means if name.startswith("loss/")] or ["loss"]
    return ", ".join(f"{name.replace('/', ' of ')} {means[name]:.4f}" for name in names)
