"""RGB-D frames to files and back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from conftest import one_line, save_untrained
from ecsic_networks import small_model
from PIL import Image
from rgbd_frames import decoded_elsewhere, frame, save_small

from stereocodec import RgbdCodec, StereoCodec
from stereocodec.container import Container, ViewKind
from stereocodec.container.depth import DepthMode, DepthView
from stereocodec.errors import CorruptFile, InvalidInput, StereoCodecWarning
from stereocodec.pictures.depth import DepthMap, depth_errors, from_network, metres_per_step, to_depth_map, to_network

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return save_small(tmp_path_factory.mktemp("rgbd") / "small")


@pytest.fixture(scope="module")
def codec(release):
    return RgbdCodec.from_pretrained(release, device="cpu")


@pytest.fixture(scope="module")
def data(codec):
    return codec.compress(*frame())


def test_a_frame_comes_back_with_its_holes(codec, data):
    color, depth = frame()
    decoded_color, decoded = codec.decompress(data, output="numpy")
    assert decoded_color.shape == color.shape
    assert decoded_color.dtype == np.uint8
    assert decoded.dtype == np.uint16
    assert np.array_equal(decoded == 0, depth == 0)
    measured = depth[depth > 0]
    assert decoded[depth > 0].min() >= measured.min()
    assert decoded[depth > 0].max() <= measured.max()


def test_the_file_says_what_the_depth_is(data):
    container = Container.from_bytes(data)
    depth = frame()[1]
    assert container.view_kind is ViewKind.RGB8_DEPTH
    assert container.version == (1, 1)
    view = container.depth
    assert (view.bits, view.metres_per_step, view.invalid, view.mode) == (16, 0.001, 0, DepthMode.LINEAR)
    assert (view.near, view.far) == (depth[depth > 0].min(), depth.max())
    assert 0 < len(view.mask) < 200


def test_another_process_decodes_the_same(release, codec, data, tmp_path):
    other_color, other_depth = decoded_elsewhere(release, data, tmp_path)
    color, depth = codec.decompress(data, output="numpy")
    # The last transform runs in float32: one level, or its share of the range, may differ.
    assert np.abs(other_color.astype(int) - color).max() <= 1
    assert np.abs(other_depth.astype(int) - depth).max() <= 1
    assert np.array_equal(other_depth == 0, depth == 0)


def depth_of(data):
    view = Container.from_bytes(data).depth
    return view.near, view.far, view.metres_per_step


def test_all_forms_of_a_depth_map_give_the_same_file(codec, data):
    color, depth = frame()
    metres = np.where(depth > 0, depth / 1000, 0)
    forms = [Image.fromarray(depth), torch.from_numpy(depth.astype(np.int32)), metres, metres.astype(np.float32)[None]]
    for form in forms:
        assert codec.compress(Image.fromarray(color), form) == data


def test_depth_in_metres_with_other_marks_of_holes_is_told(codec, data):
    color, depth = frame()
    metres = np.where(depth > 0, depth / 1000, np.nan)
    assert codec.compress(color, metres) == data
    metres[np.unravel_index(np.flatnonzero(depth == 0)[:2], depth.shape)] = -1, np.inf
    with pytest.warns(StereoCodecWarning, match="depth: 2 values that are negative or infinite") as told:
        assert codec.compress(color, metres) == data
    assert told[0].filename == __file__


def test_outputs(codec, data):
    color, depth = codec.decompress(data)
    assert (color.mode, depth.mode) == ("RGB", "I;16")
    samples = codec.decompress(data, output="numpy")[1]
    assert np.array_equal(np.asarray(depth), samples)
    tensor = codec.decompress(data, output="torch")[1]
    assert tensor.dtype == torch.int32
    assert np.array_equal(tensor.numpy(), samples)
    metres = codec.decompress(data, output="numpy", metres=True)[1]
    assert metres.dtype == np.float32
    assert np.array_equal(np.isnan(metres), samples == 0)
    np.testing.assert_allclose(metres[samples > 0], samples[samples > 0] / 1000, rtol=1e-6)


@pytest.mark.parametrize("mode", ["linear", "inverse"])
@pytest.mark.parametrize(("invalid", "dtype"), [(0, np.uint16), (65535, np.uint16), (200, np.uint8)])
def test_holes_survive_whatever_stands_for_them(codec, mode, invalid, dtype):
    color, depth = frame()
    samples = np.clip(depth // 10 + 1, 1, 255).astype(dtype)
    samples[depth == 0] = invalid
    data = codec.compress(color, samples, depth_unit=0.01, invalid=invalid, depth_mode=mode)
    decoded = codec.decompress(data, output="numpy")[1]
    assert decoded.dtype == dtype
    assert np.array_equal(decoded == invalid, samples == invalid)


@pytest.mark.parametrize("value", [0, 1234, 65535])
def test_maps_without_contrast_or_measurements(codec, value):
    color, depth = frame(64, 64)
    samples = np.full_like(depth, value)
    decoded = codec.decompress(codec.compress(color, samples), output="numpy")[1]
    assert np.array_equal(decoded, samples)


def test_the_range_can_be_given(codec):
    color, depth = frame()
    assert depth_of(codec.compress(color, depth, depth_range=(0, 10))) == (0, 10000, 0.001)
    assert depth_of(codec.compress(color, depth, depth_range=(0, 100), depth_mode="inverse")) == (1, 65535, 0.001)
    assert depth_of(codec.compress(color, depth, depth_unit="tum"))[2] == 0.0002


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": frame(64, 90)[1]}, "color is 90x70, depth is 90x64: depth must be registered"),
        ({"depth": frame()[0]}, "depth is an array of shape .*: that is colour"),
        ({"depth": Image.fromarray(frame()[0])}, "picture of mode RGB, not a depth map"),
        ({"depth": np.zeros((2, 70, 90))}, "it must be H x W"),
        ({"depth": "depth.png"}, "depth is a str: pass a PIL image"),
        ({"depth": frame()[1].astype(np.int64) * 100}, "values beyond 0..65535"),
        ({"depth": frame()[1].astype(np.uint8)}, "depth has 8 bits"),
        ({"depth": frame()[1] * 0.1}, "depth goes up to .* use a coarser unit"),
        ({"depth_unit": "inch"}, "unknown unit of depth 'inch'; use mm, cm, tum, kitti"),
        ({"depth_unit": -1}, "a step of depth is -1 metres"),
        ({"depth_unit": True}, "unit of depth is True"),
        ({"depth_mode": "log"}, "depth_mode is 'log'; use 'linear' or 'inverse'"),
        ({"depth_mode": "inverse", "invalid": 65535}, "measurements of 0, which have no inverse"),
        ({"depth_range": (1, 2)}, "depth goes from 0.9 m to 2.388 m, beyond the range of 1 m to 2 m"),
        ({"depth_range": (2, 1)}, "depth_range is"),
        ({"depth_range": 3}, "depth_range is 3"),
        ({"invalid": 65536}, "the invalid depth is 65536; it must be a sample of 16 bits"),
        ({"quality": 50}, "small-rgbd has a single quality"),
        ({"target_size": 900}, "small-rgbd has a single quality; leave targets out"),
        ({"effort": 7}, "small-rgbd has a single effort"),
        ({"depth_max_error": 0}, "the model small-rgbd has no bound of depth; leave depth_max_error out"),
        ({"color": frame()[1]}, "color is an array of uint16"),
    ],
)
def test_what_cannot_be_coded_is_refused(codec, change, message):
    color, depth = frame()
    arguments = {"color": color, "depth": depth} | change
    with pytest.raises(InvalidInput, match=message) as error:
        codec.compress(arguments.pop("color"), arguments.pop("depth"), **arguments)
    one_line(error)


def test_pairs_and_frames_are_not_mixed_up(codec, release, tiny_codec, data, file, tmp_path):
    with pytest.raises(InvalidInput, match="small-rgbd is for colour with depth: use RgbdCodec"):
        StereoCodec.from_pretrained(release, device="cpu")
    pairs_alone = save_untrained(tmp_path / "ecsic", "tiny-ecsic", "ecsic", small_model())
    with pytest.raises(InvalidInput, match="tiny-ecsic is for stereo pairs: use StereoCodec"):
        RgbdCodec.from_pretrained(pairs_alone, device="cpu")
    with pytest.raises(InvalidInput, match="the file is for colour with depth"):
        tiny_codec.decompress(data)
    with pytest.raises(InvalidInput, match="the file is for stereo pairs"):
        codec.decompress(file)


def test_a_damaged_mask_is_refused(codec, data):
    container = Container.from_bytes(data)
    mask = container.depth.mask
    for damaged in (mask[:-4], mask + mask):
        depth = dataclasses.replace(container.depth, mask=damaged)
        with pytest.raises(CorruptFile):
            codec.decompress(dataclasses.replace(container, depth=depth).to_bytes())


@pytest.mark.parametrize("mode", list(DepthMode))
def test_what_the_network_sees_gives_the_samples_back(mode):
    depth = DepthMap(frame()[1], 0.001)
    measured = depth.samples[~depth.holes]
    near, far = int(measured.min()), int(measured.max())
    values = to_network(depth, mode, near, far)
    assert values.dtype == np.float32
    assert 0 <= values.min() <= values.max() <= 1
    back = from_network(values, DepthView(16, 0.001, 0, near, far, mode), depth.holes)
    assert np.array_equal(back.samples, depth.samples)
    assert depth_errors(depth, back) == (0.0, 0.0)


def test_errors_are_in_millimetres_over_measurements():
    reference = DepthMap(np.array([[0, 1000, 2000]], dtype=np.uint16), 0.0002)
    decoded = DepthMap(np.array([[0, 1005, 1990]], dtype=np.uint16), 0.0002)
    rmse, largest = depth_errors(reference, decoded)
    assert largest == pytest.approx(2.0)
    assert rmse == pytest.approx(np.sqrt((1 + 4) / 2))
    empty = DepthMap(np.zeros((2, 2), dtype=np.uint16), 0.001)
    assert depth_errors(empty, empty) == (0.0, 0.0)


def test_near_measurements_stay_measurements():
    depth = to_depth_map(np.array([[0.0001, 0.0, 1.0]]))
    assert depth.samples.tolist() == [[1, 0, 1000]]
    assert metres_per_step("0.25") == 0.25
