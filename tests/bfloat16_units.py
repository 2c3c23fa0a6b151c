"""Processors with and without units for bfloat16."""

from __future__ import annotations

import torch

UNITS = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")


def processor_with(monkeypatch, *units):
    """PyTorch sees these of the units alone."""
    for name in UNITS:
        monkeypatch.setattr(torch.cpu, name, lambda name=name: name in units, raising=False)
