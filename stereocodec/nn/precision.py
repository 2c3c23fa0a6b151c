"""Which numbers are computed with where they need not be exact: bfloat16 where the processor has units for it, float32
elsewhere."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["float32", "bfloat16", "auto"]


def has_bfloat16(device: torch.device) -> bool:
    """Whether matrix products in bfloat16 are faster there than in float32.

    Every processor computes in bfloat16, but those without units for it do so by way of float32, and slower.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # The names begin with an underscore in all versions from 2.9 to 2.13; one that has lost them gets float32.
    known = (getattr(torch.cpu, f"_is_{unit}_supported", None) for unit in ("amx_tile", "avx512_bf16"))
    return device.type == "cpu" and any(supported is not None and supported() for supported in known)


def fast_type(device: torch.device) -> torch.dtype:
    """The faster of both for products that need no more than eight bits."""
    return torch.bfloat16 if has_bfloat16(device) else torch.float32


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """The context of a forward pass in a precision.

    A weight that has gradients is cast once in it, however often the pass uses it: autocast keeps what it has
    cast until it ends.
    """
    is_low = precision == "bfloat16" or (precision == "auto" and has_bfloat16(device))
    return torch.autocast(device.type, torch.bfloat16, enabled=is_low)
