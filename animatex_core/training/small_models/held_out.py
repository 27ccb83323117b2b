"""The bundle on characters and motion that it never saw, and the report of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from einops import rearrange
from torch import Tensor

from ...animate_x.components import PipelineComponents
from ...animate_x.conditioning import MotionFeatures, clip_conditions, encode_motion, encode_reference
from ...animate_x.puppet_condition import puppet_latents
from ...animate_x.sampling import SamplingSettings, sample_latents
from ...animate_x.shapes import ClipShape
from ...encoders.preprocessing import autoencoder_pictures
from ...pose.extractor import PoseExtractor
from ...pose.keypoints import PoseSequence, seen
from ...puppet.puppet import puppet_frames
from ...retarget.retarget import Character, RetargetSettings, retarget
from ...utils.files import write_json, write_text
from ...utils.text import markdown_table
from ...video.image import write_picture
from ..synthetic.triples import Triple, draw_triple
from . import scores
from . import scores as baselines
from .scores import perceptual_encoder

Frames = np.ndarray
REAL, FROZEN, OTHER = "driving pose", "frozen pose", "pose of another clip"
OWN = "own pose"
DRIVEN_BY = REAL, FROZEN, OTHER, OWN
PUPPET, BLURRED_PUPPET, CEILING = "puppet", "puppet blurred", "true clip through the autoencoder"
REPEATED, BLURRED, MEAN = "reference repeated", "reference blurred over its places", "mean of the true clip"
LIKE_THE_CHARACTER = RetargetSettings(mode="retarget", ground=True)


@dataclass(frozen=True)
class HeldOutSettings:
    """pairs: of a character and a motion. seed: of the pairs; that of the noise is the number of the pair.

    driven_by: the poses that each character is animated by, some of DRIVEN_BY; OWN are those of the true
    clip, which have no fault of the retargeting, and the puppet follows them too. sigma: of its blur.
    retargeting: of the other poses; in the mode "align" they keep the dancer's own body, which is the cross
    setting of the paper.
    """

    pairs: int = 32
    frames: int = 8
    width: int = 128
    height: int = 192
    seed: int = 0
    sampling: SamplingSettings = field(default_factory=SamplingSettings.for_small_bundle)
    driven_by: Sequence[str] = DRIVEN_BY
    sigma: float = 0.4
    retargeting: RetargetSettings = LIKE_THE_CHARACTER


@dataclass(frozen=True, eq=False)
class Case:
    """One pair: its triple and, by name, the clips that are compared with the true one."""

    triple: Triple
    clips: Mapping[str, Frames]


@dataclass(frozen=True)
class HeldOut:
    """Animates held-out characters with one set of networks. extractor: finds poses in what comes out."""

    networks: PipelineComponents
    settings: HeldOutSettings
    extractor: PoseExtractor | None = None

    def case(self, number: int) -> Case:
        """Animate pair `number`."""
        triple = self._triple(number)
        clips = {
            name: self._animated(
                number,
                triple,
                self._motion(name, number, triple),
                triple.target.poses if name == OWN else None,
            )
            for name in self.settings.driven_by
        }
        if OWN in self.settings.driven_by:
            clips |= self._controls(triple)
        clips[REPEATED] = baselines.repeated(triple)
        clips[BLURRED] = baselines.blurred(triple)
        clips[MEAN] = baselines.true_mean(triple)
        return Case(triple, clips)

    def _controls(self, triple: Triple) -> dict[str, Frames]:
        scene = triple.reference
        puppet, _ = puppet_frames(scene.frames[0], scene.poses, triple.target.poses)
        height, width = puppet.shape[1:3]
        true = autoencoder_pictures(list(triple.target.frames), width, height)
        return {
            PUPPET: puppet,
            BLURRED_PUPPET: baselines.smoothed(puppet, self.settings.sigma),
            CEILING: self._decoded(self.networks.autoencoder.encode(true)),
        }

    def scores(self, case: Case) -> dict[str, dict[str, float]]:
        """Score every clip of a case by name."""
        return {name: self._scored(case.triple, frames) for name, frames in case.clips.items()}

    def _triple(self, number: int) -> Triple:
        settings = self.settings
        size = settings.frames, settings.width, settings.height
        return draw_triple(settings.seed, number, *size, held_out=True)

    def _motion(self, name: str, number: int, triple: Triple) -> MotionFeatures:
        """What drives the pair: its own dancer, one who stands still, or that of the next pair."""
        driver = self._triple(number + 1).driver if name == OTHER else triple.driver
        motion = encode_motion(self.networks.image_encoder, driver.frames, driver.poses)
        if name != FROZEN:
            return motion
        still = [0] * self.settings.frames
        return MotionFeatures(motion.clip[still], motion.poses.select(still), motion.width, motion.height)

    def _animated(
        self, number: int, triple: Triple, motion: MotionFeatures, poses: PoseSequence | None
    ) -> Frames:
        networks, settings, own = self.networks, self.settings, triple.reference.poses
        num_downsamples = networks.unet.config.num_downsamples
        shape = ClipShape(settings.width, settings.height, settings.frames, num_downsamples=num_downsamples)
        character = Character(settings.width, settings.height, own)
        reference = encode_reference(
            networks.image_encoder,
            triple.reference.frames[0],
            shape,
            own,
            networks.trained_on.reference_form,
            networks.autoencoder,
        )
        if poses is None:
            poses = retarget(motion.poses, character, settings.retargeting)
        puppet = None
        if networks.unet.config.puppet:
            picture = triple.reference.frames[0]
            puppet = puppet_latents(networks.autoencoder, picture, own, poses, shape)
        inputs = clip_conditions(shape, networks.text_context, reference, poses, motion, puppet=puppet)
        latents = sample_latents(networks.unet, inputs, replace(settings.sampling, seed=number))
        return self._decoded(rearrange(latents, "1 c f h w -> f c h w"))

    def _decoded(self, latents: Tensor) -> Frames:
        pictures = self.networks.autoencoder.decode(latents)
        units = (pictures.float().cpu() / 2 + 0.5).clamp(0, 1)
        return rearrange((units * 255).byte(), "f c h w -> f h w c").numpy()

    def _scored(self, triple: Triple, frames: Frames) -> dict[str, float]:
        true = triple.target.frames
        psnr, ssim = scores.similarity(frames, true)
        found = {
            "PSNR": psnr,
            "SSIM": ssim,
            "perceptual": scores.perceptual_distance(perceptual_encoder(), frames, true),
            "moving PSNR": scores.moving_psnr(frames, true),
            "colours": scores.color_overlap(frames, true, _figure(triple)),
        }
        return found | self._joints(triple, frames)

    def _joints(self, triple: Triple, frames: Frames) -> dict[str, float]:
        if self.extractor is None:
            return {}
        found = self.extractor.extract(frames)
        near, distance = scores.joints_near(found, triple.target)
        return {"joints near": near, "joint distance": distance}


def mean_scores(
    held_out: HeldOut, show: Callable[[int, Case], None]
) -> tuple[dict[str, dict[str, float]], list[dict[str, dict[str, float]]]]:
    """Score all pairs: means by clip and score, and each pair's. show: is given every case."""
    each = []
    for number in range(held_out.settings.pairs):
        case = held_out.case(number)
        show(number, case)
        each.append(held_out.scores(case))
    means = {
        clip: {score: float(np.nanmean([one[clip][score] for one in each])) for score in each[0][clip]}
        for clip in each[0]
    }
    return means, each


def table(means: Mapping[str, Mapping[str, float]]) -> str:
    """Write means as a table in Markdown."""
    columns = list(next(iter(means.values())))
    rows = ([clip, *(f"{values[column]:.3f}" for column in columns)] for clip, values in means.items())
    return markdown_table(["clip", *columns], rows)


def _figure(triple: Triple) -> np.ndarray:
    """Where the true clip shows the character, (f, h, w) bool: the box around its joints."""
    poses = triple.target.poses
    shown = seen(poses.body)
    places = np.where(shown[..., None], poses.body[..., :2], np.nan) * [poses.width, poses.height]
    low, high = np.nanmin(places, axis=1), np.nanmax(places, axis=1)
    rows, columns = np.mgrid[: poses.height, : poses.width]
    pixels = np.stack([columns, rows], axis=-1)
    inside = (pixels >= low[:, None, None]) & (pixels <= high[:, None, None])
    return inside.all(axis=-1)


MOMENTS = 5  # of each clip
CASES_ON_A_SHEET = 8
SCORES = "scores.json"

Means = dict[str, dict[str, float]]


def report(held_out: HeldOut, folder: Path, say: Callable[[str], None]) -> Means:
    """Score all pairs and return the means; write them, and sheets, into a folder.

    scores.json has every score and table.md the means, in Markdown for the model card.

    A row of a sheet is one case: the character, and at some moments of the clip the dancer, what came out,
    and the true animation.
    """
    rows: list[np.ndarray] = []

    def show(number: int, case: Case) -> None:
        rows.append(_row(case))
        ended = number + 1 == held_out.settings.pairs
        if ended or len(rows) == CASES_ON_A_SHEET:
            write_picture(folder / f"sheet_{number // CASES_ON_A_SHEET}.png", np.concatenate(rows))
            rows.clear()
        say(f"{number + 1} of {held_out.settings.pairs} pairs")

    folder.mkdir(parents=True, exist_ok=True)
    means, each = mean_scores(held_out, show)
    write_text(folder / "table.md", table(means) + "\n")
    write_json(folder / SCORES, {"means": means, "each": each})
    return means


def _row(case: Case) -> np.ndarray:
    """(h, (1 + 3 * moments) * w, 3)."""
    first = next(iter(case.clips)) if REAL not in case.clips else REAL
    parts = [case.triple.driver.frames, case.clips[first], case.triple.target.frames]
    chosen = np.linspace(0, len(parts[0]) - 1, min(MOMENTS, len(parts[0]))).round().astype(int)
    moments: Sequence[np.ndarray] = [case.triple.reference.frames, *(part[chosen] for part in parts)]
    return rearrange(np.concatenate(moments), "f h w c -> h (f w) c")
