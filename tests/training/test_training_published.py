"""Training the published codecs by their recipes, with small networks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from runs import rows_of

from stereocodec import StereoCodec
from stereocodec.releases.release import load_release
from stereocodec.training.config import TrainingConfig
from stereocodec.training.export import export_run
from stereocodec.training.loop import Trainer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]
NARROW = {"channels": 16, "slices": 2, "parameter_widths": [24, 16, 12], "context_widths": [16, 16, 16]}
MODELS = {
    "bisic": NARROW | {"residual_widths": [16, 16, 8], "lambda_": 2048},
    "bisic-fast": NARROW | {"residual_widths": [16, 16, 8], "lambda_": 2048},
    "ecsic": {"channels": 16, "latent_channels": 4, "lambda_": 0.01},
}


def settings(arch, steps=40, **changes):
    """The architecture's recipe, small."""
    small = {"crop_height": 64, "crop_width": 64, "batch_size": 2, "steps": steps, "validation_scenes": ("validation",)}
    small |= {"model": MODELS[arch], "learning_rate": 1e-3, "validate_every": 20, "checkpoint_every": 20}
    return dataclasses.replace(TrainingConfig.recipe(arch), **small | changes)


@pytest.fixture(scope="module", params=MODELS)
def finished(request, pairs, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    trainer = Trainer(settings(request.param), pairs, folder, report=lambda line: None)
    trainer.run()
    return request.param, folder, trainer


def test_the_loss_falls(finished):
    _, folder, _ = finished
    first, last = (float(row["loss"]) for row in rows_of(folder / "train.csv"))
    assert last < 0.9 * first


def test_there_is_one_row_per_validation(finished):
    _, folder, _ = finished
    assert [(row["step"], float(row["quality"])) for row in rows_of(folder / "validation.csv")] == [
        ("20", 0),
        ("40", 0),
    ]


def test_the_result_codes_a_pair(finished, pairs, tmp_path):
    arch, folder, _ = finished
    export_run(folder, tmp_path / "release", name=arch, data="the sample pair", examples=pairs)
    card = (tmp_path / "release" / "README.md").read_text(encoding="utf-8")
    assert f"Weights of the `{arch}` architecture" in card
    families = load_release(tmp_path / "release").tables.families
    assert families.keys() == {"first", "second"} | ({"hyper"} if arch == "ecsic" else set())
    codec = StereoCodec.from_pretrained(tmp_path / "release", device="cpu")
    views = pairs[0].stacked().numpy()
    decoded = codec.decompress(codec.compress(*views), output="numpy")
    assert np.abs(np.stack(decoded).astype(int) - views).mean() < 60


def test_the_quantiles_follow_the_prior_by_their_own_optimiser(pairs, tmp_path):
    trainer = Trainer(settings("bisic-fast"), pairs, tmp_path, report=lambda line: None)
    quantiles = trainer.model.prior.quantiles
    before, loss = quantiles.detach().clone(), trainer.model.auxiliary_loss().item()
    clipped = [
        p for optimiser in trainer.optimisation.main for group in optimiser.param_groups for p in group["params"]
    ]
    assert not any(p is quantiles for p in clipped)
    for _ in range(3):
        trainer.train_step()
    assert not torch.equal(quantiles, before)
    assert trainer.model.auxiliary_loss().item() < loss


@pytest.mark.parametrize("arch", ["bisic-fast", "ecsic"])
def test_a_resumed_run_is_the_same_to_the_bit(arch, pairs, tmp_path):
    def trainer(folder, **arguments):
        return Trainer(settings(arch), pairs, tmp_path / folder, report=lambda line: None, **arguments)

    def trained_for(trainer, steps):
        for _ in range(steps):
            trainer.train_step()
        return trainer

    whole, stopped = trained_for(trainer("whole"), 6), trained_for(trainer("parts"), 3)
    stopped.save()
    resumed = trained_for(trainer("parts", resume=True), 3)
    assert whole.step == resumed.step == 6
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_fine_tuning_for_ms_ssim_starts_with_the_weights_of_a_run(finished, pairs, tmp_path):
    arch, folder, before = finished
    # Crops of 192 pixels, so that all scales of MS-SSIM fit.
    config = settings(arch, steps=2, loss="ms-ssim", crop_height=192, crop_width=192)
    trainer = Trainer(config, pairs, tmp_path, init=folder, report=lambda line: None)
    for name, value in before.average.tensors.items():
        assert torch.equal(trainer.model.state_dict()[name], value), name
    trainer.run()
    assert trainer.step == 2
