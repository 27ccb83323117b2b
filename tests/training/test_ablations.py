"""The ablations in miniature: trained alike, scored alike, done once."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from animatex_core.diffusion.guidance import Guidance
from animatex_core.networks import load_small
from animatex_core.sampling import SamplingSettings
from animatex_core.training.bundle.ablations import CROSS, VARIANTS, Ablations, AblationSettings, summary
from animatex_core.training.bundle.triples_set import TriplesSettings, write_triples
from animatex_core.training.data.encode import Encoders
from animatex_core.training.trainer.checkpoint import WEIGHTS, latest_checkpoint, read_checkpoint

from ..small_bundles import write_small_bundle

HELD_OUT = replace(CROSS, pairs=1, frames=2, sampling=SamplingSettings(steps=1, guidance=Guidance(1.0)))


@pytest.fixture(scope="module")
def ablations(tmp_path_factory: pytest.TempPathFactory) -> Ablations:
    folder = tmp_path_factory.mktemp("ablations")
    networks = load_small(write_small_bundle(folder / "bundle"), torch.float32, torch.device("cpu"))
    encoders = Encoders(networks.image_encoder, networks.autoencoder, networks.text_context)
    write_triples(folder / "triples", TriplesSettings(2, width=64, height=96), encoders, len, workers=0)
    changes = "workers=0", "batches=[{frames: 2, batch_size: 1}]"
    settings = AblationSettings(folder / "triples", steps=3, changes=changes, held_out=HELD_OUT)
    return Ablations(folder / "runs", settings, encoders)


def test_all_variants_are_trained_scored_and_compared(ablations: Ablations) -> None:
    said: list[str] = []
    for variant in VARIANTS:
        for seed in (0, 1):
            ablations.run(variant, seed, said.append)
    assert said == [f"{variant}, seed {seed}" for variant in VARIANTS for seed in (0, 1)]
    found = {
        path.name: read_checkpoint(latest_checkpoint(path)) for path in sorted(ablations.folder.iterdir())
    }
    assert {name: (each.position.step, each.config.seed) for name, each in found.items()} == {
        "full-0": (3, 0), "full-1": (3, 1), "without-EPI-0": (3, 0), "without-EPI-1": (3, 1),
        "without-IPI-0": (3, 0), "without-IPI-1": (3, 1),
    }  # fmt: skip
    assert [name for name, each in found.items() if each.config.epi is None] == [
        "without-EPI-0", "without-EPI-1",
    ]  # fmt: skip
    assert [name for name, each in found.items() if each.config.model.ipi is None] == [
        "without-IPI-0", "without-IPI-1",
    ]  # fmt: skip
    first = {name: each.under(WEIGHTS)["out.2.weight"] for name, each in found.items()}
    assert not torch.equal(first["full-0"], first["full-1"])
    assert not torch.equal(first["full-0"], first["without-EPI-0"])

    ablations.run("full", 0, said.append)
    assert len(said) == 6, "what is done is not done again"

    lines = summary(ablations.folder).splitlines()
    assert [re.split(r" *\| *", line)[1:3] for line in lines[2:]] == [[name, "2"] for name in VARIANTS]
    scores = [
        json.loads((ablations.folder / f"full-{seed}" / "scores.json").read_text())["means"]["driving pose"]
        for seed in (0, 1)
    ]
    middle = (scores[0]["PSNR"] + scores[1]["PSNR"]) / 2
    deviation = abs(scores[0]["PSNR"] - scores[1]["PSNR"]) / 2**0.5
    assert f"| {middle:.3f} ± {deviation:.3f} |" in lines[2]


def test_an_interrupted_training_goes_on(ablations: Ablations) -> None:
    shorter = replace(ablations, folder=ablations.folder.parent / "shorter")
    replace(shorter, settings=replace(shorter.settings, steps=2)).run("full", 0, len)
    (shorter.folder / "full-0" / "scores.json").unlink()
    before = read_checkpoint(latest_checkpoint(shorter.folder / "full-0")).position
    shorter.run("full", 0, len)
    after = read_checkpoint(latest_checkpoint(shorter.folder / "full-0")).position
    assert (before.step, after.step) == (2, 3)
