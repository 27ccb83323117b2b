"""Where onnxruntime works, and what is wrong with an installation that does not work where it should."""

import reprlib
import sys
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
CUDA = Provider("CUDA", "CUDAExecutionProvider", "onnxruntime-gpu")
DIRECTML = Provider("DirectML", "DmlExecutionProvider", "onnxruntime-directml")
PROVIDERS = (
    CUDA,
    DIRECTML,
    Provider("CoreML", "CoreMLExecutionProvider", "onnxruntime"),
    CPU,
)  # the best first
GPU_WHEELS = (CUDA.wheel, DIRECTML.wheel)
WHEELS = ("onnxruntime", *GPU_WHEELS)  # all write the same files
UPGRADE = "install --upgrade --force-reinstall"


def check_device(device: str) -> None:
    """Raise InvalidInput where a device is neither auto nor a provider's label, in any case."""
    labels = [provider.label.lower() for provider in PROVIDERS]
    if device.lower() not in ("auto", *labels):
        shown = reprlib.repr(device)
        raise InvalidInput(f"device is {shown}, but it must be one of auto, {', '.join(labels)}.")


def choose_providers(device: str, available: Collection[str]) -> list[Provider]:
    """Return what to run on, the best first and the CPU last.

    device: auto, or a provider's label in any case; available: onnxruntime's names of what it has.
    Raises InvalidInput for another device.
    """
    check_device(device)
    asked = [provider for provider in PROVIDERS if device.lower() in ("auto", provider.label.lower())]
    return [provider for provider in asked if provider.name in available and provider != CPU] + [CPU]


def provider_in_use(active: Sequence[str]) -> Provider:
    """Return the provider that a session really works on, from onnxruntime's names of its active ones."""
    return next(provider for provider in PROVIDERS if provider.name in active)


def complaint(
    device: str, available: Collection[str], active: Sequence[str], wheels: Collection[str], fitting: str
) -> str | None:
    """Return a sentence about an installation that leaves the work to the CPU against what was asked for.

    device: as in choose_providers; available, active: onnxruntime's names of what it has and of what a
    session really works on; wheels: those of WHEELS that are installed; fitting: the one that suits this
    machine. None where nothing is to be mended.
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
        return _sentence(cause, f"update the graphics driver and run `{_pip()} {UPGRADE} {offered.wheel}`")
    # What auto could have had: not DirectML, which is offered to every Windows, with a fit card or without.
    best = CUDA.label if fitting == CUDA.wheel else CPU.label
    wanted = best if device.lower() == "auto" else device
    asked = next(provider for provider in PROVIDERS if provider.label.lower() == wanted.lower())
    if asked != CPU:
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


def fitting_wheel() -> str:
    """Return the one of WHEELS that suits this machine."""
    import torch

    if torch.cuda.is_available() and torch.version.hip is None:
        return CUDA.wheel
    return DIRECTML.wheel if sys.platform == "win32" else CPU.wheel


def import_failure(reason: str, wheels: Collection[str], fitting: str) -> MissingDependency:
    """Return the error of an onnxruntime that cannot be imported; wheels, fitting: as in `complaint`."""
    remedy = _reinstall(wheels, _best(wheels) if wheels else fitting)
    return MissingDependency(
        f"Finding poses needs onnxruntime, but it cannot be imported ({reason}): {remedy}."
    )


def _best(wheels: Collection[str]) -> str:
    """Return the wheel to keep: the one for a graphics card, which was installed for a reason."""
    return next((wheel for wheel in GPU_WHEELS if wheel in wheels), CPU.wheel)


def _reinstall(installed: Collection[str], wheel: str) -> str:
    removal = f"`{_pip()} uninstall -y {' '.join(sorted(installed))}` and then " if installed else ""
    return f"run {removal}`{_pip()} install {wheel}`"


def _pip() -> str:
    """Return the command that installs into the Python that runs here, which may not be the user's own."""
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    return f"{python} -m pip"


def _sentence(cause: str, remedy: str) -> str:
    return f"Poses are found on the CPU because {cause}: {remedy}."
