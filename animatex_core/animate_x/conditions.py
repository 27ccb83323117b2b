"""Conditions of the denoiser: its validated inputs, and their encoded form, computed once per video."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ..errors import InvalidInput
from .attention import KeyValue
from .condition_checks import check_form, condition_widths
from .config import DenoiserConfig
from .shapes import ClipShape

Device = torch.device | str | None


@dataclass(frozen=True)
class ConditionInputs:
    """Conditions of a video of f frames before they are encoded. None leaves a condition out.

    Args:
        shape: Size of the video; its f counts the generated frames only.
        text_context: (1 or b, text_tokens, context_dim), the text encoder's output for "".
        image_embedding: (b, 1, clip_dim), CLIP's pooled embedding of the reference image.
        reference_image: (b, 3, 1 or f, height, width) in 0..1; one frame is used for all.
        reference_latents: (b, latent_channels, 1, h, w), scaled latents of the reference image.
        pose_pictures: (b, 3, f + 1, height, width), pose images, the reference first; uint8, or floats in
            0..1.
        keypoints: (b, f + 1, 2, joints) in 0..1, or -1 where undetected, the reference first; None means
            zeros.
        clip_features: (b, f + 1, clip_dim), CLIP's embeddings, the reference first; None means zeros.
        puppet_latents: (b, latent_channels, f, h, w), scaled latents of the puppet's frames, for a network
            that was trained on them.
        puppet_alpha: (b, 1, f, height, width) in 0..1, what the figure covers in the puppet's frames; None
            means zeros. Only a network with a finer grid uses it.
        pinned_latents: (b, latent_channels, f, h, w), scaled latents of given frames, which sampling holds.
        pin_strength: (b, f) in 0..1, how strongly: 0 where a frame is not given.

    Raises:
        InvalidInput: A condition does not fit the shape, or the batch of another.

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
    puppet_alpha: Tensor | None = None
    pinned_latents: Tensor | None = None
    pin_strength: Tensor | None = None

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
            "puppet_alpha": (None, 1, frames, *size),
            "pinned_latents": (None, None, frames, *self.shape.latent_size),
            "pin_strength": (None, frames),
        }
        for name, tensor in self._given().items():
            check_form(name, tensor, forms[name])
            if tensor.shape[0] not in (1, self.batch):
                raise InvalidInput(
                    f"{name} is for {tensor.shape[0]} videos and another condition for {self.batch}: pass "
                    "each once per video, or once for all."
                )

    @property
    def batch(self) -> int:
        """Number of videos."""
        return max(tensor.shape[0] for tensor in self._given().values())

    def unconditional(self) -> "ConditionInputs":
        """Return the inputs of the unconditional pass for classifier-free guidance: the text context only."""
        context = self.text_context.expand(self.batch, -1, -1)
        return ConditionInputs(shape=self.shape, text_context=context)

    def clips(self) -> Iterator["ConditionInputs"]:
        """Yield the inputs of each video of the batch."""
        for index in range(self.batch):
            one = {name: v if v.shape[0] == 1 else v[index : index + 1] for name, v in self._given().items()}
            yield ConditionInputs(shape=self.shape, **one)

    def window(self, start: int, stop: int) -> "ConditionInputs":
        """Return the inputs of the frames start..stop - 1, with the reference in front.

        In a window of a loop, frames past the end are those of the beginning.
        """
        frames = [frame % self.shape.frames for frame in range(start, stop)]

        def cut(tensor: Tensor | None, axis: int, ahead: int) -> Tensor | None:
            if tensor is None or tensor.shape[axis] == 1:
                return tensor
            kept = [*range(ahead), *(frame + ahead for frame in frames)]
            return tensor.index_select(axis, torch.tensor(kept, device=tensor.device))

        return replace(
            self,
            shape=replace(self.shape, frames=stop - start),
            reference_image=cut(self.reference_image, 2, 0),
            pose_pictures=cut(self.pose_pictures, 2, 1),
            keypoints=cut(self.keypoints, 1, 1),
            clip_features=cut(self.clip_features, 1, 1),
            puppet_latents=cut(self.puppet_latents, 2, 0),
            puppet_alpha=cut(self.puppet_alpha, 2, 0),
            pinned_latents=cut(self.pinned_latents, 2, 0),
            pin_strength=cut(self.pin_strength, 1, 0),
        )

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> "ConditionInputs":
        """Return a copy on another device or, for floats, in another dtype; None keeps it."""
        moved = {
            name: tensor.to(device, dtype if tensor.is_floating_point() else None)
            for name, tensor in self._given().items()
        }
        return ConditionInputs(shape=self.shape, **moved)

    def check_finite(self) -> None:
        """Raise InvalidInput where a condition contains NaN or infinity."""
        for name, tensor in self._given().items():
            if not tensor.isfinite().all():
                raise InvalidInput(f"{name} contains NaN or infinity: check how it was computed.")

    def validate_for(self, config: DenoiserConfig) -> None:
        """Check that these inputs fit a network.

        Args:
            config: Sizes of the network.

        Raises:
            InvalidInput: A condition has another width, or the network cannot halve the size.

        """
        for name, (axis, expected) in condition_widths(config).items():
            tensor = getattr(self, name)
            found = None if tensor is None else tuple(tensor.shape[axis : axis + len(expected)])
            if found is not None and found != expected:
                raise InvalidInput(
                    f"{name} has {found} at axis {axis}, but this denoiser needs {expected}: use the encoder "
                    "that belongs to it."
                )
        multiple = 2**config.num_downsamples
        if any(length % multiple for length in self.shape.latent_size):
            raise InvalidInput(
                f"The video is {self.shape.width}x{self.shape.height} pixels, but this denoiser needs "
                f"multiples of {self.shape.factor * multiple}: choose such a width and height."
            )

    def _given(self) -> dict[str, Tensor]:
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "shape"}
        return {name: value for name, value in values.items() if value is not None}


class KeptPrediction:
    """What a network that ignores the noisy latents predicts for one video, which is the same at every step.

    Attributes:
        value: (1, latent_channels, f, h, w); None until the network has run.

    """

    def __init__(self) -> None:
        self.value: Tensor | None = None


@dataclass(frozen=True)
class Conditions:
    """Encoded conditions, which stay the same over the denoising steps.

    Args:
        concat: (b, condition_channels, f, h, w), concatenated to the noisy latents.
        reference: (b, latent_channels + condition_channels, 1, h, w), the frame in front of the video.
        context: One KeyValue per spatial transformer in forward order, (b, heads, tokens, d), shared by all
            frames.
        motion: Likewise for the motion attention, (b*(f+1), heads, ipi_tokens, d); empty without IPI.
        kept: One per video for a network that ignores the noisy latents, shared by copies; empty for others,
            and where the weights change between steps.

    """

    concat: Tensor
    reference: Tensor
    context: tuple[KeyValue, ...]
    motion: tuple[KeyValue, ...]
    kept: tuple[KeptPrediction, ...] = ()

    @property
    def batch(self) -> int:
        """Number of videos."""
        return self.concat.shape[0]

    @property
    def frames(self) -> int:
        """Number of generated frames."""
        return self.concat.shape[2]

    def to(self, device: Device = None, dtype: torch.dtype | None = None) -> "Conditions":
        """Return a copy on another device or in another dtype; None keeps it."""

        def move(pairs: tuple[KeyValue, ...]) -> tuple[KeyValue, ...]:
            return tuple(KeyValue(*(tensor.to(device, dtype) for tensor in pair)) for pair in pairs)

        return Conditions(
            self.concat.to(device, dtype),
            self.reference.to(device, dtype),
            move(self.context),
            move(self.motion),
            self.kept,
        )

    @staticmethod
    def stack(parts: Sequence["Conditions"]) -> "Conditions":
        """Concatenate several conditions to one batch, for example for guidance in a single pass."""

        def join(pairs: Sequence[tuple[KeyValue, ...]]) -> tuple[KeyValue, ...]:
            return tuple(
                KeyValue(torch.cat([p.key for p in layer]), torch.cat([p.value for p in layer]))
                for layer in zip(*pairs, strict=True)
            )

        kept = tuple(each for part in parts for each in part.kept)
        return Conditions(
            torch.cat([part.concat for part in parts]),
            torch.cat([part.reference for part in parts]),
            join([part.context for part in parts]),
            join([part.motion for part in parts]),
            kept if len(kept) == sum(part.batch for part in parts) else (),
        )


@dataclass(frozen=True)
class BlockContext:
    """What the blocks share during one call: timestep embedding (b, time_dim) and encoded conditions."""

    time: Tensor
    conditions: Conditions

    @property
    def frames(self) -> int:
        """Number of frames in the network, f + 1: the video's and the reference in front."""
        return self.conditions.frames + 1
