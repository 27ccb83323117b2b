"""What all clips of a data set share: `dataset.json` and `text_context.safetensors`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from ...animate_x.training_spec import ReferenceForm
from ...checkpoints.safe_load import open_tensors
from ...checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ...errors import CheckpointError, InvalidInput
from ...utils.documents import read_json
from ...utils.files import write_json
from ...utils.validation import MAX_SIZE, require_int_fields, short_repr

VERSION = 1
HEADER, CONTEXT = "dataset.json", "text_context.safetensors"
REMEDY = "give the folder train or validation that `animatex prepare` wrote"

ImageFormat = Literal["raw", "jpeg"]


@dataclass(frozen=True)
class DatasetHeader:
    """Size and format of all clips.

    Attributes:
        width: Width of the clips in pixels.
        height: Height of the clips in pixels.
        clip_dim: Width of the CLIP embeddings.
        latent_channels: Channels of the latents.
        factor: Pixels per latent along one side.
        form: How the denoiser gets the reference image: as pixels, as latents or as both.
        max_stride: Largest stride between the frames of a sample.
        pictures: Format of the stored reference images, which have the size of the clips.
        puppet: Whether clips have latents of the reference image warped along the bones.

    Raises:
        InvalidInput: If a value is invalid.

    """

    width: int
    height: int
    clip_dim: int
    latent_channels: int = 4
    factor: int = 8
    form: ReferenceForm = "picture"
    max_stride: int = 1
    pictures: ImageFormat = "raw"
    puppet: bool = False

    def __post_init__(self) -> None:
        sizes = ("width", "height", "clip_dim", "latent_channels", "factor", "max_stride")
        require_int_fields(self, sizes, most=MAX_SIZE)
        for name, choices in (("form", get_args(ReferenceForm)), ("pictures", get_args(ImageFormat))):
            if getattr(self, name) not in choices:
                value = short_repr(getattr(self, name))
                raise InvalidInput(f"{name} is {value}: choose one of {', '.join(choices)}.")

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Shape (channels, height, width) of the latents of a frame."""
        return self.latent_channels, self.height // self.factor, self.width // self.factor


def write_header(folder: Path, header: DatasetHeader, text_context: Tensor) -> None:
    """Create a data set in a folder, or check that the existing one has the same header.

    Args:
        folder: Folder of the data set.
        header: Size and format of its clips.
        text_context: Output (1, text_tokens, context_dim) of the text encoder for the empty prompt.

    Raises:
        InvalidInput: If the folder holds a different data set.
        StorageError: If a file cannot be written.

    """
    if (folder / HEADER).exists():
        _require_same(folder, header, text_context)
        return
    context = {"text_context": text_context.float()}
    write_safetensors(folder / CONTEXT, tensor_layout(context), context.items(), {})
    write_json(folder / HEADER, {"version": VERSION, **asdict(header)})


def read_header(folder: Path) -> tuple[DatasetHeader, Tensor]:
    """Read the header and the text context (1, text_tokens, context_dim) of a data set.

    Raises:
        InvalidInput: If the folder holds no data set, or a damaged one.

    """
    try:
        values = read_json(folder / HEADER)
        context = open_tensors(folder / CONTEXT, weights=False)["text_context"].clone()
    except FileNotFoundError as error:
        raise InvalidInput(
            f"{folder} is not a data set, because it contains no {HEADER}: {REMEDY}."
        ) from error
    except (OSError, ValueError, KeyError, CheckpointError) as error:
        raise InvalidInput(f"The data set {folder} cannot be read ({error}): {REMEDY}.") from error
    return _header(folder, values), context


def _header(folder: Path, values: object) -> DatasetHeader:
    version = values.pop("version", None) if isinstance(values, dict) else None
    if version != VERSION:
        raise InvalidInput(
            f"The data set {folder} has version {version}, but this library reads version {VERSION}: prepare "
            "it again."
        )
    assert isinstance(values, dict)
    values.setdefault("puppet", False)  # missing in older data sets
    if set(values) != {field.name for field in fields(DatasetHeader)}:
        raise InvalidInput(f"{folder / HEADER} has missing or unknown entries: {REMEDY}.")
    return DatasetHeader(**values)


def _require_same(folder: Path, header: DatasetHeader, text_context: Tensor) -> None:
    stored, context = read_header(folder)
    require_equal(folder, asdict(stored), asdict(header))
    if not torch.equal(context, text_context.float()):
        raise InvalidInput(f"{folder} holds clips that other models encoded: choose an empty folder.")


def require_equal(folder: Path, stored: Mapping[str, object], given: Mapping[str, object]) -> None:
    """Check that a folder was prepared with these settings.

    Args:
        folder: The folder, for the message.
        stored: Settings that the folder was prepared with.
        given: Settings of this preparation.

    Raises:
        InvalidInput: If a setting differs; the message names all differences.

    """
    different = [
        f"{name} {stored.get(name)}, not {value}"
        for name, value in given.items()
        if stored.get(name) != value
    ]
    if different:
        raise InvalidInput(
            f"{folder} was prepared with other settings ({'; '.join(different)}): choose an empty folder."
        )
