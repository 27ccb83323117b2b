"""What the animations of a character are built of: the start, the motion, the sampling and the ending."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.presets import resolve_preset
from animatex_core.animate_x.training_spec import RELEASED

from .graph import Group, Node, Workflow, node
from .material import CHARACTER, CLIP
from .notes import ANIMATE_X, read_me

FRAMES = {"frames": 16}
_STANDARD = resolve_preset("standard", RELEASED.frames, DenoiserConfig.released().puppet)
AUTOMATIC = {
    "preset": "automatic",
    # What counts once the preset is set to custom:
    "solver": _STANDARD.sampling.solver,
    "steps": _STANDARD.sampling.steps,
    "cfg": _STANDARD.sampling.guidance,
    "long_clip": "windows",
    "frames_at_once": _STANDARD.window,
    "overlap": _STANDARD.overlap,
}
DRAFT = {**AUTOMATIC, "preset": "draft", "steps": resolve_preset("draft", 1, False).sampling.steps}
Sampling = Callable[[Node, Node], tuple[Node, ...]]  # from model and conditioning to a sampler, the last
Ending = Callable[[Node, "Start"], Group]  # from the decoded frames and the nodes that everything starts with


def sampled(**settings: Any) -> Sampling:
    """Sample with Animate-X Sampler."""
    return lambda model, conditioning: (node("AnimateXSampler", **_sockets(model, conditioning), **settings),)


def ksampled(model: Node, conditioning: Node) -> tuple[Node, ...]:
    """Sample with KSampler, in as many steps as suit the model."""
    preset = {name: AUTOMATIC[name] for name in ("preset", "solver", "steps")}
    solver = node("AnimateXSolver", "Steps and cfg", model=model["MODEL"], **preset)
    settings = {"sampler_name": "dpmpp_2m", "scheduler": "sgm_uniform"}
    numbers = {name: solver[name] for name in ("steps", "cfg")}
    return solver, node("KSampler", **_sockets(model, conditioning), **settings, **numbers)


def _sockets(model: Node, conditioning: Node) -> dict[str, Any]:
    return {
        "model": model["MODEL"],
        "positive": conditioning["positive"],
        "negative": conditioning["negative"],
        "latent_image": conditioning["latent"],
    }


def video_file_ending(decoded: Node, start: "Start") -> Group:
    """Save a video with sound."""
    driving = start.driving
    video = node("AnimateXEncodeVideo", images=decoded["IMAGE"], fps=driving["fps"], audio=driving["audio"])
    return Group("6 · Video", ((decoded,), (video,)))


def video_ending(decoded: Node, start: "Start") -> Group:
    """Create a VIDEO with sound without saving it."""
    driving = start.driving
    video = node("CreateVideo", images=decoded["IMAGE"], fps=driving["fps"], audio=driving["audio"])
    return Group("6 · Video", ((decoded,), (video,)))


def image_ending(decoded: Node, start: "Start") -> Group:
    """Save an image."""
    picture = node("SaveImage", images=decoded["IMAGE"], filename_prefix="Animate-X")
    return Group("6 · Image", ((decoded,), (picture,)))


def sprite_ending(decoded: Node, start: "Start") -> Group:
    """Save the character without its background, as a video and as a sprite sheet."""
    driving, character = start.driving, start.character
    known = {"reference": character["IMAGE"], "mask": character["MASK"]}
    cut_out = node("AnimateXCutOut", images=decoded["IMAGE"], **known)
    frames = {"images": cut_out["images"], "mask": cut_out["mask"], "fps": driving["fps"]}
    video = node("AnimateXEncodeVideo", format="webm", audio=driving["audio"], **frames)
    return Group("6 · Sprites", ((decoded, cut_out), (video,), (node("AnimateXSpriteSheet", **frames),)))


@dataclass(frozen=True)
class Start:
    """The nodes that every animation starts with."""

    character: Node
    clip: Node
    model: Node
    encoders: Node
    dwpose: Node
    driving: Node

    @classmethod
    def of_part(cls, part: Mapping[str, Any], clip: str = CLIP) -> "Start":
        video = node("LoadVideo", "Dance", file=clip)
        return cls(
            character=node("LoadImage", "Character", image=CHARACTER),
            clip=video,
            model=node("AnimateXLoadModel"),
            encoders=node("AnimateXLoadEncoders"),
            dwpose=node("AnimateXLoadDWPose"),
            driving=node("AnimateXDrivingFrames", video=video["VIDEO"], **part),
        )


@dataclass(frozen=True)
class Motion:
    """The driving poses and motion features.

    own: the character's pose; None if its mask is used instead. edited: its editor; None without one.
    """

    dance: Node
    own: Node | None
    edited: Node | None
    retargeted: Node
    features: Node

    @classmethod
    def of_video(cls, start: Start, masked: bool, edited: bool) -> "Motion":
        frames, character = start.driving["frames"], start.character
        nets = {"dwpose": start.dwpose["dwpose"]}
        looks = {"images": character["IMAGE"], "whole_frame": False}
        dance = node("AnimateXExtractPoses", "Driving poses", images=frames, **nets)
        own = None if masked else node("AnimateXExtractPoses", "Character pose", **looks, **nets)
        known = {"reference": character["IMAGE"], "mask": character["MASK"]}
        shown = {"images": character["IMAGE"], "mask": character["MASK"]}
        editor = node("AnimateXEditPoses", poses=own["poses"], **shown) if edited and own else None
        if own is not None:
            known["reference_pose"] = (editor or own)["poses"]
        clip_vision = start.encoders["CLIP_VISION"]
        return cls(
            dance=dance,
            own=own,
            edited=editor,
            retargeted=node("AnimateXRetargetPoses", poses=dance["poses"], **known),
            features=node("AnimateXFeatures", clip_vision=clip_vision, frames=frames, poses=dance["poses"]),
        )

    def group(self) -> Group:
        found = (self.dance,) if self.own is None else (self.dance, self.own)
        editor = () if self.edited is None else ((self.edited,),)
        return Group("4 · Motion", (found, *editor, (self.retargeted, self.features)))


def conditioned(start: Start, motion: Motion, character: Node | None = None) -> Node:
    """Build the conditioning of a character, at the size that the model was trained on."""
    return node(
        "AnimateXConditioning",
        clip_vision=start.encoders["CLIP_VISION"],
        reference=(character or start.character)["IMAGE"],
        poses=motion.retargeted["poses"],
        features=motion.features["features"],
        model=start.model["MODEL"],
        reference_pose=motion.retargeted["reference_pose"],
        vae=start.encoders["VAE"],
    )


def animation(
    name: str,
    sampling: Sampling,
    *,
    part: Mapping[str, Any] = FRAMES,
    ending: Ending = video_file_ending,
    masked: bool = False,
    edited: bool = False,
    files: str = ANIMATE_X,
) -> Workflow:
    """Animate a character.

    masked: with its mask instead of its pose. edited: with its pose corrected. files: the note about files.
    """
    start = Start.of_part(part)
    motion = Motion.of_video(start, masked, edited)
    conditioning = conditioned(start, motion)
    fit = node("PreviewImage", "How the poses fit", images=motion.retargeted["preview"])
    samplers = sampling(start.model, conditioning)
    decoded = node("VAEDecode", samples=samplers[-1]["LATENT"], vae=start.encoders["VAE"])
    models = Group("2 · Models", ((start.model, start.encoders, start.dwpose),))
    columns = (
        (read_me(name, files=files),),
        (Group("1 · Image and video", ((start.character, start.clip),)),),
        (models, Group("3 · Part of the video", ((start.driving,),))),
        (motion.group(),),
        (Group("5 · Animation", ((conditioning, fit), samplers)),),
        (ending(decoded, start),),
    )
    return Workflow(name, columns)
