"""Features that clips are compared by, which stay the same whatever is trained.

They are those of the encoder of the first small autoencoder, in the form that `scores.perceptual_distance`
reads.
"""

from functools import cache
from pathlib import Path
from typing import Any

import torch

from ...checkpoints.safe_read import open_tensors
from ...checkpoints.strict import load_strictly
from ...encoders.autoencoder import SMALL_AUTOENCODER, network_on_meta

WEIGHTS = Path(__file__).parent / "data" / "perceptual.safetensors"


@cache
def perceptual_encoder() -> Any:
    """Return the first convolution and the levels of that encoder, in float32."""
    whole: Any = network_on_meta(SMALL_AUTOENCODER).encoder
    layers = torch.nn.Module()
    layers.conv_in, layers.down_blocks = whole.conv_in, whole.down_blocks
    tensors = {name: tensor.float() for name, tensor in open_tensors(WEIGHTS).items()}
    return load_strictly(layers, tensors, "the perceptual features", str(WEIGHTS)).eval()
