"""Files that were written before still decode to the same latents; `tests/golden/make_golden.py` wrote them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from banded import trace_of
from conftest import sample_crop
from rgbd_frames import frame

from stereocodec import RgbdCodec, StereoCodec
from stereocodec.container import Container
from stereocodec.errors import WrongModel
from stereocodec.pictures.depth import depth_errors, to_depth_map
from stereocodec.pictures.rgb import psnr

GOLDEN = Path(__file__).parent / "golden"
PAIRS = ["bands.bsc", "odd-size.bsc", "still-life.bsc"]
FRAMES = ["frame-inverse.bsc", "frame-linear.bsc"]
BOUNDED = ["frame-bounded.bsc"]


@pytest.fixture(scope="module")
def descriptions():
    return json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))


def test_every_golden_file_is_described(descriptions):
    assert (
        sorted(descriptions) == sorted(path.name for path in GOLDEN.glob("*.bsc")) == sorted(PAIRS + FRAMES + BOUNDED)
    )


def decoded_as_always(codec_class, name, description):
    """Holds what a file decodes to against its description; the codec, which the file alone has named."""
    data = (GOLDEN / name).read_bytes()
    container = Container.from_bytes(data)
    assert len(data) == description["bytes"]
    assert container.model_id.hex() == description["model_id"]
    assert container.quality == description.get("quality", 0)
    assert container.to_bytes() == data
    codec = codec_class.for_file(data, device="cpu")
    trace = trace_of(codec, data)
    assert [band.latent_checksum for band in container.bands] == description["latent_checksums"]
    assert trace.checksum == description["latent_checksums"][-1]
    assert trace.digest() == description["latents_sha256"]
    return codec, data


# The last transform runs in float32: single grey levels may differ between machines.


@pytest.mark.parametrize("name", PAIRS)
def test_golden_pairs_decode_as_they_always_did(descriptions, name):
    description = descriptions[name]
    codec, data = decoded_as_always(StereoCodec, name, description)
    decoded = codec.decompress(data, output="numpy")
    for view, shown, expected in zip(sample_crop(*description["crop"]), decoded, description["psnr"], strict=True):
        assert psnr(view, shown) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("name", FRAMES)
def test_golden_frames_decode_as_they_always_did(descriptions, name):
    description = descriptions[name]
    codec, data = decoded_as_always(RgbdCodec, name, description)
    assert Container.from_bytes(data).depth.mode.name.lower() == description["depth_mode"]
    color, depth = frame()
    shown, decoded = codec.decode(data)
    np.testing.assert_array_equal(decoded.holes, depth == 0)
    assert psnr(color, shown) == pytest.approx(description["psnr"], abs=0.05)
    error, _ = depth_errors(to_depth_map(depth, "depth"), decoded)
    assert error == pytest.approx(description["depth_rmse_mm"], rel=0.01)


@pytest.mark.parametrize("name", BOUNDED)
def test_golden_depth_within_a_bound_is_the_same_for_ever(descriptions, name):
    description = descriptions[name]
    codec, data = decoded_as_always(RgbdCodec, name, description)
    color, depth = frame()
    shown, decoded = codec.decode(data)
    assert psnr(color, shown) == pytest.approx(description["psnr"], abs=0.05)
    assert hashlib.sha256(decoded.samples.astype("<u2").tobytes()).hexdigest() == description["depth_sha256"]
    assert (np.abs(decoded.samples.astype(int) - depth) <= depth // 500).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bisic-rt-1.bsc", r"4513a838e18f.*bisic-rt built into version 0\.1\.0.*pip install"),
        ("bisic-rt-2.bsc", r"3e9e33ff4415.*bisic-rt built into version 0\.2\.0.*pip install"),
    ],
)
def test_files_of_earlier_releases_name_what_they_need(name, expected):
    data = (GOLDEN / "earlier" / name).read_bytes()
    assert Container.from_bytes(data).to_bytes() == data
    with pytest.raises(WrongModel, match=expected):
        StereoCodec.for_file(data)
