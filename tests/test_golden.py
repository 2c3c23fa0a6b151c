"""Files that were written before still decode to the same latents; `tests/golden/make_golden.py` wrote them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import sample_crop
from tracing import traced_decode

from stereocodec.codec import StereoCodec
from stereocodec.container import Container
from stereocodec.errors import WrongModel
from stereocodec.images import psnr

GOLDEN = Path(__file__).parent / "golden"
NAMES = ["odd-size.bsc", "still-life.bsc"]


@pytest.fixture(scope="module")
def descriptions():
    return json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))


def test_every_golden_file_is_described(descriptions):
    assert sorted(descriptions) == sorted(path.name for path in GOLDEN.glob("*.bsc")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_golden_files_decode_as_they_always_did(descriptions, name):
    description = descriptions[name]
    data = (GOLDEN / name).read_bytes()
    container = Container.from_bytes(data)
    assert len(data) == description["bytes"]
    assert container.model_id.hex() == description["model_id"]
    assert container.quality == description["quality"]
    assert container.to_bytes() == data

    codec = StereoCodec.for_file(data, device="cpu")  # the built-in release, found by the file alone
    trace = traced_decode(codec, data)
    assert trace.checksum == container.latent_checksum == description["latent_checksum"]
    assert trace.digest() == description["latents_sha256"]

    decoded = codec.decompress(data, output="numpy")
    for view, shown, expected in zip(sample_crop(*description["crop"]), decoded, description["psnr"], strict=True):
        # The last transform runs in float32: single grey levels may differ between machines.
        assert psnr(view, shown) == pytest.approx(expected, abs=0.05)


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
