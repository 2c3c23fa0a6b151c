"""What need not be exact is computed in bfloat16 where there are units for it."""

from __future__ import annotations

import pytest
import torch
from bfloat16_units import UNITS, processor_with

from stereocodec.nn.precision import autocast, fast_type, has_bfloat16

CPU = torch.device("cpu")


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
