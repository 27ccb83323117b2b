"""The baselines of the held-out evaluation, which do not know the motion."""

from dataclasses import replace

import numpy as np
import pytest

from animatex_core.training.small_models import scores
from animatex_core.training.synthetic.render import render
from animatex_core.training.synthetic.triples import Triple, draw_triple


@pytest.fixture(scope="module")
def triple() -> Triple:
    return draw_triple(0, 3, 3, 64, 96, held_out=True)


def aimed(triple: Triple, *steps: float) -> Triple:
    """A triple whose character keeps its pose and moves sideways, in image widths."""
    scene = triple.reference
    body = scene.poses.select([0] * len(steps)).body.copy()
    body[..., 0] += np.array(steps, np.float32)[:, None] * (body[..., 2] > 0)
    poses = replace(scene.poses.select([0] * len(steps)), body=body)
    frames = np.stack(list(render(scene.look, poses, scene.stature, triple.backdrop)))
    return replace(triple, target=replace(scene, frames=frames, poses=poses))


def test_a_resting_character_is_not_blurred(triple: Triple) -> None:
    resting = aimed(triple, 0.0, 0.0)
    assert (scores.blur_reference(resting) == triple.reference.frames).all()


def test_a_moving_character_is_blurred_over_its_positions(triple: Triple) -> None:
    going = aimed(triple, 0.0, 0.1, 0.2)
    blurred = scores.blur_reference(going)
    assert blurred.shape == going.target.frames.shape
    # The pose is that of the true clip here, so that nothing but the motion is missing.
    # A place that falls between two pixels may be rounded to either of them.
    error = np.abs(blurred[0] - going.target.frames.mean(axis=0))
    assert np.quantile(error, 0.999) <= 1
    assert np.abs(blurred[0].astype(int) - triple.reference.frames[0]).max() > 30
    assert (blurred == blurred[0]).all()


def test_the_mean_of_a_clip_is_one_image(triple: Triple) -> None:
    mean = scores.true_mean(triple)
    np.testing.assert_allclose(mean[0], triple.target.frames.mean(axis=0), atol=0.5)
    assert (mean == mean[0]).all()
