"""Runs that start with the weights of a release or of another run."""

from __future__ import annotations

import math

import pytest
import torch
from click.testing import CliRunner
from runs import TINY, checkpoint_of, tiny, trained
from stereocodec_cli.main import bisic

from stereocodec.errors import TrainingError, UnknownModel
from stereocodec.models import build_model
from stereocodec.models.bisic_rt.blocks import QualityKnots
from stereocodec.releases.release import load_release
from stereocodec.training.export import export_run
from stereocodec.training.initialise import initialise
from stereocodec.training.loop import Trainer

pytestmark = pytest.mark.usefixtures("one_thread")
RANGE = {"lambda_min": 0.001, "lambda_max": 0.1}


def test_a_run_starts_with_the_averaged_weights_of_another(finished, pairs, tmp_path):
    trainer = Trainer(tiny(seed=5), pairs, tmp_path, init=finished.folder)
    for tensors in (trainer.model.state_dict(), trainer.average.tensors):
        for name, value in finished.average.tensors.items():
            assert torch.equal(tensors[name], value), name
    assert (trainer.step, trainer.crop_pairs) == (0, 0)
    assert not any(optimiser.state for optimiser in trainer.optimisation.main)


def test_a_run_starts_with_the_weights_of_a_release_and_tells_it(release, pairs, tmp_path):
    trainer = trained(pairs, tmp_path / "run", 0, init=release)
    weights = load_release(release)
    for name, value in weights.model.state_dict().items():
        assert torch.equal(trainer.model.state_dict()[name], value), name
    expected = f"the release mine ({weights.model_id.hex()})"
    assert checkpoint_of(tmp_path / "run")[0]["init"] == expected
    resumed = trained(pairs, tmp_path / "run", 1, resume=True)
    assert resumed.init == expected
    export_run(tmp_path / "run", tmp_path / "release", name="next", data="a")
    assert f"| start | {expected} |" in (tmp_path / "release" / "README.md").read_text(encoding="utf-8")


def knots_of(model):
    return {name: module for name, module in model.named_modules() if isinstance(module, QualityKnots)}


def randomised(model):
    with torch.no_grad():
        for knots in knots_of(model).values():
            knots.values.normal_()
    return model


def test_quality_knots_are_resampled_over_the_logarithm_of_lambda(pairs, tmp_path):
    source = Trainer(tiny(model=TINY | RANGE | {"knots": 5}), pairs, tmp_path / "source")
    source.average.tensors.update(randomised(source.model).state_dict())
    source.save()
    # A wider range, four times as dense: every knot of the source is one of the target.
    wide = {"lambda_min": 0.0001, "lambda_max": 1.0, "knots": 33}
    target = build_model("bisic-rt", TINY | wide)
    initialise(target, tmp_path / "source")
    for name, knots in knots_of(target).items():
        log_lambda = torch.linspace(math.log10(1e-3), math.log10(1e-1), 7)
        there = knots_of(source.model)[name]((log_lambda + 3) / 2)
        torch.testing.assert_close(knots((log_lambda + 4) / 4), there, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(knots(torch.zeros(1)), knots_of(source.model)[name](torch.zeros(1)))
        torch.testing.assert_close(knots(torch.ones(1)), knots_of(source.model)[name](torch.ones(1)))
    others = [name for name in target.state_dict() if name.removesuffix(".values") not in knots_of(target)]
    assert all(torch.equal(target.state_dict()[name], source.model.state_dict()[name]) for name in others)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_channels": 24}, r"analysis\.tail\.weight is 16x16 in the run finished but is 24x16 here"),
        ({"blocks8": 2}, r"is missing in the run finished but is 16x16 here"),
    ],
)
def test_other_networks_are_refused_by_the_name_of_a_tensor(finished, changes, message):
    with pytest.raises(TrainingError, match=message):
        initialise(build_model("bisic-rt", TINY | changes), finished.folder)


def test_a_network_without_paths_between_the_views_takes_what_it_has_a_place_for(finished, pairs, tmp_path):
    trainer = Trainer(tiny(model=TINY | {"stereo": False}), pairs, tmp_path, init=finished.folder)
    weights, whole = trainer.model.state_dict(), finished.average.tensors
    assert any("prediction" in name for name in whole.keys() - weights.keys())
    for name, value in weights.items():
        assert torch.equal(value, whole[name]), name


def test_weights_without_a_place_are_refused(finished):
    smaller = build_model("bisic-rt", TINY)
    del smaller.hyper_analysis
    with pytest.raises(TrainingError, match=r"hyper_analysis\.layers.+ in the run finished but is missing here"):
        initialise(smaller, finished.folder)


def test_a_start_that_is_nowhere_is_refused(pairs, tmp_path):
    with pytest.raises(UnknownModel, match="no model 'nowhere'"):
        Trainer(tiny(), pairs, tmp_path / "run", init="nowhere")
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_has_its_weights_already(finished, pairs, pictures, tmp_path):
    trained(pairs, tmp_path / "run", 1)
    with pytest.raises(TrainingError, match="a resumed run has its weights already"):
        Trainer(tiny(), pairs, tmp_path / "run", resume=True, init=finished.folder)
    options = ["--data", pictures, "-o", tmp_path / "run", "--resume", "--init", finished.folder]
    result = CliRunner().invoke(bisic, ["train", "settings.toml", *map(str, options)])
    assert (result.exit_code, "leave --init and --grow out" in result.stderr) == (2, True)
