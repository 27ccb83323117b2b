"""The background behind the figure."""

import torch
from torch import Tensor

from animatex_core.puppet.backdrop import background_behind

PINK, GREY = (torch.tensor(color)[:, None, None] for color in ((0.95, 0.62, 0.96), (0.7, 0.6, 0.68)))


def disc() -> Tensor:
    """A grey disc on pink, (1, 3, 64, 64)."""
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    inside = (rows - 30) ** 2 + (columns - 40) ** 2 < 14**2
    return torch.where(inside, GREY, PINK)[None]


def bar() -> Tensor:
    """A figure that hides the left half of the disc, (1, 1, 64, 64)."""
    figure = torch.zeros(1, 1, 64, 64)
    figure[..., 10:60, 22:40] = 1
    return figure


def test_a_shape_behind_the_figure_keeps_a_sharp_border() -> None:
    image, figure = disc(), bar()
    image = torch.where(figure > 0, 0.1, image)
    behind = background_behind(image, figure, 1)
    away = torch.stack([(behind - color).abs().amax(dim=1) for color in (PINK, GREY)]).amin(dim=0)
    mixed = (away > 0.05)[figure[:, 0] > 0].float().mean()
    assert mixed < 0.05


def test_a_gradient_continues_behind_the_figure() -> None:
    image = torch.linspace(0.2, 0.9, 64)[:, None].expand(1, 3, 64, 64)
    figure = bar()
    behind = background_behind(torch.where(figure > 0, 0.0, image), figure, 1)
    assert (behind - image).abs().max() < 0.03


def test_what_the_figure_does_not_touch_stays() -> None:
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    behind = background_behind(image, bar(), 1)
    torch.testing.assert_close(behind[..., 44:], image[..., 44:])


def test_a_figure_that_fills_the_image_leaves_black() -> None:
    assert not background_behind(disc(), torch.ones(1, 1, 64, 64), 1).any()


def test_a_textured_background_is_filled_smoothly() -> None:
    """Sharp borders in wrong places would look like pieces of glass."""
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    behind = background_behind(image, bar(), 1)
    steps = [behind[..., 14:56, 26:36].diff(dim=axis).abs() for axis in (2, 3)]
    assert max(float(step.max()) for step in steps) < 0.2
    assert image.diff(dim=3).abs().max() > 0.9
