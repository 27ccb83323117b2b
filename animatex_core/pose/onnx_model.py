"""ONNX models: opened on the best available provider and rejected if they are not the expected model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import CheckpointError, DamagedCheckpoint, OutOfMemory, WrongCheckpoint, warn
from ..utils.devices import is_out_of_memory
from .onnx_sizes import MAX_VALUES, exceeds_memory_limit
from .providers import (
    CPU,
    choose_providers,
    cpu_fallback_reason,
    import_error,
    installed_wheels,
    provider_in_use,
    recommended_wheel,
)

FLOAT = "tensor(float)"
ERRORS = 3  # onnxruntime's log level; its warnings are of no use to users
REMEDY = "check that the path is the right one, or download the file again"
Shape = tuple[int, ...]


@dataclass(frozen=True)
class ModelSignature:
    """Input and output shapes of a model for one image, all float32.

    Attributes:
        title: Name of the model in messages.
        input: Shape of the input without the batch.
        outputs: Shapes of the outputs without the batch.

    """

    title: str
    input: Shape
    outputs: tuple[Shape, ...]

    def __str__(self) -> str:
        outputs = " and ".join(f"(1, {_joined(shape)})" for shape in self.outputs)
        return f"{self.title} maps (1, {_joined(self.input)}) to {outputs}"


class OnnxModel:
    """A `PoseNet` in an ONNX file.

    Args:
        path: The file, for messages.
        form: The expected signature.
        session: onnxruntime's session.
        is_large: Whether running the model would take too much memory, so that `run` refuses to.

    Attributes:
        takes_batches: Whether it accepts several images at once.

    Raises:
        WrongCheckpoint: The model has another signature.

    """

    def __init__(self, path: Path, form: ModelSignature, session: Any, is_large: bool = False) -> None:
        _require_form(path, form, session)
        self._is_large = is_large
        self.path, self.form = path, form
        self._session = session
        self._input = session.get_inputs()[0].name
        ends = [*session.get_inputs(), *session.get_outputs()]
        self.takes_batches = not any(isinstance(end.shape[0], int) for end in ends if end.shape)

    @property
    def providers(self) -> list[str]:
        """Names of the active providers in onnxruntime, best first."""
        return list(self._session.get_providers())

    @property
    def provider(self) -> str:
        """Where it actually runs: CUDA, DirectML, CoreML or CPU."""
        return provider_in_use(self.providers).label

    def run(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run one or more images of the form's input shape; each output is stacked over the images.

        Raises OutOfMemory, and WrongCheckpoint where the file does not do what it declares.
        """
        size = len(images) if self.takes_batches else 1
        runs = [self._run(np.stack(images[at : at + size])) for at in range(0, len(images), size)]
        return [np.concatenate(parts) for parts in zip(*runs, strict=True)]

    def _run(self, batch: np.ndarray) -> list[np.ndarray]:
        if self._is_large:
            raise OutOfMemory(
                f"{self.path} does not fit into the memory that a model may take, as it has tensors of more "
                f"than {MAX_VALUES:,} values: {REMEDY}."
            )
        try:
            outputs = self._session.run(None, {self._input: batch})
        except _onnxruntime_errors() as error:
            raise self._explained(error, len(batch)) from error
        shapes = [output.shape for output in outputs]
        if shapes != [(len(batch), *shape) for shape in self.form.outputs]:
            found = " and ".join(map(str, shapes))
            raise WrongCheckpoint(f"{self.path} gave {found}, but {self.form}: {REMEDY}.")
        return outputs

    def _explained(self, error: Exception, images: int) -> Exception:
        if is_out_of_memory(error) or "failed to allocate" in str(error).lower():
            return OutOfMemory(
                f"{self.path} does not fit into the memory that is left: close other programs, or find poses "
                "on the device cpu."
            )
        return WrongCheckpoint(f"{self.path} failed on {images} images ({_reason(error)}): {REMEDY}.")


def open_model(path: Path, form: ModelSignature, device: str = "auto") -> OnnxModel:
    """Open an ONNX file; falls back to the CPU for providers that are not available.

    Args:
        path: The file.
        form: The expected signature.
        device: auto, cuda, directml, coreml or cpu.

    Raises:
        CheckpointError: The file is missing, unreadable, unsafe or of another model (or a subclass).
        MissingDependency: onnxruntime is not installed.
        InvalidInput: The device is unknown.

    """
    onnxruntime = _onnxruntime()
    providers = choose_providers(device, onnxruntime.get_available_providers())
    if not path.is_file():
        raise CheckpointError(f"{path} is not a file: give the path of {form.title}.")
    is_large = _is_large(path)
    try:
        session = _session(onnxruntime, path, [provider.name for provider in providers], is_large is False)
        if is_large is None:  # onnxruntime may only read what was checked
            raise DamagedCheckpoint(f"{path} cannot be read as ONNX (it has unknown fields): {REMEDY}.")
        return OnnxModel(path, form, session, is_large)
    except UnicodeDecodeError as error:  # onnxruntime's messages quote names from the file
        raise DamagedCheckpoint(
            f"{path} cannot be read as ONNX (it has names that are not UTF-8): {REMEDY}."
        ) from error


def _is_large(path: Path) -> bool | None:
    """Return whether running a file takes too much memory, None if that could not be checked."""
    try:
        return exceeds_memory_limit(path)
    except (ValueError, OSError, RecursionError):  # onnxruntime reports what is wrong
        return None


def warn_of_cpu_fallback(device: str, model: OnnxModel) -> None:
    """Warn if the installation makes the model run on the CPU although a GPU was expected."""
    available = _onnxruntime().get_available_providers()
    sentence = cpu_fallback_reason(
        device, available, model.providers, installed_wheels(), recommended_wheel()
    )
    if sentence is not None:
        warn(sentence, stacklevel=3)


def _session(onnxruntime: ModuleType, path: Path, providers: list[str], optimized: bool = True) -> Any:
    options = onnxruntime.SessionOptions()
    if not optimized:  # optimization would evaluate constants of any size
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = ERRORS
    options.enable_mem_pattern = "DmlExecutionProvider" not in providers  # DirectML cannot use it
    # Threads that spin while waiting would take cores from the other model and the decoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except _onnxruntime_errors() as error:
        if providers != [CPU.name]:
            return _session(onnxruntime, path, [CPU.name], optimized)
        raise DamagedCheckpoint(f"{path} cannot be read as ONNX ({_reason(error)}): {REMEDY}.") from error


def _require_form(path: Path, form: ModelSignature, session: Any) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    expected = [form.input], list(form.outputs)
    for found, shapes in zip((inputs, outputs), expected, strict=True):
        fits = len(found) == len(shapes) and all(map(_fits, found, shapes))
        if not fits:
            described = f"{_described(inputs)} to {_described(outputs)}"
            raise WrongCheckpoint(f"{path} maps {described}, but {form}, in float32: {REMEDY}.")


def _fits(found: Any, shape: Shape) -> bool:
    """Return whether a declared tensor accepts a batch of this shape; undeclared sizes do."""
    if found.type != FLOAT or len(found.shape) not in (0, len(shape) + 1):
        return False
    sizes = zip(found.shape, (1, *shape), strict=False)
    return all(not isinstance(size, int) or size == wanted for size, wanted in sizes)


def _described(ends: Sequence[Any]) -> str:
    return " and ".join(
        f"{end.name} ({_joined(end.shape)})" + ("" if end.type == FLOAT else f" of {end.type}")
        for end in ends
    )


def _reason(error: Exception) -> str:
    """Return the end of the message's first line, without onnxruntime's codes."""
    return str(error).partition("\n")[0].rpartition(" : ")[2].rstrip(".")


def _joined(shape: Sequence[object]) -> str:
    return ", ".join("?" if size is None else str(size) for size in shape)


def _onnxruntime() -> ModuleType:
    try:
        import onnxruntime
    except ImportError as error:
        raise import_error(str(error), installed_wheels(), recommended_wheel()) from error
    if not hasattr(onnxruntime, "InferenceSession"):  # an empty folder left by an uninstalled wheel
        raise import_error("its files are gone", installed_wheels(), recommended_wheel())
    return onnxruntime


def _onnxruntime_errors() -> tuple[type[Exception], ...]:
    """Return the errors of opening and running a model, which have no specific common base class.

    Messages that quote a name which is not UTF-8 raise UnicodeDecodeError.
    """
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = "EPFail Fail InvalidArgument InvalidGraph InvalidProtobuf NoModel NotImplemented RuntimeException"
    return (*(getattr(state, name) for name in names.split()), UnicodeDecodeError)
