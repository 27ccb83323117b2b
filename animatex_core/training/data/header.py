"""What is the same for all clips of a data set, in `dataset.json` and `text_context.safetensors`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from ...animate_x.training_spec import ReferenceForm
from ...checkpoints.safe_load import open_tensors
from ...checkpoints.safetensors_writer import layout_of, write_safetensors
from ...errors import CheckpointError, InvalidInput
from ...utils.documents import read_json
from ...utils.files import write_json
from ...utils.validation import MAX_SIZE, require_int, shown

VERSION = 1
HEADER, CONTEXT = "dataset.json", "text_context.safetensors"
REMEDY = "name the folder train or validation of what `animatex prepare` wrote"

PictureFormat = Literal["raw", "jpeg"]


@dataclass(frozen=True)
class DatasetHeader:
    """The form of every clip.

    width, height: of the clips in pixels; factor: pixels per latent along one side; clip_dim: width of CLIP's
    embeddings. form: as what the reference is shown. max_stride: the widest step from one chosen frame to
    the next. pictures: how reference pictures of that size are stored. puppet: whether clips have the latents
    of the reference carried along the bones.
    """

    width: int
    height: int
    clip_dim: int
    latent_channels: int = 4
    factor: int = 8
    form: ReferenceForm = "picture"
    max_stride: int = 1
    pictures: PictureFormat = "raw"
    puppet: bool = False

    def __post_init__(self) -> None:
        for name in ("width", "height", "clip_dim", "latent_channels", "factor", "max_stride"):
            require_int(name, getattr(self, name), most=MAX_SIZE)
        for name, choices in (("form", get_args(ReferenceForm)), ("pictures", get_args(PictureFormat))):
            if getattr(self, name) not in choices:
                value = shown(getattr(self, name))
                raise InvalidInput(f"{name} is {value}: choose one of {', '.join(choices)}.")

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of a frame's latents."""
        return self.latent_channels, self.height // self.factor, self.width // self.factor


def write_header(folder: Path, header: DatasetHeader, text_context: Tensor) -> None:
    """Begin a data set in a folder, or check that the one there is of this form.

    text_context: (1, text_tokens, context_dim), the text encoder's answer to "". Raises InvalidInput where
    another data set is there, StorageError where nothing can be written.
    """
    if (folder / HEADER).exists():
        _require_same(folder, header, text_context)
        return
    context = {"text_context": text_context.float()}
    write_safetensors(folder / CONTEXT, layout_of(context), context.items(), {})
    write_json(folder / HEADER, {"version": VERSION, **asdict(header)})


def read_header(folder: Path) -> tuple[DatasetHeader, Tensor]:
    """Return the form of the clips and the text context, float32; raises InvalidInput for anything else."""
    try:
        values = read_json(folder / HEADER)
        context = open_tensors(folder / CONTEXT, weights=False)["text_context"].clone()
    except FileNotFoundError as error:
        raise InvalidInput(f"{folder} holds no {HEADER}, so it is no data set: {REMEDY}.") from error
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
    values.setdefault("puppet", False)  # which data sets of before do not mention
    if set(values) != {field.name for field in fields(DatasetHeader)}:
        raise InvalidInput(f"{folder / HEADER} has missing or unknown entries: {REMEDY}.")
    return DatasetHeader(**values)


def _require_same(folder: Path, header: DatasetHeader, text_context: Tensor) -> None:
    there, context = read_header(folder)
    require_equal(folder, asdict(there), asdict(header))
    if not torch.equal(context, text_context.float()):
        raise InvalidInput(f"{folder} holds clips of other networks: choose an empty folder.")


def require_equal(folder: Path, there: Mapping[str, object], asked: Mapping[str, object]) -> None:
    """Raise InvalidInput that names the differences where a folder was begun otherwise than is asked now."""
    different = [
        f"{name} {there.get(name)}, not {value}" for name, value in asked.items() if there.get(name) != value
    ]
    if different:
        raise InvalidInput(
            f"{folder} holds clips of another form ({'; '.join(different)}): choose an empty folder."
        )
