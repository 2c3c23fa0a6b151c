"""Runs that are over after a given time."""

from __future__ import annotations

import itertools
import json

import pytest
from runs import checkpoint_of, tiny

from stereocodec.training import progress, timed
from stereocodec.training.loop import Trainer


@pytest.mark.parametrize("seconds_per_step", [1, 3])
def test_the_rates_fall_over_the_last_quarter_of_the_time(pairs, tmp_path, monkeypatch, seconds_per_step):
    trainer = Trainer(tiny(schedule="stable"), pairs, tmp_path, report=lambda line: None)
    clock, rates = [0.0], []

    def step():
        rates.append(trainer.config.rate_at(trainer.step))
        trainer.step += 1
        clock[0] += seconds_per_step
        return {}

    def validate():
        clock[0] += 6

    for module in (progress, timed):
        monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    for name, stand_in in (("train_step", step), ("validate", validate), ("_log", lambda *_: None)):
        monkeypatch.setattr(trainer, name, stand_in)
    timed.train_for(trainer, 10)
    assert 600 * 0.95 < clock[0] <= 600 + seconds_per_step
    falling = sum(rate < 1 for rate in rates[2:])
    assert 0.2 < falling / len(rates) < 0.27
    assert rates[-1] < 0.03
    assert all(b <= a for a, b in itertools.pairwise(rates[2:]))
    settings = json.loads((tmp_path / "config.json").read_text())
    assert (settings["steps"], checkpoint_of(tmp_path)[0]["step"]) == (trainer.step, trainer.step)
