"""Masked arrays, tensors of all kinds, and numbers that are numpy's or PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import one_line
from rgbd_frames import frame, save_small

from stereocodec import RgbdCodec
from stereocodec.container import Container
from stereocodec.errors import InvalidInput
from stereocodec.pictures.arguments import plain_number
from stereocodec.pictures.depth import metres_per_step, to_depth_map
from stereocodec.pictures.rgb import to_rgb8

MASK = np.array([[True, False, False], [False, False, True]])
SAMPLES = np.array([[40, 50, 60], [70, 80, 90]])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
@pytest.mark.parametrize("invalid", [0, 255])
def test_masked_samples_are_no_measurement(dtype, invalid):
    depth = to_depth_map(np.ma.array(SAMPLES.astype(dtype), mask=MASK), unit="cm", invalid=invalid)
    assert np.array_equal(depth.holes, MASK)
    assert depth.samples.tolist() == [[invalid, 50, 60], [70, 80, invalid]]


def test_what_is_masked_may_hold_anything():
    samples = np.ma.array(np.where(MASK, -7, SAMPLES), mask=MASK)
    assert to_depth_map(samples).samples.tolist() == [[0, 50, 60], [70, 80, 0]]
    metres = np.ma.array(np.where(MASK, 1e9, SAMPLES / 1000), mask=MASK)
    assert to_depth_map(metres).samples.tolist() == [[0, 50, 60], [70, 80, 0]]  # and without a warning
    assert np.array_equal(to_depth_map(samples[None]).holes, MASK)


def test_masked_colour_is_refused_and_unmasked_taken():
    view = np.zeros((2, 3, 3), dtype=np.uint8)
    assert type(to_rgb8(np.ma.array(view), "left")) is np.ndarray
    with pytest.raises(InvalidInput, match=r"left has masked values.*array.filled\(0\)") as error:
        to_rgb8(np.ma.array(view, mask=np.stack([MASK] * 3, -1)), "left")
    one_line(error)


METRES = torch.tensor([[0.0, 0.5, 1.0], [1.5, 2.0, 4.0]])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.float8_e4m3fn])
def test_floats_of_every_width_are_metres(dtype):
    assert to_depth_map(METRES.to(dtype)).samples.tolist() == [[0, 500, 1000], [1500, 2000, 4000]]


def test_tensors_that_need_a_gradient_are_taken():
    assert to_depth_map(METRES.clone().requires_grad_()).samples[0].tolist() == [0, 500, 1000]
    assert to_rgb8(torch.ones(3, 2, 2, requires_grad=True), "left").min() == 255


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.float8_e4m3fn])
def test_colour_of_every_width_is_taken(dtype):
    view = torch.tensor([0.0, 0.5, 1.0]).to(dtype)[None, None].expand(3, 2, 3)
    assert to_rgb8(view, "left")[0, :, 0].tolist() == [0, 128, 255]


ODD_TENSORS = [
    (torch.ones(2, 2).to_sparse(), "sparse or nested"),
    (torch.ones(2, 2, device="meta"), "on the device meta"),
    (torch.ones(2, 2, dtype=torch.complex64), "real numbers"),
]


@pytest.mark.parametrize(("tensor", "message"), ODD_TENSORS)
def test_tensors_without_plain_values_are_refused_in_one_line(tensor, message):
    with pytest.raises(InvalidInput, match=message) as error:
        to_depth_map(tensor)
    one_line(error)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")  # PyTorch is about to drop them
def test_quantised_tensors_are_refused():
    tensor = torch.quantize_per_tensor(torch.ones(2, 2), 0.1, 0, torch.quint8)
    with pytest.raises(InvalidInput, match=r"quantised tensor.*tensor.dequantize\(\)"):
        to_depth_map(tensor)


@pytest.mark.parametrize("dtype", [bool, complex, object, "U1"])
def test_arrays_of_no_numbers_are_refused_in_one_line(dtype):
    with pytest.raises(InvalidInput, match=r"depth has values of .*whole numbers, or floats in metres") as error:
        to_depth_map(np.ones((2, 2)).astype(dtype))
    one_line(error)


def test_colour_of_sparse_meta_and_bool_is_refused():
    for tensor, message in ((torch.ones(3, 2, 2).to_sparse(), "sparse"), (torch.ones(3, 2, 2, device="meta"), "meta")):
        with pytest.raises(InvalidInput, match=message):
            to_rgb8(tensor, "left")
    with pytest.raises(InvalidInput, match=r"array of bool.*astype\(np.uint8\) \* 255"):
        to_rgb8(np.ones((2, 2, 3), dtype=bool), "left")


NUMBERS = [np.uint16, np.int64, np.array, torch.tensor]


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_of_every_kind_are_pythons(kind):
    assert type(plain_number(kind(7))) is int
    assert plain_number(kind(7)) == 7
    depth = to_depth_map(SAMPLES.astype(np.uint16), invalid=kind(50))
    assert type(depth.invalid) is int
    assert depth.holes.tolist() == [[False, True, False], [False, False, False]]
    assert metres_per_step(kind(2)) == 2
    with pytest.raises(InvalidInput, match="the invalid depth is 70000"):
        to_depth_map(SAMPLES, invalid=np.int64(70000))


def test_what_is_no_single_number_stays_what_it_is():
    for value in (np.array([1, 2]), torch.ones(2), torch.ones((), device="meta"), "3", None):
        assert plain_number(value) is value
    with pytest.raises(InvalidInput, match="the invalid depth is True"):
        to_depth_map(SAMPLES, invalid=np.bool_(True))


@pytest.mark.parametrize("kind", [np.uint16, torch.tensor])
def test_a_frame_with_such_numbers_is_the_same_file(tmp_path, kind):
    codec = RgbdCodec.from_pretrained(save_small(tmp_path / "small"), device="cpu")
    color, depth = frame()
    plain = codec.compress(color, depth, invalid=65535, depth_range=(0, 3000), depth_unit=1)
    odd = codec.compress(color, depth, invalid=kind(65535), depth_range=(kind(0), kind(3000)), depth_unit=kind(1))
    assert odd == plain
    assert Container.from_bytes(odd).depth.invalid == 65535
    with pytest.raises(InvalidInput, match="beyond the range of 1 m to 2 m"):
        codec.compress(color, depth, depth_range=(torch.tensor(1), torch.tensor(2)))
    assert codec.compress(color, depth, depth_range=(0, 1e308), depth_unit=1e-4)  # beyond what a float has of steps
