"""Depth without loss or within a bound: what comes back, whatever the map and whatever becomes of its bytes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stereocodec.depth_coding import DepthBound, decode_depth, encode_depth
from stereocodec.entropy.ans import ConstrictionAnsCoder, PythonAnsCoder, StreamDecoder, StreamEncoder, constriction
from stereocodec.errors import CorruptFile, InvalidInput

GOLDEN = Path(__file__).parents[1] / "golden" / "depth.json"
LOSSLESS = DepthBound()
BOUNDS = [LOSSLESS, DepthBound(1), DepthBound(70), DepthBound(65535), DepthBound(ppm=10000), DepthBound(2, 30000)]


def plane(height=37, width=53):
    rows, columns = np.indices((height, width))
    return (900 + 11 * rows + 7 * columns).astype(np.uint16)


def noisy(height=37, width=53, seed=1):
    """A plane before a wall, with noise and holes."""
    rng = np.random.default_rng(seed)
    depth = np.where(np.arange(width) > width // 3, plane(height, width), 3000) + rng.integers(0, 9, (height, width))
    return np.where(rng.random((height, width)) < 0.2, 0, depth).astype(np.uint16)


def maps():
    rng = np.random.default_rng(1)
    yield "plane", plane()
    yield "noise", rng.integers(1, 65536, (20, 31)).astype(np.uint16)
    yield "two", np.where(plane() > 1100, 65535, 1).astype(np.uint16)
    yield "holes", noisy()
    yield "bytes", (plane() % 251 + 1).astype(np.uint8)
    yield "pixel", np.full((1, 1), 7, dtype=np.uint16)
    yield "row", np.arange(1, 1000, 3, dtype=np.uint16)[None]
    yield "column", np.arange(1, 1000, 7, dtype=np.uint16)[:, None]
    yield "equal", np.full((9, 5), 3, dtype=np.uint8)
    yield "steps", (6000 // (3 + np.indices((40, 33)).sum(0) // 4)).astype(np.uint16)
    yield "empty", np.zeros((4, 4), dtype=np.uint16)


def there_and_back(samples, holes, bound, invalid):
    """Codes, decodes, holds the result against the bound; the stream."""
    data = encode_depth(samples, holes, bound, invalid)
    decoded = decode_depth(data, holes, 8 * samples.itemsize, bound, invalid)
    measured = samples[~holes].astype(np.int64)
    assert decoded.dtype == samples.dtype
    assert (abs(decoded[~holes] - measured) <= np.maximum(bound.steps, measured * bound.ppm // 10**6)).all()
    assert (decoded[~holes] != invalid).all()
    assert (decoded[holes] == 0).all()
    return data


@pytest.mark.parametrize("bound", BOUNDS, ids=str)
@pytest.mark.parametrize(("name", "samples"), list(maps()), ids=[name for name, _ in maps()])
def test_every_measurement_is_within_the_bound(name, samples, bound):
    there_and_back(samples, samples == 0, bound, 0)


@given(
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    seed=st.integers(0, 2**32 - 1),
    low=st.integers(0, 65535),
    extent=st.sampled_from([0, 1, 2, 9, 300, 65535]),
    holes=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    steps=st.sampled_from([0, 0, 1, 7, 65535]),
    ppm=st.sampled_from([0, 0, 1000, 50_000, 1_000_000]),
    invalid=st.sampled_from([0, 5, 65535]),
    depth8=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_any_map_comes_back_within_the_bound(size, seed, low, extent, holes, steps, ppm, invalid, depth8):
    rng = np.random.default_rng(seed)
    dtype = np.uint8 if depth8 else np.uint16
    largest = np.iinfo(dtype).max
    low, invalid = min(low, largest), min(invalid, largest)
    samples = rng.integers(low, min(low + extent, largest), size, endpoint=True).astype(dtype)
    there_and_back(samples, (rng.random(size) < holes) | (samples == invalid), DepthBound(steps, ppm), invalid)


def test_what_stands_in_holes_does_not_matter():
    samples = noisy()
    holes = samples == 0
    others = np.where(holes, 12345, samples).astype(np.uint16)
    assert encode_depth(samples, holes, LOSSLESS, 0) == encode_depth(others, holes, LOSSLESS, 0)


def test_a_map_without_measurements_takes_no_bytes():
    assert encode_depth(np.zeros((5, 7), np.uint16), np.ones((5, 7), bool), LOSSLESS, 0) == b""


def test_a_measurement_that_says_it_is_none_is_refused():
    with pytest.raises(InvalidInput, match="stands for none"):
        encode_depth(np.full((2, 2), 9, np.uint16), np.zeros((2, 2), bool), LOSSLESS, 9)


def test_a_plane_takes_little_and_a_wider_bound_less():
    samples = plane(120, 160)
    sizes = [len(there_and_back(samples, samples == 0, DepthBound(steps), 0)) for steps in (0, 20, 200)]
    assert sizes[0] < samples.size / 8
    assert sizes[0] > sizes[1] > sizes[2]
    noise = [len(there_and_back(noisy(90, 120), noisy(90, 120) == 0, DepthBound(steps), 0)) for steps in (0, 2, 20)]
    assert noise[0] > 1.2 * noise[1] > 1.44 * noise[2]


def test_rare_samples_are_listed():
    """A camera that knows few depths costs no more for having them far apart."""
    near = (plane(90, 120) // 60).astype(np.uint16)
    apart = (near * 97).astype(np.uint16)
    sizes = [len(there_and_back(samples, samples == 0, LOSSLESS, 0)) for samples in (near, apart)]
    assert sizes[1] < 1.2 * sizes[0] + 60


def test_what_is_in_the_middle_does_not_choose_the_networks():
    """A smooth thing before a noisy wall: the stream says that networks for noisy maps coded it."""
    rng = np.random.default_rng(0)
    samples = (1500 + np.indices((300, 400)).sum(0) + rng.normal(0, 5, (300, 400))).astype(np.uint16)
    samples[90:210, 140:260] = 900 + np.indices((120, 120)).sum(0) // 4
    data = there_and_back(samples, samples == 0, LOSSLESS, 0)
    assert data[0] == 0


def test_the_stream_depends_on_neither_threads_nor_what_ran_before():
    samples = noisy(120, 160)
    streams = []
    threads = torch.get_num_threads()
    try:
        for count in (1, 2, 4):
            torch.set_num_threads(count)
            streams.append(encode_depth(samples, samples == 0, DepthBound(1), 0))
    finally:
        torch.set_num_threads(threads)
    assert len(set(streams)) == 1


@pytest.mark.skipif(constriction is None, reason="needs both coders")
def test_both_coders_make_and_read_the_same_stream(monkeypatch):
    samples = noisy(20, 30)
    streams = []
    for coder in (PythonAnsCoder, ConstrictionAnsCoder):
        monkeypatch.setattr(
            "stereocodec.depth_coding.samples.StreamEncoder", lambda coder=coder: StreamEncoder(coder=coder)
        )
        monkeypatch.setattr(
            "stereocodec.depth_coding.samples.StreamDecoder", lambda data, coder=coder: StreamDecoder(data, coder=coder)
        )
        streams.append(there_and_back(samples, samples == 0, LOSSLESS, 0))
    assert streams[0] == streams[1]


def test_a_list_has_no_bin_of_the_invalid_sample():
    """A hole would stand where something was measured."""
    samples = (plane(90, 120) // 60 * 97).astype(np.uint16)
    none = np.zeros(samples.shape, dtype=bool)
    data = encode_depth(samples, none, LOSSLESS, 0)
    with pytest.raises(CorruptFile, match="are damaged"):
        decode_depth(data, none, 16, LOSSLESS, int(samples[45, 60]))


@pytest.mark.parametrize("name", ["holes", "steps", "bytes"])
def test_damage_is_told_or_gives_other_samples(name):
    samples = dict(maps())[name]
    holes, bits = samples == 0, 8 * samples.itemsize
    data = encode_depth(samples, holes, LOSSLESS, 0)
    rng = np.random.default_rng(2)
    told = 0
    for case in range(150):
        damaged = bytearray(data)
        damaged[rng.integers(len(data)) if case % 2 else rng.integers(8)] ^= 1 << int(rng.integers(8))
        cut = len(data) if case % 3 else int(rng.integers(len(data)))
        try:
            decoded = decode_depth(bytes(damaged[:cut]), holes, bits, LOSSLESS, 0)
        except CorruptFile:
            told += 1
            continue
        assert (decoded[~holes] != 0).all()
        assert decoded.shape == samples.shape
    assert told > 75


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x04\x01\x01",
        b"\x00",
        b"\x00\x01",
        b"\x00\xff\xff\x7f\x00",
        b"\x00\x00\x00",
        b"\x00\x05\x80\x00",
        b"\x01\x01\x02\x03",
        b"\x01\x00\xff\xff\x03\xff\xff\x03",
        b"\x00\x01\x05abc",
    ],
)
def test_what_is_no_stream_is_refused(data):
    with pytest.raises(CorruptFile):
        decode_depth(data, np.zeros((30, 40), bool), 16, LOSSLESS, 0)


def test_a_stream_that_goes_on_after_the_last_measurement_is_refused():
    samples = noisy()
    holes = samples == 0
    data = encode_depth(samples, holes, LOSSLESS, 0)
    head = 5  # the first byte, and two numbers of two bytes
    assert data[2] < 128 <= data[1]
    assert data[4] < 128 <= data[3]
    with pytest.raises(CorruptFile, match="does not end properly"):
        decode_depth(data[:head] + b"\1\0\0\0" + data[head:], holes, 16, LOSSLESS, 0)


def test_bytes_for_a_map_without_measurements_are_refused():
    with pytest.raises(CorruptFile):
        decode_depth(b"\x00\x01\x01", np.ones((3, 3), bool), 16, LOSSLESS, 0)


def test_samples_beyond_8_bits_are_refused():
    samples = np.full((3, 3), 300, np.uint16)
    data = encode_depth(samples, samples == 0, LOSSLESS, 0)
    with pytest.raises(CorruptFile):
        decode_depth(data, samples == 0, 8, LOSSLESS, 0)


@pytest.mark.parametrize("case", json.loads(GOLDEN.read_text(encoding="utf-8")), ids=lambda case: case["name"])
def test_streams_that_were_written_before_decode_as_they_always_did(case):
    """What the stream holds, to the bit: files are out there."""
    samples = dict(maps())[case["name"]]
    bound = DepthBound(case["steps"], case["ppm"])
    data = bytes.fromhex(case["stream"])
    assert encode_depth(samples, samples == 0, bound, 0) == data
    decoded = decode_depth(data, samples == 0, 8 * samples.itemsize, bound, 0)
    assert int(decoded.astype(np.int64).sum()) == case["sum"]
