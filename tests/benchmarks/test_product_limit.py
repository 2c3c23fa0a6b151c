"""The products of coding are counted by type."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from product_limit import ProductCounter

from stereocodec.nn.products import quick_linear


def test_products_are_counted_by_type():
    exact, single = (torch.ones(16, 4, dtype=dtype) for dtype in (torch.float64, torch.float32))
    with torch.inference_mode(), ProductCounter() as counter:
        F.linear(exact, exact[:5])
        quick_linear(single, single[:3])
        torch.exp(exact)
    assert counter.operations == {torch.float64: 2 * 16 * 4 * 5, torch.float32: 2 * 16 * 4 * 3}
