"""The training task of Animate-X++: flow matching with partial parameter training, and its export."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...animate_x.checkpoint_keys import POSITION_TABLE, official_keys, to_official
from ...animate_x.layers import UNINITIALISED, position_table
from ...animate_x.training_spec import TrainingSpec
from ...animate_x_plus.conditions import PlusConditions
from ...animate_x_plus.config import PlusConfig
from ...animate_x_plus.lora import RELEASED_PREFIX
from ...animate_x_plus.modules import PlusModules
from ...animate_x_plus.sampling import TIMESTEPS
from ...animate_x_plus.wan.keys import diffusers_name, wan_shapes
from ...animate_x_plus.wan.transformer import WanInputs, predict
from ...checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ...checkpoints.validation import cast_finite
from ..loop.checkpoint import AVERAGE, Checkpoint
from ..loop.config import BatchKind
from . import trainable_parts
from .batches import PlusBatch
from .config import PlusTrainingConfig
from .network import PlusNetwork, checkpoint_blocks, frozen_transformer, start_network
from .trainable_parts import WAN


class FlowLoss(nn.Module):
    """The loss of both tasks: mean squared error of the velocity `noise - latents`.

    The noisy input is (1 - sigma) * latents + sigma * noise, and all timesteps have the same weight.
    UniAnimate-DiT weights them by a bell curve; neither the abstract nor the official code mentions weights.

    Attributes:
        network: The trained parameters.
        transformer: Wan's transformer, with the LoRA layers attached.

    """

    def __init__(self, network: PlusNetwork, transformer: Any) -> None:
        super().__init__()
        self.network, self.transformer = network, transformer
        network.lora.attach(transformer)

    def forward(self, batch: PlusBatch, noise: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the loss of a batch.

        Args:
            batch: The batch.
            noise: Noise in the shape of the latents.
            timesteps: (b,) float32 in 0..1000.

        Returns:
            The loss, and the mean squared error (b,) of each clip without gradients.

        """
        noised = add_noise(batch.latents, noise, timesteps)
        inputs = WanInputs(batch.text_context, batch.clip_features, batch.y, self.conditions(batch))
        predicted = predict(self.transformer, noised, timesteps, inputs).float()
        errors = (predicted - (noise - batch.latents)).square()
        return errors.mean(), errors.detach().mean((1, 2, 3, 4))

    def conditions(self, batch: PlusBatch) -> PlusConditions | None:
        """Encode the pose inputs of a batch and zero the dropped ones. None if the batch has no poses."""
        if batch.poses is None:
            return None
        encoded = self.network.added.encode(batch.poses)
        pose, reference, motion = batch.kept.unbind(1)
        tokens = encoded.motion_tokens
        return replace(
            encoded,
            pose_tokens=encoded.pose_tokens * pose[:, None, None],
            reference_map=encoded.reference_map * reference[:, None, None, None],
            motion_tokens=None if tokens is None else tokens * motion[:, None, None],
        )


def add_noise(latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
    """Mix latents and noise linearly, as flow matching does.

    Args:
        latents: (b, c, f, h, w).
        noise: Standard normal, likewise.
        timesteps: (b,) in 0..1000; 1000 is noise alone.

    Returns:
        (b, c, f, h, w).

    """
    sigmas = (timesteps / TIMESTEPS)[:, None, None, None, None]
    return (1 - sigmas) * latents + sigmas * noise


def draw_timesteps(count: int, shift: float) -> Tensor:
    """Draw timesteps with the density of the sampler's shifted sigmas, from torch's global state.

    Sigma is shift * u / (1 + (shift - 1) * u) for uniform u in 0..1. UniAnimate-DiT draws u from a grid of
    1000 values; here it is continuous.

    Args:
        count: Number of timesteps.
        shift: Shift of the sigmas.

    Returns:
        (count,) float32 in 0..1000.

    """
    uniform = torch.rand(count)
    return TIMESTEPS * shift * uniform / (1 + (shift - 1) * uniform)


@dataclass(frozen=True)
class PlusTask:
    """`TrainingTask` of the added modules and the LoRA."""

    config: PlusTrainingConfig

    def build(self, *, resumed: bool) -> PlusNetwork:
        """Build the trained network; raises like `start_network`."""
        return start_network(self.config, resumed=resumed)

    def loss(self, network: nn.Module) -> FlowLoss:
        """Build the loss of both tasks; raises like `frozen_transformer`."""
        assert isinstance(network, PlusNetwork)
        device = next(network.parameters()).device
        transformer = network.transformer or frozen_transformer(self.config, device)
        if self.config.gradient_checkpointing:
            checkpoint_blocks(transformer)
        return FlowLoss(network, transformer)

    def sample_noise(self, batch: PlusBatch) -> tuple[Tensor, Tensor]:
        """Draw noise, and timesteps in 0..1000, on the CPU, so that a seed gives the same on all devices."""
        latents = batch.latents
        noise = torch.randn(latents.shape)
        timesteps = draw_timesteps(len(latents), self.config.shift)
        return noise.to(latents.device), timesteps.to(latents.device)

    def set_trainable(self, network: nn.Module, kind: BatchKind) -> None:
        """Enable gradients of the parts that the batch's task trains."""
        trainable_parts.set_trainable(network, self.config.trains.parts(kind.task_name))

    def constants(self) -> dict[str, Tensor]:
        """Return nothing: the empty prompt is not part of the checkpoint."""
        return {}

    def trained_on(self) -> TrainingSpec | None:
        """Return None: the official format does not store it."""
        return None


_ADDED, _LORA = "added.", "lora."
_FACTORS = {".down": ".lora_A.default.weight", ".up": ".lora_B.default.weight"}


def export_plus(checkpoint: Checkpoint, target: str | Path, dtype: torch.dtype = torch.float16) -> None:
    """Write the averaged weights with the official keys: the modules in float32, the LoRA in `dtype`.

    `animatex convert` reads the file, and it has every key that the official script loads. If the transformer
    itself was trained, it is written to `wan_beside(target)`, in `dtype` with its official keys.

    Args:
        checkpoint: A checkpoint of an Animate-X++ training.
        target: The safetensors file to write.
        dtype: Data type of the LoRA and of the transformer.

    Raises:
        WrongCheckpoint: If a weight is not finite.
        StorageError: If a file cannot be written.

    """
    config, averages = checkpoint.config, checkpoint.under(AVERAGE)
    assert isinstance(config, PlusTrainingConfig)
    tensors = released_tensors(averages, config.modules)
    _write(
        target,
        tensors,
        {name: dtype if name.startswith(RELEASED_PREFIX) else torch.float32 for name in tensors},
    )
    if config.trains.whole:
        wan = {name: averages[f"{WAN}.{diffusers_name(name)}"] for name in wan_shapes(config.wan)}
        _write(transformer_path(target), wan, dict.fromkeys(wan, dtype))


def transformer_path(target: str | Path) -> Path:
    """Return the path of the transformer next to an exported file: x.transformer.safetensors."""
    return Path(target).with_suffix(f".{WAN}.safetensors")


def _write(target: str | Path, tensors: Mapping[str, Tensor], types: Mapping[str, torch.dtype]) -> None:
    layout = {name: (shape, types[name]) for name, (shape, _) in tensor_layout(tensors).items()}

    def cast() -> Iterator[tuple[str, Tensor]]:
        for name, tensor in tensors.items():
            yield name, cast_finite(name, tensor, types[name], "The checkpoint")

    write_safetensors(target, layout, cast(), {})


def released_tensors(weights: Mapping[str, Tensor], config: PlusConfig) -> dict[str, Tensor]:
    """Return the parameters of a `PlusNetwork` with the official keys, including position tables."""
    added = {name.removeprefix(_ADDED): value for name, value in weights.items() if name.startswith(_ADDED)}
    modules = to_official(added)
    on_meta = PlusModules(config, UNINITIALISED, device="meta")
    for name, shape in official_keys(on_meta, config.position_rows).items():
        if name.endswith(POSITION_TABLE):
            modules[name] = position_table(shape[1], shape[2]).unsqueeze(0)
    return modules | dict(_lora(weights))


def _lora(weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, value in weights.items():
        for factor, released in _FACTORS.items():
            if name.startswith(_LORA) and name.endswith(factor):
                yield RELEASED_PREFIX + name[len(_LORA) : -len(factor)] + released, value
