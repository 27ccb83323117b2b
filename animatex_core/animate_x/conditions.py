"""Conditions of the denoiser: as a caller gives them, checked against the network, and encoded once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ..errors import InvalidInput
from .config import DenoiserConfig
from .layers import KeyValue
from .shapes import ClipShape

Device = torch.device | str | None


@dataclass(frozen=True)
class ConditionInputs:
    """Conditions of a clip of f frames before they are encoded. None leaves a condition out.

    shape: size of the clip; its f counts the generated frames alone.
    text_context: (1 or b, text_tokens, context_dim), the text encoder's answer to "".
    image_embedding: (b, 1, clip_dim), CLIP's pooled embedding of the reference picture.
    reference_image: (b, 3, 1 or f, height, width) in 0..1; one frame stands for all.
    reference_latents: (b, latent_channels, 1, h, w), scaled latents of the reference picture.
    pose_pictures: (b, 3, f + 1, height, width), the pose of the reference in front; uint8, or 0..1 in
        floating point.
    keypoints: (b, f + 1, 2, joints) in 0..1 or -1 where unseen, likewise; None means zeros.
    clip_features: (b, f + 1, clip_dim), the reference picture's in front; None means zeros.
    puppet_latents: (b, latent_channels, f, h, w), scaled latents of the puppet's frames, for a network that
        was trained on them.
    """

    shape: ClipShape
    text_context: Tensor
    image_embedding: Tensor | None = None
    reference_image: Tensor | None = None
    reference_latents: Tensor | None = None
    pose_pictures: Tensor | None = None
    keypoints: Tensor | None = None
    clip_features: Tensor | None = None
    puppet_latents: Tensor | None = None

    def __post_init__(self) -> None:
        frames, size = self.shape.frames, (self.shape.height, self.shape.width)
        forms: dict[str, tuple[int | tuple[int, int] | None, ...]] = {
            "text_context": (None, None, None),
            "image_embedding": (None, 1, None),
            "reference_image": (None, 3, (1, frames), *size),
            "reference_latents": (None, None, 1, *self.shape.latent_size),
            "pose_pictures": (None, 3, frames + 1, *size),
            "keypoints": (None, frames + 1, 2, None),
            "clip_features": (None, frames + 1, None),
            "puppet_latents": (None, None, frames, *self.shape.latent_size),
        }
        for name, tensor in self._given().items():
            _check_form(name, tensor, forms[name])
            if tensor.shape[0] not in (1, self.batch):
                raise InvalidInput(
                    f"{name} is for {tensor.shape[0]} clips and another condition for {self.batch}: give "
                    "each condition once a clip, or once for all."
                )

    @property
    def batch(self) -> int:
        """Number of clips."""
        return max(tensor.shape[0] for tensor in self._given().values())

    def unconditional(self) -> "ConditionInputs":
        """Return the inputs of the unconditional pass: nothing but the text context."""
        context = self.text_context.expand(self.batch, -1, -1)
        return ConditionInputs(shape=self.shape, text_context=context)

    def clips(self) -> Iterator["ConditionInputs"]:
        """Yield the inputs of each clip of the batch alone."""
        for index in range(self.batch):
            one = {name: v if v.shape[0] == 1 else v[index : index + 1] for name, v in self._given().items()}
            yield ConditionInputs(shape=self.shape, **one)

    def window(self, start: int, stop: int) -> "ConditionInputs":
        """Return the inputs of the frames start..stop alone, the reference in front as ever."""

        def cut(tensor: Tensor | None, axis: int, ahead: int) -> Tensor | None:
            if tensor is None or tensor.shape[axis] == 1:
                return tensor
            kept = [*range(ahead), *range(start + ahead, stop + ahead)]
            return tensor.index_select(axis, torch.tensor(kept, device=tensor.device))

        return replace(
            self,
            shape=replace(self.shape, frames=stop - start),
            reference_image=cut(self.reference_image, 2, 0),
            pose_pictures=cut(self.pose_pictures, 2, 1),
            keypoints=cut(self.keypoints, 1, 1),
            clip_features=cut(self.clip_features, 1, 1),
            puppet_latents=None if self.puppet_latents is None else self.puppet_latents[:, :, start:stop],
        )

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> "ConditionInputs":
        """Return a copy whose tensors lie elsewhere."""
        moved = {
            name: tensor.to(device, dtype if tensor.is_floating_point() else None)
            for name, tensor in self._given().items()
        }
        return ConditionInputs(shape=self.shape, **moved)

    def check_finite(self) -> None:
        """Raise InvalidInput where a condition holds NaN or infinity."""
        for name, tensor in self._given().items():
            if not tensor.isfinite().all():
                raise InvalidInput(f"{name} holds NaN or infinity: check where it was made.")

    def _given(self) -> dict[str, Tensor]:
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "shape"}
        return {name: value for name, value in values.items() if value is not None}


def _check_form(name: str, tensor: Tensor, form: tuple[int | tuple[int, int] | None, ...]) -> None:
    """Raise InvalidInput unless each axis has the length, or one of the lengths, that a form allows."""
    allowed = [(axis,) if isinstance(axis, int) else axis for axis in form]
    fits = tensor.ndim == len(form) and all(
        length in lengths for length, lengths in zip(tensor.shape, allowed, strict=True) if lengths
    )
    bytes_allowed = name == "pose_pictures" and tensor.dtype == torch.uint8
    if not fits or not (tensor.is_floating_point() or bytes_allowed):
        axes = ["any" if axis is None else " or ".join(map(str, axis)) for axis in allowed]
        raise InvalidInput(
            f"{name} is {tuple(tensor.shape)} {tensor.dtype}, but the clip needs ({', '.join(axes)}) in "
            "floating point: give it so."
        )


@dataclass(frozen=True)
class Conditions:
    """Everything that stays the same over the denoising steps, encoded.

    concat: (b, condition_channels, f, h, w), beside the noisy latents.
    reference: (b, latent_channels + condition_channels, 1, h, w), the frame in front of the clip.
    context: one KeyValue a spatial transformer in forward order, (b, heads, tokens, d): all frames share it.
    motion: likewise for the motion attention, (b*(f+1), heads, ipi_tokens, d); empty without IPI.
    """

    concat: Tensor
    reference: Tensor
    context: tuple[KeyValue, ...]
    motion: tuple[KeyValue, ...]

    @property
    def batch(self) -> int:
        """Number of clips."""
        return self.concat.shape[0]

    @property
    def frames(self) -> int:
        """Number of generated frames."""
        return self.concat.shape[2]

    def to(self, device: Device = None, dtype: torch.dtype | None = None) -> "Conditions":
        """Return a copy that lies elsewhere."""

        def move(pairs: tuple[KeyValue, ...]) -> tuple[KeyValue, ...]:
            return tuple(KeyValue(*(tensor.to(device, dtype) for tensor in pair)) for pair in pairs)

        return Conditions(
            self.concat.to(device, dtype),
            self.reference.to(device, dtype),
            move(self.context),
            move(self.motion),
        )

    @staticmethod
    def stack(parts: Sequence["Conditions"]) -> "Conditions":
        """Join the clips of several conditions into one batch, as for guidance in a single pass."""

        def join(pairs: Sequence[tuple[KeyValue, ...]]) -> tuple[KeyValue, ...]:
            return tuple(
                KeyValue(torch.cat([p.key for p in layer]), torch.cat([p.value for p in layer]))
                for layer in zip(*pairs, strict=True)
            )

        return Conditions(
            torch.cat([part.concat for part in parts]),
            torch.cat([part.reference for part in parts]),
            join([part.context for part in parts]),
            join([part.motion for part in parts]),
        )


@dataclass(frozen=True)
class BlockContext:
    """What the layers share during one call: time (b, time_dim), conditions, and frames (f + 1)."""

    time: Tensor
    conditions: Conditions

    @property
    def frames(self) -> int:
        """Frames in the network: the clip's and the reference in front."""
        return self.conditions.frames + 1


def check_fit(inputs: ConditionInputs, config: DenoiserConfig) -> None:
    """Raise InvalidInput for a condition of another width, or a size that the network cannot halve."""
    widths: dict[str, tuple[int, tuple[int, ...]]] = {
        "text_context": (1, (config.text_tokens, config.context_dim)),
        "image_embedding": (2, (config.context_dim,)),
        "reference_latents": (1, (config.latent_channels,)),
        "puppet_latents": (1, (config.latent_channels if config.puppet else 0,)),
    }
    if config.ipi is not None:
        widths |= {"keypoints": (3, (config.ipi.joints,)), "clip_features": (2, (config.ipi.clip_dim,))}
    for name, (axis, expected) in widths.items():
        tensor = getattr(inputs, name)
        found = None if tensor is None else tuple(tensor.shape[axis : axis + len(expected)])
        if found is not None and found != expected:
            raise InvalidInput(
                f"{name} has {found} at axis {axis}, but this denoiser needs {expected}: make it with the "
                "encoder that belongs to it."
            )
    _check_size(inputs, config)


def _check_size(inputs: ConditionInputs, config: DenoiserConfig) -> None:
    multiple = 2**config.halvings
    if any(length % multiple for length in inputs.shape.latent_size):
        pixels = inputs.shape.factor * multiple
        raise InvalidInput(
            f"The clip is {inputs.shape.width}x{inputs.shape.height} pixels, but this denoiser needs "
            f"multiples of {pixels}: choose such a width and height."
        )
