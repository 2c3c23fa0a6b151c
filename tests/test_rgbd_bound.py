"""Frames whose colour a model of pairs codes, and whose depth comes back within a bound."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import one_line
from PIL import Image
from rgbd_frames import decoded_elsewhere, frame

from stereocodec import RgbdCodec
from stereocodec.coding import ReleaseCoder
from stereocodec.container import Container, ViewKind
from stereocodec.container.depth import BoundedDepth
from stereocodec.errors import CorruptFile, DecodingMismatch, InvalidInput, LimitExceeded
from stereocodec.view_coding import ViewCoding

pytestmark = pytest.mark.usefixtures("one_thread")
COLOR, DEPTH = frame()
MEASURED = DEPTH > 0


@pytest.fixture(scope="module")
def codec(tiny_release):
    return RgbdCodec.from_pretrained(tiny_release, device="cpu")


@pytest.fixture(scope="module")
def data(codec):
    return codec.compress(COLOR, DEPTH)


def decoded_depth(codec, data):
    return codec.decompress(data, output="numpy")[1]


def errors(codec, **arguments):
    """Of each measurement, in steps."""
    decoded = decoded_depth(codec, codec.compress(COLOR, DEPTH, **arguments))
    assert np.array_equal(decoded == 0, ~MEASURED)
    return np.abs(decoded.astype(int) - DEPTH)[MEASURED]


def test_the_default_keeps_a_thousandth_of_the_distance(codec):
    found = errors(codec)
    assert (found <= DEPTH[MEASURED] // 1000).all()
    assert found.max() > 0


@pytest.mark.parametrize(
    ("bound", "most"),
    [
        (0, 0),
        ("0", 0),
        ("5mm", 5),
        ("5 mm", 5),
        ("0.5cm", 5),
        (0.005, 5),
        ("4.9mm", 4),
        ("0.9mm", 0),
        ("100 m", 65535),
        (10**400, 65535),
        ("9" * 400 + "m", 65535),
    ],
)
def test_a_length_is_rounded_down_to_whole_steps(codec, bound, most):
    view = codec.encode(COLOR, DEPTH, depth_max_error=bound).depth
    assert (view.max_steps, view.max_ppm) == (most, 0)
    assert view.lossless == (most == 0)
    assert errors(codec, depth_max_error=bound).max() <= most


@pytest.mark.parametrize(("unit", "most"), [("tum", 25), ("kitti", 1), (0.001, 5), ("cm", 0), (0.1, 0)])
def test_steps_are_those_of_the_unit(codec, unit, most):
    view = codec.encode(COLOR, DEPTH, depth_unit=unit, depth_max_error="5mm").depth
    assert view.max_steps == most


def test_a_share_grows_with_the_distance(codec):
    found = errors(codec, depth_max_error="1%")
    assert (found <= DEPTH[MEASURED] // 100).all()
    assert found[DEPTH[MEASURED] > 2000].max() > found[DEPTH[MEASURED] < 1000].max()
    assert codec.encode(COLOR, DEPTH, depth_max_error="0.00001%").depth.lossless
    assert 0.57 * 10000 < 5700
    assert codec.encode(COLOR, DEPTH, depth_max_error="0.57%").depth.max_ppm == 5700


def test_less_may_change_for_more_bytes(codec):
    sizes = [len(codec.compress(COLOR, DEPTH, depth_max_error=bound)) for bound in ("20mm", "5mm", "1mm", 0)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_the_file_says_what_it_promises(data, codec):
    container = Container.from_bytes(data)
    assert (container.view_kind, container.version) == (ViewKind.RGB8_BOUNDED_DEPTH, (1, 5))
    assert container.quality == 50
    view = container.depth
    assert dataclasses.replace(view, mask=b"", samples=b"") == BoundedDepth(16, 0.001, 0, 0, 1000)
    assert view.promise == "within 0.1 % of the distance"
    assert container.bands[0].streams.y_right == b""
    assert container.to_bytes() == data


def test_colour_is_that_of_one_view(codec, data):
    small, large = (codec.compress(COLOR, DEPTH, quality=quality) for quality in (10, 90))
    assert len(small) < len(data) < len(large)
    assert codec.decompress(data)[0].size == (90, 70)
    grey = np.ascontiguousarray(COLOR[..., 0])
    assert codec.decompress(codec.compress(grey, DEPTH), output="numpy")[0].shape == (70, 90)


def test_what_pairs_can_ask_for(codec):
    plain = codec.encode(COLOR, DEPTH)
    limit = len(plain.to_bytes()) - 400
    assert len(codec.compress(COLOR, DEPTH, target_size=limit)) <= limit
    assert len(codec.compress(COLOR, DEPTH, target_bpp=8 * limit / (70 * 90))) <= limit
    assert codec.encode(COLOR, DEPTH, target_psnr=20).quality != plain.quality
    assert codec.encode(COLOR, DEPTH, effort=6).bands != plain.bands
    assert codec.encode(COLOR, DEPTH, threads=1).bands == plain.bands


def test_progress_only_grows_and_ends(codec, data):
    encoding, decoding = [], []
    codec.compress(COLOR, DEPTH, progress=lambda fraction, stage: encoding.append(fraction))
    codec.decompress(data, progress=lambda fraction, stage: decoding.append(fraction))
    for said in (encoding, decoding):
        assert said == sorted(said)
        assert said[-1] == 1


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_region_is_that_part_of_both(codec, data, orientation):
    turned = dataclasses.replace(Container.from_bytes(data), orientation=orientation)
    x, y, width, height = 7, 20, 30, 25
    for whole, part in zip(
        codec.decompress(turned, output="numpy"),
        codec.decompress(turned, output="numpy", region=(x, y, width, height)),
        strict=True,
    ):
        np.testing.assert_array_equal(part, whole[y : y + height, x : x + width])


@pytest.fixture(scope="module")
def high(codec):
    """Colour and depth, and what the file holds of them in two bands."""
    color, depth = frame(300, 64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReleaseCoder, "band_count", lambda *_: 2)
        return color, depth, codec.encode(color, depth, depth_max_error="2mm")


def test_large_frames_are_coded_in_bands(codec, high):
    _, depth, container = high
    assert len(container.bands) == 2
    data = container.to_bytes()
    assert Container.from_bytes(data) == container
    decoded = decoded_depth(codec, data)
    assert np.abs(decoded.astype(int) - depth).max() <= 2
    assert np.array_equal(decoded == 0, depth == 0)


def test_frames_in_bands_have_the_limit_of_one(codec, high, monkeypatch):
    monkeypatch.setattr("stereocodec.pixel_limit.DEFAULT_MAX_PIXELS", 300 * 64)
    with pytest.raises(LimitExceeded, match="--max-pixels"):
        codec.decompress(high[2])
    codec.decompress(high[2], max_pixels=320 * 64)


def test_depth_is_salvaged_whole(codec, high):
    data = bytearray(high[2].to_bytes())
    data[-5] ^= 1
    color, depth, damages = codec.salvage(bytes(data), output="numpy")
    np.testing.assert_array_equal(depth, decoded_depth(codec, high[2]))
    assert len(damages) == 1
    assert (color[-64:] == 128).all()
    assert (color[:128] != 128).any()


def test_every_process_decodes_the_same_depth(tiny_release, codec, data, tmp_path):
    _, depth = decoded_elsewhere(tiny_release, data, tmp_path)
    np.testing.assert_array_equal(depth, decoded_depth(codec, data))


@pytest.mark.parametrize(("invalid", "dtype"), [(0, np.uint16), (65535, np.uint16), (200, np.uint8)])
@pytest.mark.parametrize("bound", [0, "3cm", "2%"])
def test_holes_survive_whatever_stands_for_them(codec, invalid, dtype, bound):
    samples = np.clip(DEPTH // 10 + 1, 1, 255).astype(dtype)
    samples[~MEASURED] = invalid
    data = codec.compress(COLOR, samples, depth_unit=0.01, invalid=invalid, depth_max_error=bound)
    decoded = decoded_depth(codec, data)
    assert decoded.dtype == dtype
    assert np.array_equal(decoded == invalid, samples == invalid)


@pytest.mark.parametrize("value", [0, 1234, 65535])
def test_maps_without_contrast_or_measurements(codec, value):
    samples = np.full((64, 64), value, np.uint16)
    data = codec.compress(COLOR[:64, :64], samples, depth_max_error=0)
    assert np.array_equal(decoded_depth(codec, data), samples)


def test_all_forms_of_a_depth_map_give_the_same_file(codec, data):
    metres = np.where(MEASURED, DEPTH / 1000, 0)
    for form in (Image.fromarray(DEPTH), metres, metres.astype(np.float32)[None]):
        assert codec.compress(Image.fromarray(COLOR), form) == data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth_max_error": "5"}, "depth_max_error is '5': give a length such as 5mm"),
        ({"depth_max_error": "-1mm"}, "depth_max_error is '-1mm'"),
        ({"depth_max_error": "5 inches"}, "or 0 for no error"),
        ({"depth_max_error": "101%"}, "depth_max_error is '101%'"),
        ({"depth_max_error": "9" * 400 + "%"}, "depth_max_error is '999"),
        ({"depth_max_error": -0.1}, "depth_max_error is -0.1"),
        ({"depth_max_error": float("nan")}, "depth_max_error is nan"),
        ({"depth_max_error": True}, "depth_max_error is True"),
        ({"depth_max_error": [5]}, r"depth_max_error is \[5\]"),
        ({"depth_mode": "inverse"}, "the model tiny has no networks for depth; leave depth_mode out"),
        ({"depth_range": (0, 10)}, "leave depth_range out"),
        ({"quality": 101}, "quality is 101"),
        ({"quality": 50, "target_size": 1000}, "give one of them"),
        ({"effort": 10}, "effort is 10"),
        ({"depth_unit": "inch"}, "unknown unit of depth"),
    ],
)
def test_what_cannot_be_coded_is_refused(codec, change, message):
    with pytest.raises(InvalidInput, match=message) as error:
        codec.compress(COLOR, DEPTH, **change)
    one_line(error)


def test_depth_beyond_the_bound_is_never_written(codec, monkeypatch):
    import stereocodec.depth_promise as promise

    coded = promise.encode_depth
    monkeypatch.setattr(promise, "encode_depth", lambda samples, *more: coded(samples + MEASURED, *more))
    with pytest.raises(DecodingMismatch, match="does not come back within its bound"):
        codec.compress(COLOR, DEPTH, depth_max_error=0)


def test_a_hole_that_becomes_a_measurement_is_never_written(codec, monkeypatch):
    import stereocodec.depth_promise as promise

    def with_a_measurement_more(record, size, decode=promise.decode_bounded):
        decoded = decode(record, size)
        decoded.samples[tuple(np.argwhere(decoded.holes)[0])] = 1000
        return decoded

    monkeypatch.setattr(promise, "decode_bounded", with_a_measurement_more)
    with pytest.raises(DecodingMismatch, match="does not come back within its bound"):
        codec.compress(COLOR, DEPTH, depth_max_error=0)


def test_damaged_streams_of_depth_are_refused(codec, data):
    container = Container.from_bytes(data)
    view = container.depth
    for change in ({"mask": view.mask[:-4]}, {"mask": b""}, {"samples": view.samples[:-4]}, {"samples": b""}):
        damaged = dataclasses.replace(container, depth=dataclasses.replace(view, **change)).to_bytes()
        with pytest.raises(CorruptFile) as error:
            codec.decompress(damaged)
        one_line(error)


def test_a_file_whose_kind_the_model_does_not_write_is_damaged(codec, data, tiny_codec, file):
    from stereocodec.container.depth import DepthView

    container = Container.from_bytes(data)
    other = dataclasses.replace(container, view_kind=ViewKind.RGB8_DEPTH, depth=DepthView(16, 0.001, 0, 1, 2))
    with pytest.raises(CorruptFile, match="tiny codes depth otherwise"):
        codec.decompress(other)
    with pytest.raises(InvalidInput, match="the file is for stereo pairs"):
        codec.decompress(file)
    with pytest.raises(InvalidInput, match="the file is for colour with depth"):
        tiny_codec.decompress(data)


def test_bytes_of_depth_do_not_lower_the_quality_of_colour(codec, monkeypatch):
    color = np.zeros((160, 160, 3), np.uint8)
    depth = np.random.default_rng(0).integers(1, 65536, color.shape[:2], dtype=np.uint16)
    qualities = []

    def container(coding, coded, quality):
        qualities.append(quality)
        beside = len(coding._depth.to_bytes())
        assert beside > color.nbytes // 2
        return SimpleNamespace(to_bytes=lambda: bytes(color.nbytes + beside))

    monkeypatch.setattr(ViewCoding, "_coded", lambda *_: None)
    monkeypatch.setattr(ViewCoding, "_container", container)
    codec.encode(color, depth, depth_max_error=0, quality=95)
    assert qualities == [95]
