"""Masks come back exactly, in few bytes."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from stereocodec.entropy.ans import StreamEncoder
from stereocodec.entropy.masks import decode_mask, encode_mask, rarity_tables
from stereocodec.errors import CorruptFile

repeatable = settings(derandomize=True, deadline=None, database=None, max_examples=60)
shapes = st.tuples(st.integers(1, 70), st.integers(1, 70))


@repeatable
@given(shapes.flatmap(lambda shape: arrays(bool, shape)))
def test_every_mask_comes_back(mask):
    assert np.array_equal(decode_mask(encode_mask(mask), mask.shape), mask)


@repeatable
@given(shapes, st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_every_density_comes_back(shape, seed, density):
    mask = np.random.default_rng(seed).random(shape) < density
    assert np.array_equal(decode_mask(encode_mask(mask), shape), mask)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (33, 65)])
def test_a_mask_of_nothing_takes_nothing_and_one_of_everything_little(shape):
    assert encode_mask(np.zeros(shape, dtype=bool)) == b""
    full = encode_mask(np.ones(shape, dtype=bool))
    assert len(full) <= 16
    assert decode_mask(full, shape).all()


def blobs(height=240, width=320):
    """Shadows beside objects, and speckles: what depth cameras leave out."""
    row, column = np.mgrid[:height, :width]
    generator = np.random.default_rng(5)
    mask = generator.random((height, width)) < 0.002
    for _ in range(12):
        y, x, radius = generator.uniform(0, height), generator.uniform(0, width), generator.uniform(4, 30)
        mask |= np.hypot(row - y, column - x) < radius
    return mask


def test_fewer_bytes_than_a_lossless_picture_of_the_mask():
    mask, stream = blobs(), io.BytesIO()
    Image.fromarray(mask).save(stream, "TIFF", compression="group4")
    assert len(encode_mask(mask)) < 0.8 * stream.tell()


def test_noise_takes_little_more_than_a_bit_a_pixel():
    mask = np.random.default_rng(0).random((256, 256)) < 0.5
    assert mask.size / 8 * 0.99 < len(encode_mask(mask)) < mask.size / 8 * 1.04


def test_damaged_streams_are_refused_or_give_a_mask():
    mask = blobs(64, 64)
    data = encode_mask(mask)
    with pytest.raises(CorruptFile):
        decode_mask(data[:-1], mask.shape)
    with pytest.raises(CorruptFile):
        decode_mask(data + data, mask.shape)
    generator, refused = np.random.default_rng(0), 0
    for _ in range(40):
        altered = bytearray(data)
        altered[generator.integers(len(data))] ^= 1 << generator.integers(8)
        try:
            assert decode_mask(bytes(altered), mask.shape).shape == mask.shape
        except CorruptFile:
            refused += 1
    assert refused > 0


def test_the_escape_is_refused():
    encoder = StreamEncoder()
    encoder.put(np.array([2], dtype=np.int32), np.zeros(1, dtype=np.uint8), rarity_tables())
    with pytest.raises(CorruptFile, match="mask"):
        decode_mask(encoder.getvalue(), (1, 1))


def test_tables_are_whole_numbers_that_fall_by_quarters_of_a_power_of_two():
    rare = [int(table[1]) for table in rarity_tables().frequencies]
    assert rare[0] == 2**23
    assert rare[4] == 2**22
    assert all(abs(later / earlier - 2**-0.25) < 1e-3 for earlier, later in itertools.pairwise(rare[:25]))
