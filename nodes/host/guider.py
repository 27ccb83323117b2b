"""Classifier-free guidance of ComfyUI, kept to an interval."""

from typing import Any

from comfy.model_patcher import ModelPatcher
from comfy.samplers import CFGGuider, sampling_function
from torch import Tensor

from ...animatex_core.diffusion.guidance import Guidance
from .solver import sigma_table


class IntervalGuider(CFGGuider):
    """A guider that runs the conditional pass alone where guidance does not apply."""

    def __init__(self, model: ModelPatcher, guidance: Guidance) -> None:
        super().__init__(model)
        self.set_cfg(guidance.scale)
        self.guidance, self.table = guidance, sigma_table(model.get_model_object("model_sampling"))

    def predict_noise(
        self, x: Tensor, timestep: Tensor, model_options: dict[str, Any], seed: int | None = None
    ) -> Tensor:
        """Predict clean latents like x; what ComfyUI calls timestep is a sigma for every frame."""
        applies = self.guidance.applies(self.table.timestep(timestep[0].item()))
        negative, positive = self.conds["negative"], self.conds["positive"]
        scale = self.cfg if applies else 1.0
        return sampling_function(
            self.inner_model, x, timestep, negative, positive, scale, model_options=model_options, seed=seed
        )
