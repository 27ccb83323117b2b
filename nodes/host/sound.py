"""ComfyUI's AUDIO, and the core's sound."""

import warnings
from typing import Any

import torch

from ...animatex_core.errors import AnimateXWarning, InvalidInput
from ...animatex_core.video.audio_samples import Samples


def samples_of(audio: Any) -> Samples | None:
    """Return the first sound of an AUDIO, None where there is none; whole numbers become -1..1."""
    if audio is None or not audio["waveform"].numel():
        return None
    waveform = audio["waveform"].detach().cpu()
    if waveform.ndim != 3:
        raise InvalidInput(
            f"The AUDIO has shape {tuple(waveform.shape)}, but it must be (batch, channels, samples): "
            "give sound."
        )
    if len(waveform) > 1:
        sentence = f"The AUDIO holds {len(waveform)} sounds, of which only the first is used: give one."
        warnings.warn(AnimateXWarning(sentence), stacklevel=2)
    return Samples(_in_one(waveform[0]).numpy(), int(audio["sample_rate"]))


def audio_of(samples: Samples | None) -> dict[str, Any] | None:
    """Return sound as an AUDIO."""
    if samples is None:
        return None
    return {"waveform": torch.from_numpy(samples.waveform)[None], "sample_rate": samples.rate}


def _in_one(waveform: torch.Tensor) -> torch.Tensor:
    if waveform.is_floating_point():
        return waveform.float()
    kind = torch.iinfo(waveform.dtype)
    half, middle = (kind.max - kind.min + 1) / 2, (kind.max + kind.min + 1) / 2
    return (waveform.double() - middle).div(half).float()
