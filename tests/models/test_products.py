"""Linear layers as convolutions give what linear layers give."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from stereocodec.nn import exact, tiles
from stereocodec.nn.products import quick_linear


@pytest.mark.parametrize("width", [7, 192, 193, 288, 432, 512])
@pytest.mark.parametrize("rows", [0, 3, 4])
def test_products_are_those_of_linear_layers(width, rows):
    torch.manual_seed(0)
    x, weight, bias = torch.randn(2, rows, 8, width), torch.randn(5, width), torch.randn(5)
    with torch.inference_mode():
        for given in (None, bias):
            torch.testing.assert_close(quick_linear(x, weight, given), F.linear(x, weight, given), rtol=1e-5, atol=1e-4)


def test_gradients_are_those_of_linear_layers():
    torch.manual_seed(0)
    x, weight = torch.randn(2, 4, 4, 288), torch.randn(5, 288, requires_grad=True)
    expected = torch.autograd.grad(F.linear(x, weight).square().sum(), weight)
    assert torch.equal(torch.autograd.grad(quick_linear(x, weight).square().sum(), weight)[0], expected[0])


def test_float64_stays_float64():
    x, weight = torch.full((2, 4, 4, 200), 1 + 2.0**-40, dtype=torch.float64), torch.ones(3, 200, dtype=torch.float64)
    with torch.inference_mode():
        assert torch.equal(quick_linear(x, weight), F.linear(x, weight))


def test_depthwise_sums_in_parts_are_those_of_all_rows(monkeypatch):
    torch.manual_seed(0)
    x = torch.randn(2, 11, 6, 4, dtype=torch.float64)
    weight, bias = torch.randn(4, 1, 5, 5, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    with torch.no_grad():
        whole = exact.depthwise_conv(x, weight, bias)
        monkeypatch.setattr(tiles, "_ROW_BYTES", 3 * x[:, 0].numel() * 8)
        assert torch.equal(exact.depthwise_conv(x, weight, bias), whole)
    expected = F.conv2d(x.permute(0, 3, 1, 2), weight, bias, padding=2, groups=4).permute(0, 2, 3, 1)
    torch.testing.assert_close(whole, expected)
