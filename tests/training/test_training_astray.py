"""Runs whose gradients grow."""

from __future__ import annotations

import math

import pytest
import torch
from runs import checkpoint_of, rows_of, tiny

from stereocodec.errors import TrainingError
from stereocodec.training import astray, loop
from stereocodec.training.astray import GradientWatch
from stereocodec.training.loop import Trainer

pytestmark = pytest.mark.usefixtures("one_thread")


def told(norms):
    watch = GradientWatch()
    return [watch.growth(norm) for norm in norms]


def test_norms_that_stay_beyond_their_usual_size_are_told_of():
    growths = told([1.6] * 40 + [4.4] * 5)
    assert growths[:42] == [0] * 42  # until most of five rows have it
    assert growths[42:] == pytest.approx([2.75] * 3)


@pytest.mark.parametrize(
    "norms",
    [
        [1.0] * 40 + [1.7] * 50,  # more, and not far more
        [1.0] * 40 + [6.0, 1.0, 1.0, 1.0, 1.0] * 5,  # single rows
        [8.0] * 10 + [1.0] * 60,  # what falls
        [1.0] * 20 + [9.0] * 9,  # so early that nothing is usual yet
        ([1.0] * 10 + [math.nan, math.inf]) * 6,  # steps that changed nothing
        [1.02**n for n in range(300)],  # slowly
    ],
)
def test_other_norms_are_not(norms):
    assert told(norms) == [0] * len(norms)


def test_a_run_that_goes_astray_ends_and_leaves_its_checkpoint(pairs, tmp_path, monkeypatch):
    for name, value in (("_RECENT", 1), ("_LEAST_USUAL", 1)):
        monkeypatch.setattr(astray, name, value)
    monkeypatch.setattr(loop, "_LOG_EVERY", 2)
    trainer = Trainer(tiny(steps=40, checkpoint_every=3), pairs, tmp_path, report=lambda line: None)
    step = trainer.optimisation.step
    monkeypatch.setattr(
        trainer.optimisation, "step", lambda: (torch.tensor(9.0 if trainer.step >= 6 else 1.0), step()[1])
    )
    with pytest.raises(TrainingError, match=r"^gradients have 9\.0 times their usual norm at step 8: .*resume"):
        trainer.run()
    assert checkpoint_of(tmp_path)[0]["step"] == 6
    assert float(rows_of(tmp_path / "train.csv")[-1]["step"]) == 8
