"""Training of the autoencoder, the image encoder and the triples, in a few steps."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from animatex_core.animate_x.components import init_random_weights
from animatex_core.encoders.autoencoder import LATENT_SCALE, AutoencoderConfig, network_on_meta
from animatex_core.pose.keypoints import HANDS, seen
from animatex_core.training.data.preparation import dummy_encoders
from animatex_core.training.data.shards import ShardDataset
from animatex_core.training.small_models import autoencoder, image_encoder
from animatex_core.training.small_models.fit import FitSettings, fit
from animatex_core.training.small_models.initialization import init_color_passthrough
from animatex_core.training.small_models.triples_set import TriplesSettings, encode_triple, write_triples
from animatex_core.training.synthetic.triples import draw_triple

QUICK = FitSettings(steps=20, batch_size=4, learning_rate=1e-2, warm_up=1, workers=0)


def _network() -> Any:
    network = network_on_meta(AutoencoderConfig((32, 32, 32, 32), blocks=1, norm_groups=4))
    network = network.to_empty(device="cpu")
    init_random_weights(network, 0)
    return network.eval()


def test_fit_is_deterministic_and_learns() -> None:
    def train() -> tuple[nn.Module, list[str]]:
        torch.manual_seed(0)
        messages: list[str] = []
        network = nn.Linear(1, 1)
        samples = replace(QUICK, steps=200, learning_rate=0.1)
        loss = fit(network, lambda n: torch.tensor([n % 5.0]), _line, samples, messages.append)
        return loss, messages

    (first, messages), (again, _) = train(), train()
    assert torch.equal(first.weight, again.weight)  # type: ignore[arg-type]
    assert first(torch.tensor([[2.0]])).item() == pytest.approx(7.0, abs=0.2)
    assert [line.split(":")[0] for line in messages] == ["step 50", "step 100", "step 150", "step 200"]


def _ignore(_line: str) -> None:
    """Ignore progress messages."""


def _line(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return (network(x) - (3 * x + 1)).square().mean()


def test_an_untrained_autoencoder_passes_colors() -> None:
    torch.manual_seed(0)
    network = _network()
    init_color_passthrough(network)
    pictures = torch.nn.functional.interpolate(torch.rand(2, 3, 6, 4) * 2 - 1, scale_factor=8)
    with torch.no_grad():
        found = network.decode(network.encode(pictures).latent_dist.mean).sample
    both = torch.corrcoef(torch.stack([found.flatten(), pictures.flatten()]))
    assert both[0, 1] > 0.8


def test_latents_are_standardised_and_images_unchanged() -> None:
    network = _network()
    picture = torch.from_numpy(autoencoder.draw_image(0).copy()).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        before = network.decode(network.encode(picture).latent_dist.mean).sample
        deviation = network.encode(picture).latent_dist.std
        autoencoder.normalize_latents(network, images=8)
        posterior = network.encode(picture).latent_dist
        after = network.decode(posterior.mean).sample
        eight = torch.stack(
            [torch.from_numpy(autoencoder.draw_image(n).copy()).permute(2, 0, 1) for n in range(8)]
        )
        latents = network.encode(eight / 127.5 - 1).latent_dist.mean * LATENT_SCALE
    assert torch.allclose(before, after, atol=1e-3)
    assert torch.allclose(latents.std((0, 2, 3)), torch.ones(4), atol=1e-3)
    assert torch.allclose(latents.mean((0, 2, 3)), torch.zeros(4), atol=1e-3)
    ratio = deviation / posterior.std
    assert torch.allclose(ratio, ratio[:, :, :1, :1].expand_as(ratio), rtol=1e-3)


def test_balanced_channels_are_equally_sensitive_to_noise() -> None:
    network = _network()
    autoencoder.normalize_latents(network, images=4)
    picture = torch.from_numpy(autoencoder.draw_image(0).copy()).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        network.post_quant_conv.weight[:, 3] *= 0.1  # a channel that hardly matters
        before = network.decode(network.encode(picture).latent_dist.mean).sample
        autoencoder.balance_channels(network, images=4)
        latents = network.encode(picture).latent_dist.mean
        after = network.decode(latents).sample
        noise = 0.1 * torch.randn(latents.shape)
        changes = [
            (network.decode(latents + noise * (torch.arange(4) == channel)[:, None, None]).sample - after)
            for channel in range(4)
        ]
    assert torch.allclose(before, after, atol=1e-3)
    sizes = [float(change.std()) for change in changes]
    assert max(sizes) / min(sizes) < 1.5
    deviations = latents.std((0, 2, 3))
    assert deviations[3] == deviations.min() < 0.5 * deviations.max()


def test_the_autoencoder_is_trained_on_crops() -> None:
    phase = autoencoder.Phase(32, replace(QUICK, steps=1, learning_rate=1e-3))
    trained = autoencoder.train_autoencoder(_ignore, [phase], phase, images=2)
    assert trained.config.norm_num_groups == 4  # type: ignore[union-attr]
    assert all(parameter.isfinite().all() for parameter in trained.parameters())


def test_only_the_decoder_learns_to_clean_up() -> None:
    network, phase = _network(), autoencoder.Phase(32, replace(QUICK, steps=1, learning_rate=1e-3))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    trained = autoencoder.train_decoder_on_noise(network, _ignore, phase)
    changed = {name for name, tensor in trained.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed
    assert {name.split(".")[0] for name in changed} == {"decoder", "post_quant_conv"}


def test_the_image_encoder_has_open_clips_interface() -> None:
    tower = image_encoder.train_image_encoder(_ignore, replace(QUICK, steps=1, learning_rate=1e-3), images=4)
    picture, attributes = image_encoder.sample(0)
    assert tower(picture[None]).shape == (1, 128)
    assert attributes.shape == (36 + 18 + 288,)
    assert (attributes[36:] >= 0).all()


def test_writing_triples_resumes(tmp_path: Path) -> None:
    encoders = dummy_encoders(torch.device("cpu"))
    settings = TriplesSettings(count=2, frames=3, width=64, height=96)
    write_triples(tmp_path, settings, encoders, _ignore, workers=0)
    write_triples(tmp_path, replace(settings, count=3), encoders, _ignore, workers=0)
    dataset = ShardDataset.open(tmp_path)
    clip = dataset.clip(2, 3, np.random.default_rng(0))
    whole = encode_triple(draw_triple(0, 2, 3, 64, 96), encoders, np.random.default_rng([11, 0, 2]))
    assert len(dataset) == 3
    assert torch.allclose(clip.latents, whole.latents.swapaxes(0, 1), rtol=1e-2, atol=1e-2)
    assert clip.poses.width % 64 == 0


def test_poses_have_the_errors_of_an_estimator() -> None:
    encoders = dummy_encoders(torch.device("cpu"))
    triple = draw_triple(0, 2, 2, 64, 96)
    clips = [encode_triple(triple, encoders, np.random.default_rng(seed)) for seed in range(12)]
    errors = [np.abs(clip.poses.body - triple.target.poses.body).max() for clip in clips]
    hands = [seen(clip.poses.points[:, HANDS[0]]).any() for clip in clips]
    assert 0 < max(errors) < 0.06
    assert len({clip.motion.width for clip in clips}) > 1
    assert {True, False} == set(map(bool, hands))
