"""Linear layers as convolutions, and by numpy's BLAS, give what linear layers give."""

from __future__ import annotations

from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from threadpoolctl import threadpool_info, threadpool_limits
from tracing import numpy_products

from stereocodec import processor
from stereocodec.models.bisic_rt.blocks import CoefficientLinear
from stereocodec.nn import blas, exact, products, tiles
from stereocodec.nn.products import linear_by_rough_gradients, quick_linear


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


def test_rough_gradients_are_near_those_of_linear_layers():
    torch.manual_seed(0)
    arguments = [torch.randn(*size, requires_grad=True) for size in ((2, 4, 4, 64), (5, 64), (5,))]
    shown, expected = linear_by_rough_gradients(*arguments, torch.bfloat16), F.linear(*arguments)
    assert torch.equal(shown, expected)
    along = torch.randn_like(expected)
    for rough, exact_one in zip(
        torch.autograd.grad(shown, arguments, along), torch.autograd.grad(expected, arguments, along), strict=True
    ):
        assert rough.dtype == torch.float32
        torch.testing.assert_close(rough, exact_one, rtol=0.02, atol=0.05)


def test_only_gradients_of_what_pictures_pass_through_are_lowered():
    torch.manual_seed(0)
    layer, x = CoefficientLinear(64, 5), torch.randn(2, 4, 4, 64)

    def run():
        out = layer(x)
        return out, torch.autograd.grad(out.square().sum(), layer.weight)[0]

    exact_out, exact_gradient = run()
    with torch.autocast("cpu", torch.bfloat16):
        out, gradient = run()
    assert torch.equal(out, exact_out)
    assert not torch.equal(gradient, exact_gradient)
    torch.testing.assert_close(gradient, exact_gradient, rtol=0.02, atol=0.3)


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


def random_layer(*shape):
    return torch.randn(*shape, dtype=torch.float64), torch.randn(shape[0], dtype=torch.float64)


@pytest.mark.parametrize("threads", [1, 2])
def test_products_of_numpy_are_those_of_pytorch(threads, monkeypatch):
    monkeypatch.setattr(products, "_ROWS", 32)  # of the 104 and more that convolutions have here
    torch.manual_seed(0)
    x = torch.randn(2, 11, 6, 24, dtype=torch.float64)[..., :20]
    weight, bias = random_layer(5, 20)
    kernel, kernel_bias = random_layer(5, 20, 3, 3)
    works = (
        lambda: quick_linear(x, weight, bias),
        lambda: quick_linear(x[:, :0], weight),
        lambda: exact.same_conv(x, kernel, kernel_bias),
        lambda: exact.doubling_conv(x, kernel.transpose(0, 1), kernel_bias),
    )
    with torch.inference_mode():
        expected = [work() for work in works]
        with numpy_products() as product, blas.float64_products(threads):
            for work, theirs in zip(works, expected, strict=True):
                before = product.call_count
                torch.testing.assert_close(work(), theirs, rtol=1e-12, atol=1e-12)
                assert product.call_count > before
            quick_linear(x.float(), weight.float())
        assert product.call_args.args[0].dtype == torch.float64


def threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_work_at_the_same_time_takes_the_fewest_threads_and_leaves_the_callers_number():
    before, x = threads(), torch.ones(1, dtype=torch.float64)
    with numpy_products(), torch.no_grad(), threadpool_limits(2, "blas"):
        first, second = blas.float64_products(2), blas.float64_products(1)
        first.__enter__()
        assert set(threads()) == {2}
        second.__enter__()
        assert set(threads()) == {1}
        first.__exit__(None, None, None)
        assert set(threads()) == {1}
        assert blas.is_faster(x)
        second.__exit__(None, None, None)
        assert set(threads()) == {2}
        assert not blas.is_faster(x)
    assert threads() == before


def test_products_are_numpys_only_within_and_its_threads_come_back():
    before, x = threads(), torch.ones(1, dtype=torch.float64)
    with numpy_products(), torch.no_grad():
        assert not blas.is_faster(x)
        with blas.float64_products(1), blas.float64_products(1):
            assert blas.is_faster(x)
            assert set(threads()) == {1}
            with torch.enable_grad():
                assert not blas.is_faster(x)
        assert not blas.is_faster(x)
    assert threads() == before


@pytest.mark.parametrize(
    ("amd", "kernels", "threads", "sleep", "expected"),
    [
        (True, ["SkylakeX"], 1, False, True),
        (True, ["Cooperlake", "SkylakeX"], 2, True, True),
        (True, ["SkylakeX"], 2, False, False),
        (False, ["SkylakeX"], 1, True, False),
        (True, ["Haswell"], 1, True, False),
        (True, ["SkylakeX", None], 1, True, False),
        (True, [], 1, True, False),
    ],
)
def test_products_are_numpys_where_these_are_faster(monkeypatch, amd, kernels, threads, sleep, expected):
    libraries = mock.MagicMock()
    libraries.select.return_value.lib_controllers = [mock.Mock(architecture=name) for name in kernels]
    monkeypatch.setattr("threadpoolctl.ThreadpoolController", lambda: libraries)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    monkeypatch.setattr(blas, "is_amd", lambda: amd)
    monkeypatch.setattr(blas, "waiting_threads_sleep", lambda: sleep)
    monkeypatch.setattr(blas, "_wide_libraries", blas._wide_libraries.__wrapped__)
    with torch.no_grad(), blas.float64_products(threads):
        assert blas.is_faster(torch.ones(1, dtype=torch.float64)) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [("processor: 0\nvendor_id\t: AuthenticAMD\n", True), ("vendor_id\t: GenuineIntel\n", False), (None, False)],
)
def test_whose_processor_it_is(monkeypatch, tmp_path, told, expected):
    cores = tmp_path / "cpuinfo"
    if told is not None:
        cores.write_text(told)
    monkeypatch.setattr(processor, "_CORES", str(cores))
    assert processor.is_amd.__wrapped__() == expected
