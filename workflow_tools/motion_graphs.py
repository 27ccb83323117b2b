"""Workflows whose dance is not the video as it is: motion capture, and the part of a dance that loops."""

from .animation_graphs import AUTOMATIC, FRAMES, Motion, Start, conditioned, sampled
from .graph import Group, Workflow, node
from .material import CHARACTER, MOTION
from .notes import read_me


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
