"""A small Wan of ComfyUI with the reference weights, and its conditions, for measurements.

Import it in a process whose first argument is the folder of ComfyUI.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.comfyui.hosts import ROOT
from tests.comfyui.probes.pack import known_weights, pack, start
from tests.support.reference_weights import weight

start(sys.argv[1])

import comfy.ldm.wan.vae  # noqa: E402 - known only from here on
import comfy.samplers  # noqa: E402
import comfy.supported_models  # noqa: E402
from comfy.clip_vision import Output  # noqa: E402
from comfy.latent_formats import Wan21  # noqa: E402
from comfy.model_patcher import ModelPatcher  # noqa: E402
from comfy_extras.nodes_model_advanced import ModelSamplingSD3  # noqa: E402

plus_conditions = pack("animatex_core.animate_x_plus.conditions")
plus_config = pack("animatex_core.animate_x_plus.config")
plus_networks = pack("animatex_core.animate_x_plus.modules")
plus_passes = pack("nodes.comfy.plus_patch")
plus_patch = pack("nodes.comfy.plus_patch")

CPU = torch.device("cpu")
FOLDER = ROOT / "tests" / "reference" / "animate_x_plus"
CASE = json.loads((FOLDER / "dit_small.json").read_text(encoding="utf-8"))
MODEL = CASE["model"]
BLOCKS, SHIFT, CFG = MODEL["num_layers"], 5.0, 3.0
FORMAT = Wan21()


def numbers(name: str) -> dict[str, Tensor]:
    """Return the arrays of a case."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return {key: torch.from_numpy(value) for key, value in arrays.items()}


GIVEN = numbers("dit_small")


def wan(dtype: torch.dtype = torch.float32, **changes: Any) -> Any:
    """Build the MODEL of ComfyUI, as its loaders do, with the reference weights, kept in some type.

    Weights of 8 bits are computed with in float32, others as they are.
    """
    config = wan_config(dtype, **changes)
    model = config.get_model({}, device=CPU)
    model.diffusion_model.load_state_dict(reference_weights(config))
    model.eval().requires_grad_(False)
    patcher = ModelPatcher(model, load_device=CPU, offload_device=CPU)
    return ModelSamplingSD3().patch(patcher, SHIFT)[0]


def wan_config(dtype: torch.dtype, **changes: Any) -> Any:
    """Return ComfyUI's configuration of the small Wan."""
    sizes = {
        "image_model": "wan2.1",
        "model_type": "i2v",
        **{name: MODEL[name] for name in ("in_dim", "dim", "ffn_dim", "freq_dim", "text_dim", "out_dim")},
        **{name: MODEL[name] for name in ("num_heads", "num_layers", "eps")},
    }
    config = comfy.supported_models.WAN21_I2V({**sizes, **changes})
    config.set_inference_dtype(dtype, torch.float32 if dtype.itemsize == 1 else None)
    return config


def reference_weights(config: Any) -> dict[str, Tensor]:
    """Return the reference weights of a configuration's network, in its type."""
    with known_weights():
        like = config.get_model({}, device="meta").diffusion_model.state_dict()
    return {key: torch.from_numpy(weight(key, tuple(x.shape))).to(x.dtype) for key, x in like.items()}


@dataclass(frozen=True)
class VideoConditions:
    """The conditions of a whole video. y: (1, 20, f, h, w) including the reference map."""

    latents: Tensor
    y: Tensor
    conditions: Any
    context: tuple[Tensor, Tensor] = (GIVEN["context_pos"], GIVEN["context_neg"])

    def pair(self) -> tuple[Any, Any]:
        """Return the conditionings as WanImageToVideo and Apply Animate-X++ make them."""
        return self.conditioning(0, True), self.conditioning(1, False)

    def conditioning(self, context: int, conditional: bool) -> Any:
        plain = self.y - self.conditions.reference_map.unsqueeze(2)
        values = {
            "concat_latent_image": FORMAT.process_out(plain[:, 4:]),
            "concat_mask": 1 - plain[:, :4],
            "clip_vision_output": clip_features(),
        }
        return plus_passes.mark_conditional([[self.context[context], values]], conditional)


def clip_features() -> Any:
    output = Output()
    output["penultimate_hidden_states"] = GIVEN["clip_feature"]
    return output


def golden(full: bool = True) -> VideoConditions:
    """Return the inputs of the reference case."""
    _, _, frames, height, width = GIVEN["y"].shape
    conditions = plus_conditions.PlusConditions(
        pose_tokens=GIVEN["add_condition"],
        reference_map=normal((1, 20, height, width), seed=3),
        motion_tokens=GIVEN["pose_emb"].swapaxes(0, 1) if full else None,
        grid=(frames, height // 2, width // 2),
    )
    return VideoConditions(GIVEN["latents"], GIVEN["y"], conditions)


def longer(frames: int) -> VideoConditions:
    """Return inputs of that kind for a clip of more latent frames."""
    conds = golden()
    height, width = conds.y.shape[3:]
    conditions = replace(
        conds.conditions,
        pose_tokens=normal((1, frames * height * width // 4, MODEL["dim"]), seed=4),
        motion_tokens=normal((1, frames, MODEL["dim"]), seed=5),
        grid=(frames, height // 2, width // 2),
    )
    y = normal((1, 20, frames, height, width), seed=6)
    return VideoConditions(normal((1, 16, frames, height, width), seed=7), y, conditions)


def normal(size: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def released(
    model: Any,
    x: Tensor,
    sigma: float,
    conds: VideoConditions,
    conditional: bool,
    skipped: Sequence[int] = (),
    on: bool = True,
) -> Tensor:
    """Predict the velocity as the released code does, written out: what ComfyUI must come to.

    skipped: blocks that let tokens through; on: whether Animate-X++ acts at all.
    """
    network, motion = model.model.diffusion_model, conds.conditions.motion_tokens
    y = conds.y if on else conds.y - conds.conditions.reference_map.unsqueeze(2)
    timestep = torch.tensor([1000 * sigma])
    sinusoid = comfy.ldm.wan.model.sinusoidal_embedding_1d(network.freq_dim, timestep)
    e = network.time_embedding(sinusoid).unsqueeze(1)
    e0 = network.time_projection(e).unflatten(2, (6, network.dim))
    text = network.text_embedding(conds.context[0 if conditional else 1])
    context = torch.cat([network.img_emb(GIVEN["clip_feature"]), text], dim=1)
    patches = network.patch_embedding(torch.cat([x, y], dim=1))
    frames, height, width = patches.shape[2:]
    freqs = network.rope_encode(x.shape[2], x.shape[3], x.shape[4])
    tokens = patches.flatten(2).transpose(1, 2)
    if on and conditional:
        tokens = tokens + conds.conditions.pose_tokens
    for index, block in enumerate(network.blocks):
        if on and motion is not None and 1 < index <= BLOCKS // 2:
            tokens = tokens + motion.repeat_interleave(height * width, dim=1)
        if index not in skipped:
            length = GIVEN["clip_feature"].shape[1]
            tokens = block(tokens, e=e0, freqs=freqs, context=context, context_img_len=length)
    return network.unpatchify(network.head(tokens, e), (frames, height, width))


def released_run(
    model: Any,
    conds: VideoConditions,
    sigmas: Tensor,
    cfg: float = CFG,
    on: Callable[[float], bool] = lambda _: True,
) -> Tensor:
    """Sample as released: Euler steps along v_u + cfg * (v_c - v_u)."""
    x = conds.latents
    for sigma, following in zip(sigmas.tolist(), sigmas[1:].tolist(), strict=False):
        velocity = released(model, x, sigma, conds, True, on=on(sigma))
        if cfg != 1:
            unconditional = released(model, x, sigma, conds, False, on=on(sigma))
            velocity = unconditional + cfg * (velocity - unconditional)
        x = x + (following - sigma) * velocity
    return x


def applied(model: Any, conds: VideoConditions, start: float = 0.0, end: float = 1.0) -> Any:
    """Return a MODEL with the conditions applied."""
    return plus_patch.patch_model(
        model, plus_patch.PlusWrapper(conds.conditions, plus_patch.PercentRange(start, end))
    )


def schedule(model: Any, steps: int = 4) -> Tensor:
    return comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "simple", steps)


def sample(
    model: Any,
    conds: VideoConditions,
    sampler: str = "euler",
    cfg: float = CFG,
    pair: Any = None,
    steps: int = 4,
) -> Tensor:
    """Sample as KSampler does, from the latents as noise."""
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(*(pair or conds.pair()))
    guider.set_cfg(cfg)
    solver = comfy.samplers.sampler_object(sampler)
    empty = torch.zeros_like(conds.latents)
    found = guider.sample(conds.latents, empty, solver, schedule(model, steps), disable_pbar=True, seed=1)
    return FORMAT.process_in(found)


class Once(comfy.samplers.Sampler):
    """Asks the guided model once, at a sigma, about latents as they are."""

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma

    def sample(self, model_wrap, sigmas, extra_args, callback, noise, *rest):
        return model_wrap(noise, torch.tensor([self.sigma]), **extra_args)


@dataclass
class Heard:
    """What Wan answered: velocities of both passes, and how large the batches were."""

    batches: list[int]
    passes: list[Tensor]


def ask(
    model: Any, conds: VideoConditions, sigma: float = 0.9375, cfg: float = CFG, guider: Any = None
) -> Heard:
    """Ask once through the whole of ComfyUI, and listen to what the network itself answers."""
    if guider is None:
        guider = comfy.samplers.CFGGuider(model)
        guider.set_conds(*conds.pair())
        guider.set_cfg(cfg)
    heard = Heard([], [])

    def listen(_: nn.Module, __: object, answer: Tensor) -> None:
        heard.batches.append(len(answer))
        heard.passes += answer.split(1)

    handle = model.model.diffusion_model.register_forward_hook(listen)
    try:
        empty = torch.zeros_like(conds.latents)
        sigmas = torch.tensor([sigma, 0.0])
        guider.sample(conds.latents, empty, Once(sigma), sigmas, disable_pbar=True, seed=1)
    finally:
        handle.remove()
    return heard


@contextmanager
def little_memory(model: Any) -> Iterator[None]:
    """Have ComfyUI run passes one by one: a model that needs all there is leaves it no choice."""
    model.model.memory_required = lambda *_, **__: sys.maxsize
    try:
        yield
    finally:
        del model.model.memory_required


def apart(one: Tensor, other: Tensor) -> float:
    return (one - other).abs().max().item()


def nearest(found: Sequence[Tensor], expected: Tensor) -> float:
    """Return how far the nearest of those answers is that have the shape of the expected one."""
    return min(apart(each, expected) for each in found if each.shape == expected.shape)
