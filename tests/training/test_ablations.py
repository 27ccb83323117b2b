"""The small ablation study: variants are trained and scored once, with the same settings."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from animatex_core.animate_x.components import PipelineComponents, load_small
from animatex_core.animate_x.sampling import SamplingSettings
from animatex_core.diffusion.guidance import Guidance
from animatex_core.encoders.autoencoder import StableDiffusionAutoencoder
from animatex_core.errors import InvalidInput
from animatex_core.hub.bundled import BUNDLED_MODELS
from animatex_core.training.animate_x.task import to_denoiser_file
from animatex_core.training.data.preparation import Encoders
from animatex_core.training.loop.checkpoint import WEIGHTS, latest_checkpoint
from animatex_core.training.small_models.ablations import (
    CROSS,
    VARIANTS,
    Ablations,
    AblationSettings,
    summary,
)
from animatex_core.training.small_models.triples_set import TriplesSettings, write_triples
from animatex_core.training.systems import read_checkpoint

from ..support.small_bundles import write_small_bundle


def _ignore(_line: str) -> None:
    pass


SHORTER = "workers=0", "batches=[{frames: 2, batch_size: 1}]"
HELD_OUT = replace(CROSS, pairs=1, frames=2, sampling=SamplingSettings(steps=1, guidance=Guidance(1.0)))


@pytest.fixture(scope="module")
def ablations(tmp_path_factory: pytest.TempPathFactory) -> Ablations:
    folder = tmp_path_factory.mktemp("ablations")
    networks = load_small(write_small_bundle(folder / "bundle"), torch.float32, torch.device("cpu"))
    encoders = Encoders(networks.image_encoder, networks.autoencoder, networks.text_context)
    write_triples(folder / "triples", TriplesSettings(2, width=64, height=96), encoders, _ignore, workers=0)
    changes = *SHORTER, "epi.probability=1"
    settings = AblationSettings(folder / "triples", steps=3, changes=changes, held_out=HELD_OUT)
    return Ablations(folder / "runs", settings, networks.image_encoder, networks.autoencoder)


RUNS = {
    "full-0": ("full", 0),
    "full-1": ("full", 1),
    "without-EPI-0": ("without EPI", 0),
    "without-IPI-0": ("without IPI", 0),
}


def test_all_variants_are_trained_scored_and_compared(ablations: Ablations) -> None:
    messages: list[str] = []
    for variant, seed in RUNS.values():
        ablations.run(variant, seed, messages.append)
    assert messages == [f"{variant}, seed {seed}" for variant, seed in RUNS.values()]
    found = {name: read_checkpoint(latest_checkpoint(ablations.folder / name)) for name in RUNS}
    assert [(each.position.step, each.config.seed) for each in found.values()] == [
        (3, seed) for _, seed in RUNS.values()
    ]
    assert [name for name, each in found.items() if each.config.epi is None] == ["without-EPI-0"]
    assert [name for name, each in found.items() if to_denoiser_file(each).config.ipi is None] == [
        "without-IPI-0"
    ]
    first = {name: each.under(WEIGHTS)["out.2.weight"] for name, each in found.items()}
    assert not torch.equal(first["full-0"], first["full-1"])
    assert not torch.equal(first["full-0"], first["without-EPI-0"])

    ablations.run("full", 0, messages.append)
    assert len(messages) == len(RUNS), "what is done is not done again"

    lines = summary(ablations.folder).splitlines()
    rows = [re.split(r" *\| *", line)[1:3] for line in lines[2:]]
    assert rows == [["full", "2"], ["without EPI", "1"], ["without IPI", "1"]]
    assert set(VARIANTS) == {variant for variant, _ in rows}
    scores = [
        json.loads((ablations.folder / f"full-{seed}" / "scores.json").read_text())["means"]["driving pose"]
        for seed in (0, 1)
    ]
    middle = (scores[0]["PSNR"] + scores[1]["PSNR"]) / 2
    deviation = abs(scores[0]["PSNR"] - scores[1]["PSNR"]) / 2**0.5
    assert f"| {middle:.3f} ± {deviation:.3f} |" in lines[2]


def test_a_variant_lacks_one_part() -> None:
    settings = AblationSettings(Path("triples"), steps=30)
    full, no_epi, no_ipi = (settings.of(variant, seed=1) for variant in VARIANTS)
    assert full.epi is not None
    assert full.epi["probability"] == 0.5
    assert no_epi == replace(full, epi=None)
    assert no_ipi == replace(full, model=replace(full.model, ipi=None))


@pytest.fixture(scope="module")
def shipped() -> PipelineComponents:
    return load_small(BUNDLED_MODELS, torch.float32, torch.device("cpu"))


def autoencoder_of(networks: PipelineComponents | Ablations) -> StableDiffusionAutoencoder:
    assert isinstance(networks.autoencoder, StableDiffusionAutoencoder)
    return networks.autoencoder


class TestLatentsOfAnAutoencoder:
    def test_those_of_a_trained_one_count_alike(self, ablations: Ablations) -> None:
        found = AblationSettings.with_latents_of(autoencoder_of(ablations), Path("triples"), 30)
        assert found == AblationSettings(Path("triples"), 30, ("model.latent_channels=4",))

    def test_those_of_patches_count_as_much_as_the_pixels_show_them(
        self, shipped: PipelineComponents
    ) -> None:
        codec = autoencoder_of(shipped)
        settings = AblationSettings.with_latents_of(codec, Path("triples"), 30)
        assert settings.held_out == replace(CROSS, sampling=SamplingSettings.for_small_bundle())
        config = settings.of("full", 0)
        assert config.loss.pure_noise == 1, "as only one step is sampled"
        weights = torch.tensor(config.loss.channel_weights)
        assert config.model.latent_channels == len(weights)
        noise = torch.randn(2, len(weights), 3, 3, generator=torch.Generator().manual_seed(0))
        seen = (codec.decode(noise[:1]) - codec.decode(noise[1:])).square().mean()
        told = ((noise[0] - noise[1]).square() * weights[:, None, None]).mean()
        unit = torch.zeros_like(noise[:1])
        unit[:, 0] = 1
        scale = (codec.decode(unit) - codec.decode(0 * unit)).square().mean() / weights[0]
        assert_close(seen, told * scale * len(weights), rtol=0.02, atol=0)

    def test_a_study_on_those_of_patches_trains_and_scores(
        self, shipped: PipelineComponents, tmp_path: Path
    ) -> None:
        codec = autoencoder_of(shipped)
        encoders = Encoders(shipped.image_encoder, codec, shipped.text_context)
        triples = TriplesSettings(1, frames=4, width=64, height=96)
        write_triples(tmp_path / "triples", triples, encoders, _ignore, workers=0)
        settings = AblationSettings.with_latents_of(codec, tmp_path / "triples", 2)
        shorter = replace(settings, changes=(*settings.changes, *SHORTER), held_out=HELD_OUT)
        Ablations(tmp_path / "runs", shorter, shipped.image_encoder, codec).run("without EPI", 0, _ignore)
        assert "| without EPI | 1 " in summary(tmp_path / "runs")


class TestScoresOfAnEarlierRun:
    @pytest.fixture
    def scored(self, ablations: Ablations, tmp_path: Path) -> Ablations:
        earlier = replace(ablations, folder=tmp_path)
        earlier.run("full", 0, _ignore)
        return earlier

    def test_with_other_settings_are_refused(self, scored: Ablations) -> None:
        other = replace(scored, settings=replace(scored.settings, steps=4))
        with pytest.raises(InvalidInput, match=r"full-0 was prepared with other settings \(steps 3, not 4\)"):
            other.run("full", 0, _ignore)

    def test_without_their_settings_are_refused(self, scored: Ablations) -> None:
        (scored.folder / "full-0" / "settings.json").unlink()
        with pytest.raises(InvalidInput, match=r"full-0 holds scores without their settings .*: delete it"):
            scored.run("full", 0, _ignore)


def test_an_interrupted_training_resumes(ablations: Ablations) -> None:
    shorter = replace(ablations, folder=ablations.folder.parent / "shorter")
    replace(shorter, settings=replace(shorter.settings, steps=2)).run("full", 0, _ignore)
    (shorter.folder / "full-0" / "scores.json").unlink()
    before = read_checkpoint(latest_checkpoint(shorter.folder / "full-0")).position
    shorter.run("full", 0, _ignore)
    after = read_checkpoint(latest_checkpoint(shorter.folder / "full-0")).position
    assert (before.step, after.step) == (2, 3)


@pytest.mark.parametrize(
    "content", [b"[]", b'{"means": {}}', b'{"means": [1]}', b"\xff\xfe{", b'{"means": {"real": 5}}']
)
def test_damaged_scores_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "full-0").mkdir()
    (tmp_path / "full-0" / "scores.json").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"full-0.scores\.json holds no scores .*: delete it"):
        summary(tmp_path)
