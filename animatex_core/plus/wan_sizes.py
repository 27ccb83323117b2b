"""The sizes of the networks of Wan 2.1, read off the shapes of their weights."""

from collections.abc import Mapping

from torch import Tensor

from ..errors import WrongCheckpoint
from .config import WanConfig

_HEAD_DIM = 128  # of every Wan 2.1
_PATCH = 4  # latents of a token, 2 x 2
_I2V_CHANNELS = 36
_MOST_LAYERS = 256


def wan_config_of(tensors: Mapping[str, Tensor], source: str) -> WanConfig:
    """Return the sizes of a transformer under the names of diffusers (`wan_keys.to_diffusers`).

    Raises WrongCheckpoint for a file of another model, such as Wan's text-to-video.
    """
    patches = shape_in(tensors, "patch_embedding.weight", source)
    if patches[1] != _I2V_CHANNELS:
        raise WrongCheckpoint(
            f"{source} takes {patches[1]} channels, but Animate-X++ was trained on image to video, which "
            f"takes {_I2V_CHANNELS}: choose wan2.1_i2v_720p_14B."
        )
    text = shape_in(tensors, "condition_embedder.text_embedder.linear_1.weight", source)
    return WanConfig(
        dim=patches[0],
        ffn_dim=shape_in(tensors, "blocks.0.ffn.net.0.proj.weight", source)[0],
        heads=max(1, patches[0] // _HEAD_DIM),
        blocks=count(tensors, "blocks."),
        in_channels=patches[1],
        out_channels=shape_in(tensors, "proj_out.weight", source)[0] // _PATCH,
        freq_dim=shape_in(tensors, "condition_embedder.time_embedder.linear_1.weight", source)[1],
        text_dim=text[1],
        image_dim=shape_in(tensors, "condition_embedder.image_embedder.norm1.weight", source)[0],
    )


def shape_in(tensors: Mapping[str, Tensor], key: str, source: str) -> tuple[int, ...]:
    """Return the shape of a weight without which the file is of another model; raises WrongCheckpoint."""
    if key not in tensors or tensors[key].ndim == 0:
        raise WrongCheckpoint(f"{source} lacks {key}: choose the file of Wan 2.1 that belongs here.")
    return tuple(tensors[key].shape)


def count(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """Return how many numbered layers begin with a prefix; raises WrongCheckpoint for more than any has."""
    layers = len({key[len(prefix) :].partition(".")[0] for key in tensors if key.startswith(prefix)})
    if layers > _MOST_LAYERS:
        raise WrongCheckpoint(
            f"The file has {layers:,} layers {prefix}N, but {_MOST_LAYERS} are the most: choose the file of "
            "Wan 2.1 that belongs here."
        )
    return layers
