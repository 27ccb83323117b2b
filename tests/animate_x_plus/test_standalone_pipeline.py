"""The whole way, against the released steps one after the other."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from animatex_core.animate_x_plus.components import AnimateXPlus, PlusFiles, load_animate_x_plus
from animatex_core.animate_x_plus.modules import PlusInputs
from animatex_core.animate_x_plus.pipeline import AnimateXPlusPipeline
from animatex_core.animate_x_plus.sampling import PlusSampling
from animatex_core.animate_x_plus.settings import PlusSettings
from animatex_core.animate_x_plus.wan.transformer import WanInputs, predict
from animatex_core.errors import AnimateXWarning, Cancelled, InvalidInput
from animatex_core.hub.models_dir import Variant
from animatex_core.pose.draw import draw_poses
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.reference import Reference
from animatex_core.retarget.retarget import RetargetSettings
from tests.animate_x_plus.small_wan import SmallWan, expect_small_open_clip
from tests.support.dance_samples import small_dance
from tests.support.drawings import draw_character

WIDTH, HEIGHT, FRAMES = 32, 48, 12
PICTURE = np.asarray(draw_character().convert("RGB"))
SETTINGS = PlusSettings(
    prompt="a rabbit in the snow",
    negative_prompt="clouds",
    width=WIDTH,
    height=HEIGHT,
    retarget=RetargetSettings(mode="none"),
    sampling=PlusSampling(steps=2, guidance=3.0, seed=5),
    jpeg_noise=False,
)
VARIANTS: tuple[Variant, ...] = ("simple", "full")
Open = Callable[[Variant], AnimateXPlus]


@dataclass(frozen=True)
class Memory:
    """A dance that is in memory."""

    poses: PoseSequence

    def frames(self) -> Iterable[np.ndarray]:
        return draw_poses(self.poses)

    def require_all(self, found: int) -> None:
        assert found == len(self.poses)


DANCE = Memory(small_dance())


@pytest.fixture(scope="module")
def opened(small_wan: SmallWan) -> Open:
    systems: dict[Variant, AnimateXPlus] = {}

    def open_system(variant: Variant) -> AnimateXPlus:
        if variant not in systems:
            with pytest.MonkeyPatch.context() as patch:
                expect_small_open_clip(small_wan, patch)
                systems[variant] = load(small_wan, variant)
        return systems[variant]

    return open_system


def load(files: SmallWan, variant: Variant, dtype: torch.dtype = torch.float32) -> AnimateXPlus:
    driving: Path | None = files.driving_encoder if variant == "full" else None
    named = PlusFiles(
        files.modules(variant),
        files.transformer,
        files.text_encoder,
        files.image_encoder,
        files.autoencoder,
        driving,
    )
    return load_animate_x_plus(named, dtype, torch.device("cpu"))


def animate(system: AnimateXPlus, settings: PlusSettings = SETTINGS, dance: Memory = DANCE) -> np.ndarray:
    animator = AnimateXPlusPipeline(system, lambda stage, done, total: None)
    return animator.animate(Reference(PICTURE), dance, settings).frames


@torch.no_grad()
def by_hand(system: AnimateXPlus) -> np.ndarray:
    """What the released script does, written out for 12 frames that become 13."""
    order = [*range(FRAMES), FRAMES - 1]
    video = _resized(list(draw_poses(DANCE.poses)), Image.Resampling.BILINEAR)
    keypoints = torch.from_numpy(DANCE.poses.keypoints())[None, order]
    plus = system.networks.encode(
        PlusInputs(
            pose_video=video[:, :, order],
            keypoints=keypoints,
            clip_features=_driving_features(system)[None, order],
        )
    )
    seen = _resized([PICTURE], Image.Resampling.BICUBIC)[:, :, 0].float() * 2 / 255 - 1
    y = system.autoencoder.encode(torch.cat([seen[:, :, None], torch.zeros(1, 3, 12, HEIGHT, WIDTH)], dim=2))
    mask = torch.tensor([1.0, 0, 0, 0]).view(1, 1, 4, 1, 1).expand(1, 4, 4, 6, 4)
    inputs = WanInputs(
        system.text_encoder.encode("a rabbit in the snow"),
        system.image_encoder.encode(_clip(torch.nn.functional.interpolate(seen, (224, 224), mode="bicubic"))),
        torch.cat([mask, y], dim=1),
        plus,
    )
    other = inputs.unconditional(system.text_encoder.encode("clouds"))
    x = torch.randn((1, 16, 4, 6, 4), generator=torch.Generator().manual_seed(5))
    for sigma, following in ((1.0, 5 / 6), (5 / 6, 0.0)):
        t = torch.tensor([1000 * sigma]).bfloat16().float()
        c, u = (predict(system.transformer, x, t, branch) for branch in (inputs, other))
        x = x + (u + 3 * (c - u)) * (following - sigma)
    pictures = ((system.autoencoder.decode(x)[0] + 1) * 127.5).clamp(0, 255)
    return pictures.permute(1, 2, 3, 0).byte().numpy()


def _resized(pictures: list[np.ndarray], filtering: Image.Resampling) -> Tensor:
    stretched = [np.asarray(Image.fromarray(p).resize((WIDTH, HEIGHT), filtering)) for p in pictures]
    return torch.from_numpy(np.stack(stretched)).permute(3, 0, 1, 2)[None]


def _clip(picture: Tensor) -> Tensor:
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
    deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
    return ((picture + 1) / 2 - mean) / deviation


def _driving_features(system: AnimateXPlus) -> Tensor:
    if system.driving_encoder is None:
        return torch.zeros(FRAMES, 1)
    small = [
        np.asarray(Image.fromarray(frame).resize((224, 224), Image.Resampling.BILINEAR))
        for frame in draw_poses(DANCE.poses)
    ]
    unit = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float() / 255
    return system.driving_encoder.encode(_clip(unit * 2 - 1))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.filterwarnings("ignore::animatex_core.errors.AnimateXWarning")
def test_frames_are_those_of_the_released_steps(opened: Open, variant: Variant) -> None:
    system = opened(variant)
    frames, expected = animate(system), by_hand(system)
    assert frames.shape == (13, HEIGHT, WIDTH, 3)
    assert np.abs(frames.astype(int) - expected.astype(int)).max() <= 1
    assert frames.std() > 5


@pytest.mark.filterwarnings("ignore::animatex_core.errors.AnimateXWarning")
def test_text_seed_and_noise_of_jpeg_matter(opened: Open) -> None:
    system = opened("full")
    plain = animate(system).astype(int)
    for other in (
        replace(SETTINGS, prompt="waves drift"),
        replace(SETTINGS, negative_prompt="a person"),
        replace(SETTINGS, sampling=replace(SETTINGS.sampling, seed=6)),
        replace(SETTINGS, jpeg_noise=True),
    ):
        assert np.abs(animate(system, other).astype(int) - plain).max() > 1


@pytest.mark.filterwarnings("ignore::animatex_core.errors.AnimateXWarning")
def test_half_precision_is_nearly_the_same(opened: Open, small_wan: SmallWan) -> None:
    half = animate(load(small_wan, "simple", torch.bfloat16)).astype(int)
    assert 0 < np.abs(half - animate(opened("simple"))).mean() < 8


def test_a_dance_that_is_no_4n_plus_1_is_filled_up_with_a_word(opened: Open) -> None:
    with pytest.warns(AnimateXWarning, match="12 frames, .* repeated to 13"):
        assert len(animate(opened("simple"))) == 13
    nine = Memory(DANCE.poses.select(range(9)))
    assert len(animate(opened("full"), dance=nine)) == 9


@pytest.mark.filterwarnings("ignore::animatex_core.errors.AnimateXWarning")
def test_stages_are_told_and_may_stop_the_work(opened: Open) -> None:
    told: list[tuple[str, int, int]] = []

    def report(stage: str, done: int, total: int) -> None:
        told.append((stage, done, total))
        if stage == "decoding":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        AnimateXPlusPipeline(opened("full"), report).animate(Reference(PICTURE), DANCE, SETTINGS)
    assert told == [("features", 12, 12), ("sampling", 1, 2), ("sampling", 2, 2), ("decoding", 1, 4)]


@pytest.mark.filterwarnings("ignore::animatex_core.errors.AnimateXWarning")
def test_the_reference_shows_its_own_pose_where_it_is_known(opened: Open) -> None:
    animator = AnimateXPlusPipeline(opened("simple"), lambda stage, done, total: None)
    # The character stands as the dancer does in the end, so that retargeting moves nobody.
    own = DANCE.poses.select([FRAMES - 1])
    known = Reference(PICTURE, own)
    with_pose = animator.animate(known, DANCE, SETTINGS).frames.astype(int)
    without = animator.animate(Reference(PICTURE), DANCE, SETTINGS).frames.astype(int)
    assert np.abs(with_pose - without).max() > 1


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidInput, match="height is 50 pixels"):
        replace(SETTINGS, height=50)


@pytest.mark.filterwarnings("ignore::animatex_core.errors.AnimateXWarning")
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_steps_make_what_one_call_makes(opened: Open, variant: Variant) -> None:
    pipeline, reference = AnimateXPlusPipeline(opened(variant)), Reference(PICTURE)
    made = pipeline.retarget(reference, DANCE, SETTINGS.retarget)
    conditions = pipeline.conditions(reference, DANCE, made.poses, made.own_pose, SETTINGS)
    latents = pipeline.sample(conditions, SETTINGS.sampling)
    assert latents.shape == conditions.shape.latents()
    animation = pipeline.animate(reference, DANCE, SETTINGS)
    np.testing.assert_array_equal(pipeline.decode(latents), animation.frames)
    assert len(animation.poses) == len(animation.frames)


@pytest.mark.filterwarnings("ignore::animatex_core.errors.AnimateXWarning")
def test_a_call_overrides_the_settings(opened: Open) -> None:
    pipeline = AnimateXPlusPipeline(opened("simple"))
    plain = PlusSettings(sampling=PlusSampling(steps=9), jpeg_noise=False, negative_prompt="clouds")
    found = pipeline(
        PICTURE,
        DANCE,
        prompt="a rabbit in the snow",
        settings=plain,
        size=(WIDTH, HEIGHT),
        steps=2,
        guidance=3.0,
        seed=5,
        retarget=RetargetSettings(mode="none"),
    )
    np.testing.assert_array_equal(found.frames, animate(opened("simple")))
