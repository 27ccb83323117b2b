"""The workflows of Animate-X that the pack ships."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.presets import resolve_preset
from animatex_core.animate_x.training_spec import RELEASED

from .graph import Group, Node, Workflow, node
from .material import CHARACTER, CLIP, MOTION
from .notes import ANIMATE_X, POSES, read_me
from .plus_graphs import plus_workflows

FRAMES = {"frames": 16}
MOMENT = {"frames": 1, "start": 1.0}
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


def workflows() -> tuple[Workflow, ...]:
    """Return all workflows, with few enough frames and steps to take a minute or two on any machine."""
    from .handover_graphs import interpolated, upscaled  # they build on this module
    from .people_graphs import two_characters

    return (
        animation("animate-a-character", sampled(**AUTOMATIC)),
        animation("long-clip", sampled(**AUTOMATIC), part={"frames": 0, "stride": 2}),
        animation("retarget-with-mask", sampled(**AUTOMATIC), masked=True),
        animation("ksampler", ksampled),
        animation("few-steps", sampled(**DRAFT)),
        animation("repose-a-picture", sampled(**AUTOMATIC), part=MOMENT, ending=image_ending),
        animation("edit-a-pose", sampled(**AUTOMATIC), edited=True),
        animation("cut-out-and-sprite-sheet", sampled(**AUTOMATIC), ending=sprite_ending),
        extraction(),
        *plus_workflows(),
        motion_capture(),
        loop(),
        two_characters(),
        upscaled(),
        interpolated(),
    )


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


def extraction() -> Workflow:
    """Extract the poses of a video to a file and to a video."""
    clip = node("LoadVideo", "Dance", file=CLIP)
    dwpose = node("AnimateXLoadDWPose")
    driving = node("AnimateXDrivingFrames", video=clip["VIDEO"], frames=0, stride=1)
    found = node("AnimateXExtractPoses", dwpose=dwpose["dwpose"], images=driving["frames"])
    smooth = node("AnimateXSmoothPoses", poses=found["poses"], fps=driving["fps"])
    saved = node("AnimateXSavePoses", poses=smooth["poses"])
    drawn = node("AnimateXDrawPoses", poses=saved["poses"])
    video = node(
        "AnimateXEncodeVideo", images=drawn["pose_images"], fps=driving["fps"], audio=driving["audio"]
    )
    return Workflow(
        "extract-poses",
        (
            (read_me("extract-poses", (dwpose,), POSES),),
            (Group("1 · Video", ((clip, dwpose),)),),
            (Group("2 · Poses", ((driving,), (found, smooth))),),
            (Group("3 · File and video", ((saved, drawn), (video,))),),
        ),
    )


def motion_capture() -> Workflow:
    """Animate a character with motion capture: no video, and only the character's pose is detected."""
    character = node("LoadImage", "Character", image=CHARACTER)
    dance = node("AnimateXLoadMotion", "Dance", file=MOTION, width=256, height=384, **FRAMES)
    model, encoders, dwpose = (
        node(kind) for kind in ("AnimateXLoadModel", "AnimateXLoadEncoders", "AnimateXLoadDWPose")
    )
    looks = {"images": character["IMAGE"], "whole_frame": False}
    own = node("AnimateXExtractPoses", "Character pose", dwpose=dwpose["dwpose"], **looks)
    known = {"reference": character["IMAGE"], "mask": character["MASK"], "reference_pose": own["poses"]}
    retargeted = node("AnimateXRetargetPoses", poses=dance["poses"], **known)
    features = node(
        "AnimateXFeatures",
        clip_vision=encoders["CLIP_VISION"],
        frames=dance["frames"],
        poses=dance["poses"],
    )
    start = Start(character, dance, model, encoders, dwpose, dance)
    conditioning = conditioned(start, Motion(dance, own, None, retargeted, features))
    fit = node("PreviewImage", "How the poses fit", images=retargeted["preview"])
    (sampler,) = sampled(**AUTOMATIC)(model, conditioning)
    decoded = node("VAEDecode", samples=sampler["LATENT"], vae=encoders["VAE"])
    video = node("AnimateXEncodeVideo", images=decoded["IMAGE"], fps=dance["fps"])
    name = "dance-from-motion-capture"
    columns = (
        (read_me(name),),
        (Group("1 · Image and motion", ((character, dance),)),),
        (Group("2 · Models", ((model, encoders, dwpose),)),),
        (Group("3 · Motion", ((own,), (retargeted, features))),),
        (Group("4 · Animation", ((conditioning, fit), (sampler,))),),
        (Group("5 · Video", ((decoded,), (video,))),),
    )
    return Workflow(name, columns)


def loop() -> Workflow:
    """Animate a character with the part of a dance that loops best, so that the video loops too."""
    start = Start.of_part({"frames": 0, "stride": 2})
    driving, nets = start.driving, {"dwpose": start.dwpose["dwpose"]}
    found = node("AnimateXExtractPoses", "Driving poses", images=driving["frames"], **nets)
    cut = node(
        "AnimateXLoopMotion",
        poses=found["poses"],
        images=driving["frames"],
        audio=driving["audio"],
        fps=driving["fps"],
        mode="ping-pong",
        min_frames=12,
    )
    looks = {"images": start.character["IMAGE"], "whole_frame": False}
    own = node("AnimateXExtractPoses", "Character pose", **looks, **nets)
    known = {"reference": start.character["IMAGE"], "mask": start.character["MASK"]}
    retargeted = node("AnimateXRetargetPoses", poses=cut["poses"], reference_pose=own["poses"], **known)
    frames = {"frames": cut["images"], "poses": cut["poses"]}
    features = node("AnimateXFeatures", clip_vision=start.encoders["CLIP_VISION"], **frames)
    conditioning = conditioned(start, Motion(cut, own, None, retargeted, features))
    fit = node("PreviewImage", "How the poses fit", images=retargeted["preview"])
    (sampler,) = sampled(**AUTOMATIC, closed=True)(start.model, conditioning)
    decoded = node("VAEDecode", samples=sampler["LATENT"], vae=start.encoders["VAE"])
    video = node("AnimateXEncodeVideo", images=decoded["IMAGE"], fps=driving["fps"], format="webp")
    models = Group("2 · Models", ((start.model, start.encoders, start.dwpose),))
    name = "make-a-loop"
    columns = (
        (read_me(name),),
        (Group("1 · Image and video", ((start.character, start.clip),)),),
        (models, Group("3 · Part of the video", ((driving,),))),
        (Group("4 · Loop and motion", ((found, own), (cut,), (retargeted, features))),),
        (Group("5 · Animation", ((conditioning, fit), (sampler,))),),
        (Group("6 · Video", ((decoded,), (video,))),),
    )
    return Workflow(name, columns)
