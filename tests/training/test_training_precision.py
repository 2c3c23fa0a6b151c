"""Numbers of a run: bfloat16 where there are units for it."""

from __future__ import annotations

import pytest
import torch
from runs import tiny

from stereocodec.training.config import TrainingConfig
from stereocodec.training.loop import Trainer
from stereocodec.training.precision import autocast, fast_type, has_bfloat16

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
UNITS = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")


def processor_with(monkeypatch, *units):
    for name in UNITS:
        monkeypatch.setattr(torch.cpu, name, lambda name=name: name in units, raising=False)


@pytest.mark.parametrize(("units", "expected"), [((), False), (UNITS[:1], True), (UNITS[1:], True), (UNITS, True)])
def test_either_unit_of_a_processor_is_enough(monkeypatch, units, expected):
    processor_with(monkeypatch, *units)
    assert has_bfloat16(CPU) == expected
    assert fast_type(CPU) == (torch.bfloat16 if expected else torch.float32)
    assert not has_bfloat16(torch.device("mps"))


def test_a_pytorch_that_cannot_tell_computes_in_float32(monkeypatch):
    for name in UNITS:
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert not has_bfloat16(CPU)


def test_the_installed_pytorch_can_tell():
    assert all(isinstance(getattr(torch.cpu, name)(), bool) for name in UNITS)


@pytest.mark.parametrize(
    ("precision", "units", "expected"),
    [
        ("auto", UNITS, torch.bfloat16),
        ("auto", (), torch.float32),
        ("bfloat16", (), torch.bfloat16),
        ("float32", UNITS, torch.float32),
    ],
)
def test_products_have_the_precision_of_the_run(monkeypatch, precision, units, expected):
    processor_with(monkeypatch, *units)
    with autocast(precision, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == expected


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
