"""One view through a model of pairs: what is left out, and what it costs."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from conftest import sample_crop

from stereocodec.band_reader import BandReader
from stereocodec.coding import levels
from stereocodec.container import Band, Channels, Container, ViewKind
from stereocodec.effort import EFFORTS
from stereocodec.pictures.rgb import psnr

pytestmark = pytest.mark.usefixtures("one_thread")

ONE = ViewKind.RGB8_BOUNDED_DEPTH
VIEW = sample_crop(192, 256)[0]
SEEN = partial(levels, channels=Channels.RGB)


class Written(NamedTuple):
    """What a file holds of its views, and the pictures that a reader gets."""

    bands: tuple[Band, ...]
    pictures: np.ndarray


def coded(codec, views, kind, quality=50.0, effort=5):
    parts = []
    prepared = codec._coder.prepare(views, kind, EFFORTS[effort])
    bands = codec._coder.encode(prepared, quality, finish=SEEN, seen=lambda _, part: parts.append(part))
    return Written(bands, np.concatenate(parts, 1))


def read(codec, written, view, quality=50.0):
    """The picture that is decoded from what was written."""
    height, width = view.shape[:2]
    container = Container(
        width=width, height=height, quality=quality, model_id=codec.model_id, view_kind=ONE, bands=written.bands
    )
    (picture,), swapped = codec._coder.decode(container, SEEN)
    assert not swapped
    return picture


@pytest.mark.parametrize("effort", [1, 5, 6])
@pytest.mark.parametrize("size", [(64, 64), (77, 133)])
def test_a_reader_gets_what_the_writer_saw(tiny_codec, size, effort):
    view = sample_crop(*size)[0]
    written = coded(tiny_codec, [view], ONE, effort=effort)
    assert written.pictures.shape == (1, *view.shape)
    np.testing.assert_array_equal(read(tiny_codec, written, view), written.pictures[0])


def test_the_second_view_takes_no_bytes(tiny_codec):
    streams = coded(tiny_codec, [VIEW], ONE).bands[0].streams
    assert (streams.z_right, streams.y_right) == (b"", b"")
    assert streams.z_left
    assert streams.y_left


def test_bands_show_the_same(trained, monkeypatch):
    view = sample_crop(384, 96)[0]
    whole = read(trained, coded(trained, [view], ONE), view)
    monkeypatch.setattr(type(trained._coder), "band_count", lambda *_: 2)
    written = coded(trained, [view], ONE)
    assert len(written.bands) == 2
    in_bands = read(trained, written, view)
    np.testing.assert_array_equal(in_bands, written.pictures[0])
    assert abs(psnr(view, in_bands) - psnr(view, whole)) < 0.3
    # Bands of pairs alone are coded together.
    monkeypatch.setattr(trained._coder, "bands_at_once", 2)
    monkeypatch.setattr(BandReader, "_walked_together", None)
    assert coded(trained, [view], ONE).bands == written.bands
    np.testing.assert_array_equal(read(trained, written, view), in_bands)


def cost(written, view, more_per_db=1.23):
    """The size of the first view as it would be at 30 dB, in the logarithm of bytes."""
    streams = written.bands[0].streams
    size = len(streams.z_left) + len(streams.y_left)
    return math.log(size) - math.log(more_per_db) * (psnr(view, written.pictures[0]) - 30)


@pytest.mark.parametrize(("quality", "more_per_db"), [(20, 1.37), (50, 1.23), (80, 1.18)])
def test_one_view_takes_hardly_more_than_the_left_one_of_a_pair(trained, quality, more_per_db):
    pair = sample_crop(256, 384)
    alone = coded(trained, pair[:1], ONE, quality)
    beside = coded(trained, pair, ViewKind.RGB8, quality)
    assert cost(alone, pair[0], more_per_db) < cost(beside, pair[0], more_per_db) + 0.02


def test_more_effort_makes_it_smaller(trained):
    less, more = (coded(trained, [VIEW], ONE, effort=effort) for effort in (5, 7))
    assert cost(more, VIEW) < cost(less, VIEW) - 0.015
