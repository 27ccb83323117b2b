"""The workflows of Animate-X++ on ComfyUI's built-in Wan 2.1."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from animatex_core.animate_x_plus.defaults import NEGATIVE_PROMPT, SHIFT, STEPS
from animatex_core.animate_x_plus.shapes import WanShape

from .graph import Group, Node, Output, Workflow, node
from .material import CHARACTER, CLIP
from .notes import PLUS, read_me

PROMPT = (
    "A rabbit is dancing. Behind it waves roll onto a beach, palm trees sway in the wind and clouds drift "
    "across the sky."
)
FRAMES = 61  # 4n + 1, and at most the length of the video
WAN, DISTILLATION = (
    "wan2.1_i2v_720p_14B_fp16.safetensors",
    "Wan21_I2V_14B_lightx2v_cfg_step_distill_lora_rank64.safetensors",
)
TEXT_ENCODER, AUTOENCODER = "umt5_xxl_fp8_e4m3fn_scaled.safetensors", "wan_2.1_vae.safetensors"
WAN_CLIP, OPEN_CLIP = "clip_vision_h.safetensors", "open_clip_pytorch_model.bin"
FULL, SIMPLE = {"steps": STEPS, "cfg": 3.0}, {"steps": STEPS, "cfg": 5.0}
FEW = {"steps": 4, "cfg": 1.0}
WINDOWS = {
    "context_length": 33,
    "context_overlap": 13,
    "context_schedule": "standard_static",
    "retain_first_frame": True,  # or ComfyUI 0.33 conditions only the first window on the image
}


def plus_workflows() -> tuple[Workflow, ...]:
    """Return all workflows."""
    return (
        animation("plus-text-driven-background", FULL, full=True),
        animation("plus-as-released", SIMPLE, retargeted=False),
        animation("plus-few-steps", FEW, lora=DISTILLATION),
        animation("plus-long-clip", SIMPLE, windows=WINDOWS),
    )


@dataclass(frozen=True)
class Loaders:
    """The loaders. chain: Wan and, if used, a LoRA; open_clip: only for the full variant."""

    chain: tuple[Node, ...]
    plus: Node
    text: Node
    vae: Node
    clip_vision: Node
    open_clip: Node | None
    dwpose: Node

    @classmethod
    def of(cls, lora: str | None, full: bool) -> "Loaders":
        wan = node("UNETLoader", "Wan 2.1", unet_name=WAN)
        named = {"lora_name": lora, "strength_model": 1.0}
        few = () if lora is None else (_lora(wan, **named),)
        return cls(
            chain=(wan, *few),
            plus=node("AnimateXLoadPlus"),
            text=node("CLIPLoader", "Text encoder", clip_name=TEXT_ENCODER, type="wan"),
            vae=node("VAELoader", vae_name=AUTOENCODER),
            clip_vision=node("CLIPVisionLoader", "Wan CLIP vision", clip_name=WAN_CLIP),
            open_clip=node("CLIPVisionLoader", "OpenCLIP ViT-H-14", clip_name=OPEN_CLIP) if full else None,
            dwpose=node("AnimateXLoadDWPose"),
        )

    def __iter__(self) -> Any:
        rest = (self.plus, self.text, self.vae, self.clip_vision, self.open_clip, self.dwpose)
        return iter(each for each in (*self.chain, *rest) if each is not None)

    def group(self) -> Group:
        sight = [each for each in (self.clip_vision, self.open_clip, self.dwpose) if each is not None]
        return Group("2 · Models", ((*self.chain, self.plus), (self.text, self.vae), tuple(sight)))


@dataclass(frozen=True)
class Motion:
    """Image and video with their poses. retarget: None uses the poses unchanged."""

    character: Node
    clip: Node
    frames: Node
    driving: Node
    found: Node
    own: Node | None
    retarget: Node | None

    @classmethod
    def of(cls, loaders: Loaders, retargeted: bool) -> "Motion":
        character = node("LoadImage", "Character", image=CHARACTER)
        clip = node("LoadVideo", "Dance", file=CLIP)
        frames = node("PrimitiveInt", "Frames", value=FRAMES)
        driving = node("AnimateXDrivingFrames", video=clip["VIDEO"], frames=frames["INT"], stride=1)
        nets, looks = {"dwpose": loaders.dwpose["dwpose"]}, {"images": character["IMAGE"]}
        found = node("AnimateXExtractPoses", "Driving poses", images=driving["frames"], **nets)
        own = retarget = None
        if retargeted:
            own = node("AnimateXExtractPoses", "Character pose", **looks, **nets, whole_frame=False)
            known = {"reference": character["IMAGE"], "mask": character["MASK"]}
            retarget = node(
                "AnimateXRetargetPoses", poses=found["poses"], reference_pose=own["poses"], **known
            )
        return cls(character, clip, frames, driving, found, own, retarget)

    def pose_inputs(self) -> dict[str, Output]:
        """Return the pose inputs of Apply Animate-X++."""
        if self.retarget is None:
            return {"poses": self.found["poses"]}
        outputs = {name: self.retarget[name] for name in ("poses", "reference_pose")}
        return {**outputs, "driving_poses": self.found["poses"]}

    def groups(self) -> tuple[Group, Group]:
        start = Group("1 · Image and video", ((self.character, self.clip),))
        found = (self.found,) if self.own is None else (self.found, self.own)
        fitted = () if self.retarget is None else ((self.retarget, _preview(self.retarget)),)
        return start, Group("3 · Motion", ((self.frames, self.driving), found, *fitted))


@dataclass(frozen=True)
class Scene:
    """The prompts and the reference image of Wan."""

    prompt: Node
    negative: Node
    reference: Node
    start: Node

    @classmethod
    def of(cls, loaders: Loaders, motion: Motion) -> "Scene":
        clip = {"clip": loaders.text["CLIP"]}
        prompt = node("CLIPTextEncode", "Prompt", text=PROMPT, **clip)
        negative = node("CLIPTextEncode", "Negative prompt", text=NEGATIVE_PROMPT, **clip)
        shape = WanShape()
        reference = node(
            "AnimateXPlusReference",
            clip_vision=loaders.clip_vision["CLIP_VISION"],
            reference=motion.character["IMAGE"],
            width=shape.width,
            height=shape.height,
        )
        shown = ("start_image", "clip_vision_output", "width", "height")
        start = node(
            "WanImageToVideo",
            positive=prompt["CONDITIONING"],
            negative=negative["CONDITIONING"],
            vae=loaders.vae["VAE"],
            length=motion.frames["INT"],
            **{name: reference[name] for name in shown},
        )
        return cls(prompt, negative, reference, start)

    def group(self) -> Group:
        return Group("4 · Prompt and image", ((self.prompt, self.negative), (self.reference, self.start)))


def animation(
    name: str,
    sampling: Mapping[str, Any],
    *,
    full: bool = False,
    retargeted: bool = True,
    lora: str | None = None,
    windows: Mapping[str, Any] | None = None,
) -> Workflow:
    """Animate a character. full: with the full variant; windows: settings of context windows."""
    loaders = Loaders.of(lora, full)
    motion = Motion.of(loaders, retargeted)
    scene = Scene.of(loaders, motion)
    shifted = node("ModelSamplingSD3", model=loaders.chain[-1]["MODEL"], shift=SHIFT)
    applied = _applied(shifted, loaders, motion, scene)
    cut = [] if windows is None else [_windowed(applied, windows)]
    sampler = _sampled((*cut, applied)[0], applied, scene, sampling)
    decoded = node("VAEDecode", samples=sampler["LATENT"], vae=loaders.vae["VAE"])
    fps, audio = motion.driving["fps"], motion.driving["audio"]
    video = node("AnimateXEncodeVideo", images=decoded["IMAGE"], fps=fps, audio=audio)
    start, found = motion.groups()
    columns = (
        (read_me(name, loaders, PLUS),),
        (start,),
        (loaders.group(), found),
        (scene.group(), Group("5 · Animation", ((shifted, applied), (*cut, sampler)))),
        (Group("6 · Video", ((decoded,), (video,))),),
    )
    return Workflow(name, columns)


def _applied(model: Node, loaders: Loaders, motion: Motion, scene: Scene) -> Node:
    given: dict[str, Any] = motion.pose_inputs()
    if loaders.open_clip is not None:
        given |= {"frames": motion.driving["frames"], "clip_vision": loaders.open_clip["CLIP_VISION"]}
    passes = {name: scene.start[name] for name in ("positive", "negative")}
    return node("AnimateXApplyPlus", model=model["MODEL"], plus=loaders.plus["plus"], **passes, **given)


def _lora(model: Node, **named: Any) -> Node:
    return node("LoraLoaderModelOnly", "Distillation LoRA", model=model["MODEL"], **named)


def _windowed(applied: Node, windows: Mapping[str, Any]) -> Node:
    return node("WanContextWindowsManual", "Context Windows", model=applied["MODEL"], **windows)


def _sampled(model: Node, applied: Node, scene: Scene, settings: Mapping[str, Any]) -> Node:
    passes = {name: applied[name] for name in ("positive", "negative")}
    chosen = {"sampler_name": "euler", "scheduler": "simple", **settings}
    latents = scene.start["latent"]
    return node("KSampler", model=model["MODEL"], latent_image=latents, **passes, **chosen)


def _preview(retarget: Node) -> Node:
    return node("PreviewImage", "How the poses fit", images=retarget["preview"])
