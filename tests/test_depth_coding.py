"""Depth without loss or within a bound: what comes back, whatever the map."""

import numpy as np
import pytest

from stereocodec.depth_coding import DepthBound, decode_depth, encode_depth
from stereocodec.errors import CorruptFile

BOUNDS = [DepthBound(), DepthBound(1), DepthBound(70), DepthBound(65535), DepthBound(ppm=10000), DepthBound(2, 30000)]


def maps():
    rng = np.random.default_rng(1)
    rows, columns = np.indices((37, 53))
    plane = (900 + 11 * rows + 7 * columns).astype(np.uint16)
    yield "plane", plane
    yield "noise", rng.integers(1, 65536, (20, 31)).astype(np.uint16)
    yield "two", np.where(columns > 20, 65535, 1).astype(np.uint16)
    yield "holes", np.where(rng.random(plane.shape) < 0.4, 0, plane + rng.integers(0, 9, plane.shape)).astype(np.uint16)
    yield "bytes", (plane % 251 + 1).astype(np.uint8)
    yield "pixel", np.full((1, 1), 7, dtype=np.uint16)
    yield "row", np.arange(1, 1000, 3, dtype=np.uint16)[None]
    yield "column", np.arange(1, 1000, 7, dtype=np.uint16)[:, None]
    yield "equal", np.full((9, 5), 3, dtype=np.uint8)
    yield "empty", np.zeros((4, 4), dtype=np.uint16)


@pytest.mark.parametrize("bound", BOUNDS, ids=str)
@pytest.mark.parametrize(("name", "samples"), list(maps()), ids=[name for name, _ in maps()])
def test_every_measurement_is_within_the_bound(name, samples, bound):
    holes = samples == 0
    data = encode_depth(samples, holes, bound, 0)
    decoded = decode_depth(data, holes, 8 * samples.itemsize, bound, 0)
    permitted = np.maximum(bound.steps, samples.astype(np.int64) * bound.ppm // 10**6)
    assert decoded.dtype == samples.dtype
    assert (np.abs(decoded.astype(np.int64) - samples)[~holes] <= permitted[~holes]).all()
    assert (decoded[~holes] != 0).all()
    assert (decoded[holes] == 0).all()


def test_damage_is_told_or_gives_other_samples():
    samples = dict(maps())["holes"]
    holes = samples == 0
    data = encode_depth(samples, holes, DepthBound(), 0)
    rng = np.random.default_rng(2)
    for _ in range(200):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        try:
            decoded = decode_depth(bytes(damaged[: rng.integers(1, len(data) + 1)]), holes, 16, DepthBound(), 0)
        except CorruptFile:
            continue
        assert (decoded[~holes] != 0).all()
