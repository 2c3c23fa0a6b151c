"""MS-SSIM against the package that the literature uses."""

from __future__ import annotations

import pytest
import torch
from pytorch_msssim import ms_ssim as reference_ms_ssim
from pytorch_msssim.ssim import _fspecial_gauss_1d, _ssim

from stereocodec.training.ms_ssim import WEIGHTS, ms_ssim, scales_of


def pictures(height, width, noise, seed=0):
    """Two batches (3, H, W, 3): correlated texture, and the same with noise."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(3, 3, height, width, generator=generator)
    x = torch.nn.functional.avg_pool2d(x, 5, 1, 2).permute(0, 2, 3, 1).contiguous()
    return x, (x + noise * torch.randn(x.shape, generator=generator)).clamp(0, 1)


def planes(x):
    return x.permute(0, 3, 1, 2)


@pytest.mark.parametrize("size", [(161, 200), (200, 161), (193, 256)])
@pytest.mark.parametrize("noise", [0.003, 0.03, 0.3])
def test_ms_ssim_is_that_of_the_package(size, noise):
    x, y = pictures(*size, noise)
    expected = reference_ms_ssim(planes(x), planes(y), data_range=1, size_average=False)
    torch.testing.assert_close(ms_ssim(x, y), expected, atol=1e-5, rtol=0)


def test_gradients_are_those_of_the_package():
    x, y = pictures(176, 161, 0.05)
    y.requires_grad_()
    (gradient,) = torch.autograd.grad(ms_ssim(x, y).sum(), y)
    (expected,) = torch.autograd.grad(reference_ms_ssim(planes(x), planes(y), data_range=1).mul(3), y)
    assert gradient.abs().max() > 1e-5
    torch.testing.assert_close(gradient, expected, atol=1e-8, rtol=1e-3)


@pytest.mark.parametrize(
    ("size", "count"), [(11, 1), (20, 1), (21, 2), (64, 3), (81, 4), (128, 4), (160, 4), (161, 5), (5000, 5)]
)
def test_the_scales_are_those_that_fit(size, count):
    assert scales_of(size, 9999) == scales_of(9999, size) == count


@pytest.mark.parametrize(("height", "width", "count"), [(15, 40, 1), (64, 96, 3), (128, 160, 4)])
def test_small_pictures_use_fewer_scales_with_their_weights_scaled(height, width, count):
    x, y = pictures(height, width, 0.1)
    window = _fspecial_gauss_1d(11, 1.5).repeat(3, 1, 1, 1)
    a, b, product = planes(x), planes(y), 1.0
    for scale, weight in enumerate(WEIGHTS[:count]):
        similarity, contrast = _ssim(a, b, data_range=1, win=window)
        factor = similarity if scale == count - 1 else contrast
        product = product * factor ** (weight * sum(WEIGHTS) / sum(WEIGHTS[:count]))
        a, b = (torch.nn.functional.avg_pool2d(t, 2, padding=[side % 2 for side in t.shape[2:]]) for t in (a, b))
    torch.testing.assert_close(ms_ssim(x, y), product.mean(1), atol=1e-5, rtol=0)


def test_equal_pictures_have_one_and_opposite_ones_zero_with_finite_gradients():
    x, _ = pictures(64, 64, 0)
    torch.testing.assert_close(ms_ssim(x, x), torch.ones(3))
    y = (1 - x).requires_grad_()
    value = ms_ssim(x, y)
    assert torch.equal(value, torch.zeros(3))
    value.sum().backward()
    assert y.grad.isfinite().all()


def test_pictures_below_the_window_are_refused():
    with pytest.raises(ValueError, match="at least 11 pixels, not 64x10"):
        ms_ssim(torch.zeros(1, 10, 64, 3), torch.zeros(1, 10, 64, 3))


def test_autocast_does_not_lower_the_precision():
    x, y = pictures(96, 96, 0.02)
    with torch.autocast("cpu", torch.bfloat16):
        inside = ms_ssim(x, y)
    assert torch.equal(inside, ms_ssim(x, y))
