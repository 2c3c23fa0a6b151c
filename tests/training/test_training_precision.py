"""Numbers of a run: bfloat16 where there are units for it."""

from __future__ import annotations

import pytest
import torch
from bfloat16_units import UNITS, processor_with
from runs import tiny

from stereocodec.training.config import TrainingConfig
from stereocodec.training.loop import Trainer

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_run_of_auto_computes_as_one_that_names_the_precision(pairs, tmp_path, monkeypatch):
    rates = {}
    for precision in ("auto", "bfloat16", "float32"):
        processor_with(monkeypatch, UNITS[0])
        trainer = Trainer(tiny(precision=precision), pairs, tmp_path / precision, report=lambda line: None)
        rates[precision] = trainer.train_step()["bpp"]
        assert {parameter.dtype for parameter in trainer.model.parameters()} == {torch.float32}
    assert rates["auto"] == rates["bfloat16"] != rates["float32"]


def test_the_default_model_trains_as_fast_as_the_processor_can():
    assert TrainingConfig.recipe("bisic-rt").precision == "auto"
    assert TrainingConfig().precision == "float32"
