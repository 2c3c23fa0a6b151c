"""Runs that go on from another run with larger networks."""

from __future__ import annotations

import math
import shlex
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from conftest import one_line
from runs import TINY, checkpoint_of, model_table, tiny, trained
from stereocodec_cli.main import bisic
from torch import nn

from stereocodec.errors import TrainingError
from stereocodec.models import ARCHITECTURES, build_model
from stereocodec.training.growth import largest_difference, places
from stereocodec.training.loop import Trainer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]
LARGER = TINY | {"blocks16": 2}


@pytest.fixture(scope="module", params=["adamw", "muon"])
def former(request, pairs, tmp_path_factory):
    """A run of three steps with small networks."""
    return trained(pairs, tmp_path_factory.mktemp("runs") / "former", 3, optimiser=request.param)


def grown(former, pairs, folder, **changes):
    settings = tiny(**{"model": LARGER, "optimiser": former.config.optimiser} | changes)
    return Trainer(settings, pairs, folder, grow=former.folder, report=lambda line: None)


def moments_of(trainer):
    """By name of the parameter, and of the moment."""
    names = {id(parameter): name for name, parameter in trainer.model.named_parameters()}
    states = [(names[id(p)], state) for o in trainer.optimisation.main for p, state in o.state.items()]
    return {(name, key): value for name, state in states for key, value in state.items()}


def in_the_larger(name):
    """The attention behind the blocks moves on by one; everything else keeps its name."""
    for part in ("analysis.stage16.", "synthesis.stage16."):
        name = name.replace(f"{part}1.", f"{part}2.")
    return name


def test_a_grown_run_knows_what_the_former_one_learned(former, pairs, tmp_path):
    trainer = grown(former, pairs, tmp_path)
    assert (trainer.step, trainer.crop_pairs, trainer.hardware) == (3, 6, former.hardware)
    assert trainer.init == f"grown from the run {former.folder.name} at step 3"
    mine, averaged = trainer.model.state_dict(), trainer.averaged().state_dict()
    for name, tensor in former.model.state_dict().items():
        assert torch.equal(mine[in_the_larger(name)], tensor), name
        assert torch.equal(averaged[in_the_larger(name)], former.average.tensors[name]), name
    moments = moments_of(trainer)
    expected = {(in_the_larger(name), key): value for (name, key), value in moments_of(former).items()}
    assert moments.keys() == expected.keys()
    assert any(value.any() for value in moments.values())
    for key, value in expected.items():
        assert torch.equal(moments[key], value), key


def test_the_loss_stays_what_it_was(former, pairs, tmp_path):
    trainer, x = grown(former, pairs, tmp_path), former.sampler.batch(2)
    losses = []
    for step in (former.rate_distortion, trainer.rate_distortion):
        torch.manual_seed(5)
        with torch.no_grad():
            losses.append(step(x, torch.tensor([0.3, 0.7, 0.3, 0.7]))[0].item())
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_a_grown_run_trains_its_new_parts_and_can_be_resumed(former, pairs, tmp_path):
    trainer = grown(former, pairs, tmp_path)
    new = trainer.model.analysis.stage16[1].mix.weight
    assert not new.any()
    # Other crops than those that the former run began with.
    assert not torch.equal(trainer.sampler.batch(1), Trainer(tiny(), pairs, tmp_path / "fresh").sampler.batch(1))
    trainer.train_step()
    trainer.save()
    assert new.any()
    assert checkpoint_of(tmp_path)[0]["step"] == 4
    settings = {"model": LARGER, "optimiser": former.config.optimiser}
    trainer.train_step()
    resumed = trained(pairs, tmp_path, 1, resume=True, **settings)
    assert resumed.init == trainer.init
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], tensor), name


def refusal(former, pairs, folder, **changes):
    """What is said of a run that cannot grow, of which nothing is left."""
    with pytest.raises(TrainingError) as error:
        grown(former, pairs, folder / "run", **changes)
    assert not (folder / "run").exists()
    return one_line(error)


def test_growth_that_changes_what_is_computed_is_refused(former, pairs, tmp_path):
    # New quality steps alone: every tensor fits.
    said = refusal(former, pairs, tmp_path, model=LARGER | {"lambda_max": 0.2})
    assert "the new networks do not compute what those of" in said
    assert "rendered example differ by up to " in said
    assert float(said.partition("up to ")[2].partition(";")[0]) > 1e-3


def test_new_parts_that_are_not_zero_are_refused(former, pairs, tmp_path, monkeypatch):
    def build(*arguments):
        model = build_model(*arguments)
        if len(model.analysis.stage16) == 3:
            nn.init.eye_(model.analysis.stage16[1].mix.weight)
        return model

    monkeypatch.setattr("stereocodec.training.initialise.build_model", build)
    assert "do not compute what those of" in refusal(former, pairs, tmp_path)


def test_other_widths_fewer_parts_and_other_optimisers_are_refused(former, pairs, tmp_path):
    said = refusal(former, pairs, tmp_path, model=TINY | {"channels16": 20})
    assert " is 16x" in said
    assert " 20" in said
    assert said.endswith("keep its widths, and add parts only")
    said = refusal(former, pairs, tmp_path, model=TINY | {"blocks16": 0})
    assert said.startswith("analysis.stage16.0.")
    assert said.endswith("is missing in the new networks; they may only have more parts")
    assert "has another 'optimiser'" in refusal(former, pairs, tmp_path, optimiser="adam")
    with pytest.raises(TrainingError, match="holds no training run"):
        Trainer(tiny(), pairs, tmp_path / "run", grow=tmp_path)
    (tmp_path / "config.json").write_bytes((former.folder / "config.json").read_bytes())
    with pytest.raises(TrainingError, match="or none: No such file"):
        Trainer(former.config, pairs, tmp_path / "run", grow=tmp_path)


def test_numbers_that_are_none_are_never_equal():
    first, second = (build_model("bisic-rt", TINY) for _ in range(2))
    second.load_state_dict(first.state_dict())
    assert largest_difference(first, second) == 0
    nn.init.constant_(second.synthesis.tail.bias, 0.1)
    assert largest_difference(first, second) == pytest.approx(0.1, abs=1e-5)
    nn.init.constant_(second.synthesis.tail.bias, float("nan"))
    assert math.isnan(largest_difference(first, second))


def test_blocks_keep_their_numbers_among_their_kind():
    def stack(*letters):
        kinds = {"a": lambda: nn.Linear(1, 1, bias=False), "b": nn.PReLU}
        return nn.ModuleDict({"stack": nn.Sequential(*(kinds[letter]() for letter in letters))})

    found = places(stack("a", "b", "a"), stack("a", "a", "a", "b"))
    assert found == {
        "stack.0.weight": "stack.0.weight",
        "stack.1.weight": "stack.3.weight",
        "stack.2.weight": "stack.1.weight",
    }
    assert places(stack("a", "a", "b"), stack("a")) == {"stack.0.weight": "stack.0.weight"}


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_all_tensors_of_all_networks_have_a_place(architecture):
    model = build_model(architecture, {})
    assert places(model, model) == {name: name for name in model.state_dict()}


def test_the_example_of_the_guide(former, pictures, tmp_path, monkeypatch):
    page = (Path(__file__).parent.parent.parent / "docs" / "training.md").read_text(encoding="utf-8")
    (line,) = (line for line in page.splitlines() if line.startswith("bisic ") and "--grow" in line)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(pictures, "pairs")
    shutil.copytree(former.folder, "runs/mine")
    numbers = f'optimiser = "{former.config.optimiser}"\ncrop_height = 64\ncrop_width = 64\nbatch_size = 2\nsteps = 4\n'
    Path("larger.toml").write_text(numbers + model_table(LARGER))
    try:
        result = CliRunner().invoke(bisic, shlex.split(line)[1:])
    finally:
        torch.set_flush_denormal(False)
    assert result.exit_code == 0, result.output
    assert checkpoint_of(tmp_path / "runs" / "larger")[0]["step"] == 4


@pytest.mark.parametrize("other", [["--resume"], ["--init", "bisic-rt"]])
def test_a_run_has_one_start(former, pictures, pairs, tmp_path, other):
    options = ["--data", pictures, "-o", tmp_path / "run", "--grow", former.folder, *other]
    result = CliRunner().invoke(bisic, ["train", "larger.toml", *map(str, options)])
    assert (result.exit_code, "out." in result.stderr) == (2, True)
    start = {"resume": True} if other == ["--resume"] else {"init": "bisic-rt"}
    with pytest.raises(TrainingError, match=r"has its weights already|leave the other ones out"):
        Trainer(tiny(), pairs, tmp_path / "run", grow=former.folder, **start)
