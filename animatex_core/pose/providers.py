"""onnxruntime's execution providers, and diagnosis of installations that run on the CPU unexpectedly."""

import reprlib
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib import metadata

from ..errors import InvalidInput, MissingDependency


@dataclass(frozen=True)
class Provider:
    """An execution provider of onnxruntime.

    Attributes:
        label: Name shown to users.
        name: onnxruntime's name.
        wheel: The package that includes it.

    """

    label: str
    name: str
    wheel: str


CPU = Provider("CPU", "CPUExecutionProvider", "onnxruntime")
CUDA = Provider("CUDA", "CUDAExecutionProvider", "onnxruntime-gpu")
DIRECTML = Provider("DirectML", "DmlExecutionProvider", "onnxruntime-directml")
COREML = Provider("CoreML", "CoreMLExecutionProvider", "onnxruntime")
PROVIDERS = (CUDA, DIRECTML, COREML, CPU)  # best first
GPU_WHEELS = (CUDA.wheel, DIRECTML.wheel)
WHEELS = ("onnxruntime", *GPU_WHEELS)  # all install the same files
UPGRADE = "install --upgrade --force-reinstall"


def check_device(device: str) -> None:
    """Raise InvalidInput if a device is neither auto nor a provider's label (case-insensitive)."""
    labels = [provider.label.lower() for provider in PROVIDERS]
    if device.lower() not in ("auto", *labels):
        shown = reprlib.repr(device)
        raise InvalidInput(f"device is {shown}, but it must be one of: auto, {', '.join(labels)}.")


def choose_providers(device: str, available: Collection[str]) -> list[Provider]:
    """Return the providers to use, best first and the CPU last.

    Args:
        device: auto or a provider's label (case-insensitive).
        available: onnxruntime's names of the available providers.

    Raises:
        InvalidInput: The device is unknown.

    """
    check_device(device)
    candidates = [provider for provider in PROVIDERS if device.lower() in ("auto", provider.label.lower())]
    return [provider for provider in candidates if provider.name in available and provider != CPU] + [CPU]


def provider_in_use(active: Sequence[str]) -> Provider:
    """Return the provider that a session actually uses, from onnxruntime's names of its active ones."""
    return next(provider for provider in PROVIDERS if provider.name in active)


def cpu_fallback_reason(
    device: str, available: Collection[str], active: Sequence[str], wheels: Collection[str], fitting: str
) -> str | None:
    """Explain why an installation runs on the CPU although something else was expected.

    Args:
        device: As for `choose_providers`.
        available: onnxruntime's names of the available providers.
        active: onnxruntime's names of the providers that a session actually uses.
        wheels: The installed ones of WHEELS.
        fitting: The one of WHEELS that suits this machine.

    Returns:
        A sentence with the commands to fix it, or None if nothing is wrong.

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
    # Not DirectML for auto, because every Windows machine reports it, with or without a suitable GPU.
    best = CUDA.label if fitting == CUDA.wheel else CPU.label
    wanted = best if device.lower() == "auto" else device
    expected = next(provider for provider in PROVIDERS if provider.label.lower() == wanted.lower())
    if expected != CPU:
        cause = f"the installed onnxruntime has no {expected.label}"
        return _sentence(cause, _reinstall(wheels, expected.wheel))
    return None


def installed_wheels() -> list[str]:
    """Return the ones of WHEELS that are installed."""
    return [wheel for wheel in WHEELS if _is_installed(wheel)]


def _is_installed(wheel: str) -> bool:
    try:
        metadata.distribution(wheel)
    except metadata.PackageNotFoundError:
        return False
    return True


def recommended_wheel() -> str:
    """Return the one of WHEELS that suits this machine."""
    import torch

    if torch.cuda.is_available() and torch.version.hip is None:
        return CUDA.wheel
    return DIRECTML.wheel if sys.platform == "win32" else CPU.wheel


def import_error(reason: str, wheels: Collection[str], fitting: str) -> MissingDependency:
    """Return the error for an onnxruntime that cannot be imported.

    Args:
        reason: Why the import failed.
        wheels: As for `complaint`.
        fitting: As for `complaint`.

    """
    remedy = _reinstall(wheels, _best(wheels) if wheels else fitting)
    return MissingDependency(
        f"Pose detection needs onnxruntime, but it cannot be imported ({reason}): {remedy}."
    )


def _best(wheels: Collection[str]) -> str:
    """Return the wheel to keep: a GPU wheel was installed for a reason."""
    return next((wheel for wheel in GPU_WHEELS if wheel in wheels), CPU.wheel)


def _reinstall(installed: Collection[str], wheel: str) -> str:
    removal = f"`{_pip()} uninstall -y {' '.join(sorted(installed))}` and then " if installed else ""
    return f"run {removal}`{_pip()} install {wheel}`"


def _pip() -> str:
    """Return the pip command of the running Python, which may not be the one on the user's PATH."""
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    return f"{python} -m pip"


def _sentence(cause: str, remedy: str) -> str:
    return f"Poses are detected on the CPU because {cause}: {remedy}."
