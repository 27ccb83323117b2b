"""Where onnxruntime works, and what is wrong with an installation that does not work where it should."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib import metadata

from ..errors import InvalidInput, MissingDependency


@dataclass(frozen=True)
class Provider:
    """One way to run a net: how users call it, onnxruntime's name for it, and the wheel that brings it."""

    label: str
    name: str
    wheel: str


CPU = Provider("CPU", "CPUExecutionProvider", "onnxruntime")
PROVIDERS = (
    Provider("CUDA", "CUDAExecutionProvider", "onnxruntime-gpu"),
    Provider("DirectML", "DmlExecutionProvider", "onnxruntime-directml"),
    Provider("CoreML", "CoreMLExecutionProvider", "onnxruntime"),
    CPU,
)  # the best first
GPU_WHEELS = ("onnxruntime-gpu", "onnxruntime-directml")
WHEELS = ("onnxruntime", *GPU_WHEELS)  # all write the same files
UPGRADE = "pip install --upgrade --force-reinstall"


def choose_providers(device: str, available: Collection[str]) -> list[Provider]:
    """Return what to run on, the best first and the CPU last.

    device: auto, or a provider's label in any case; available: onnxruntime's names of what it has.
    Raises InvalidInput for another device.
    """
    labels = [provider.label.lower() for provider in PROVIDERS]
    if device.lower() not in ("auto", *labels):
        raise InvalidInput(f"device is {device!r}, but it must be one of auto, {', '.join(labels)}.")
    asked = [provider for provider in PROVIDERS if device.lower() in ("auto", provider.label.lower())]
    return [provider for provider in asked if provider.name in available and provider != CPU] + [CPU]


def provider_in_use(active: Sequence[str]) -> Provider:
    """Return the provider that a session really works on, from onnxruntime's names of its active ones."""
    return next(provider for provider in PROVIDERS if provider.name in active)


def complaint(
    device: str, available: Collection[str], active: Sequence[str], wheels: Collection[str]
) -> str | None:
    """Return a sentence about an installation that leaves the work to the CPU against what was asked for.

    device: as in choose_providers; available, active: onnxruntime's names of what it has and of what a
    session really works on; wheels: those of WHEELS that are installed. None where nothing is to be mended.
    """
    if device.lower() == "cpu" or provider_in_use(active) != CPU:
        return None
    if len(wheels) > 1:
        names = " and ".join(sorted(wheels))
        cause = f"{names} are both installed and overwrite each other's files"
        return _sentence(cause, _reinstall(wheels, _best(wheels)))
    offered = choose_providers(device, available)[0]
    if offered != CPU:
        cause = f"onnxruntime offers {offered.label} but could not start it"
        return _sentence(cause, f"update the graphics driver and run `{UPGRADE} {offered.wheel}`")
    if device.lower() != "auto":
        asked = next(provider for provider in PROVIDERS if provider.label.lower() == device.lower())
        cause = f"the installed onnxruntime has no {asked.label}"
        return _sentence(cause, _reinstall(wheels, asked.wheel))
    return None


def installed_wheels() -> list[str]:
    """Return those of WHEELS that are installed."""
    return [wheel for wheel in WHEELS if _is_installed(wheel)]


def _is_installed(wheel: str) -> bool:
    try:
        metadata.distribution(wheel)
    except metadata.PackageNotFoundError:
        return False
    return True


def import_failure(reason: str, wheels: Collection[str]) -> MissingDependency:
    """Return the error of an onnxruntime that cannot be imported; wheels: those of WHEELS installed."""
    remedy = f"run `pip install {CPU.wheel}`, or for a graphics card {' or '.join(GPU_WHEELS)} in its place"
    if wheels:
        remedy = _reinstall(wheels, _best(wheels))
    return MissingDependency(
        f"Finding poses needs onnxruntime, but it cannot be imported ({reason}): {remedy}."
    )


def _best(wheels: Collection[str]) -> str:
    """Return the wheel to keep: the one for a graphics card, which was installed for a reason."""
    return next((wheel for wheel in GPU_WHEELS if wheel in wheels), CPU.wheel)


def _reinstall(installed: Collection[str], wheel: str) -> str:
    removal = f"`pip uninstall -y {' '.join(sorted(installed))}` and then " if installed else ""
    return f"run {removal}`pip install {wheel}`"


def _sentence(cause: str, remedy: str) -> str:
    return f"Poses are found on the CPU because {cause}: {remedy}."
