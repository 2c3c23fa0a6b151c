"""Pairs that are coded in bands, as much larger ones are."""

from __future__ import annotations

from unittest import mock

import pytest
from conftest import sample_crop
from tracing import traced_decode

from stereocodec import StereoCodec
from stereocodec.coding import ReleaseCoder
from stereocodec.container import Container, rows_of_bands

HEIGHT, WIDTH, COUNT = 500, 96, 3
EDGES = [end for _, end in rows_of_bands(HEIGHT, COUNT)[:-1]]


def encoded_in_bands(codec, pair, count=3, **arguments):
    """What the file holds of a pair in so many bands."""
    with mock.patch.object(ReleaseCoder, "band_count", return_value=count):
        return codec.encode(*pair, **arguments)


def trace_of(codec, data):
    """The trace of a complete, successful decoding, band by band."""
    in_bands = len(Container.from_bytes(data).bands) > 1
    return traced_decode(codec, data, **({"threads": 1} if in_bands else {}))


@pytest.fixture(scope="module")
def trained():
    return StereoCodec.from_pretrained(device="cpu")


@pytest.fixture(scope="module")
def high_pair():
    return sample_crop(HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def high_container(trained, high_pair):
    return encoded_in_bands(trained, high_pair, COUNT, quality=40)


@pytest.fixture(scope="module")
def high_views(trained, high_container):
    return trained.decompress(high_container, output="numpy")
