"""Disparity fields come back exactly, in few bytes that are the same everywhere."""

from __future__ import annotations

import contextlib
import hashlib

import numpy as np
import pytest
from coded_passes import CODERS, PROPERTY, SEEDS, each_coder
from hypothesis import given
from hypothesis import strategies as st

from stereocodec.entropy import adaptive_fields
from stereocodec.entropy.adaptive_fields import REACH, adaptive_bits, answer_tables, read_field, write_field
from stereocodec.entropy.ans import StreamDecoder, StreamEncoder
from stereocodec.entropy.fields import field_tables, prediction_errors
from stereocodec.errors import CorruptFile, DecodingMismatch, InvalidInput

SHAPES = [(1, 1), (1, 2), (2, 1), (1, 70), (70, 1), (2, 2), (3, 33), (52, 64)]


def coded(field, coder=CODERS[-1]):
    encoder = StreamEncoder(coder=coder)
    write_field(field, encoder)
    return encoder.getvalue()


def decoded(data, size, coder=CODERS[-1]):
    decoder = StreamDecoder(data, coder=coder)
    field = read_field(decoder, size)
    decoder.close()
    return field


def scene(height=52, width=64, seed=0):
    """What a search finds of slanted ground before a wall, with boxes in front: steps of the search, and halves."""
    generator = np.random.default_rng(seed)
    field = np.maximum(20, 8 * (np.arange(height) // 4) - 60)[:, None] + np.zeros((1, width), dtype=np.int64)
    for _ in range(8):
        top, left, size = generator.integers(0, height), generator.integers(0, width), generator.integers(3, 16)
        field[top : top + size, left : left + size] = generator.integers(60, 300)
    loose = generator.random((height, width)) < 0.04
    field[loose] += generator.integers(-2, 3, int(loose.sum()))
    return field


def with_the_best_table(field):
    """Bytes of the coding of fields by tables."""
    tables, errors = field_tables(), prediction_errors(field)
    return min(tables.bits(errors, np.full(errors.size, k, dtype=np.uint8)).sum() for k in range(len(tables))) / 8


@PROPERTY
@given(SEEDS, st.integers(1, 12), st.integers(1, 12), st.sampled_from([0, 1, 9, 700, REACH]))
def test_random_fields_come_back(seed, height, width, reach):
    field = np.random.default_rng(seed).integers(-reach, reach + 1, (height, width))
    again = decoded(coded(field), field.shape)
    assert again.dtype == np.int64
    np.testing.assert_array_equal(again, field)


@each_coder
@pytest.mark.parametrize("shape", SHAPES)
def test_constant_stepped_and_extreme_fields_of_any_size_come_back(shape, coder):
    steps = 8 * (np.arange(shape[1]) // 5) + np.arange(shape[0])[:, None]
    chequered = REACH * (1 - 2 * (np.indices(shape).sum(0) % 2))
    for field in (np.zeros(shape, dtype=np.int64), np.full(shape, -REACH), np.full(shape, 37), steps, chequered):
        np.testing.assert_array_equal(decoded(coded(field, coder), shape, coder), field)


def test_both_coders_give_the_same_bytes_and_these_stay():
    data = coded(scene())
    assert all(coded(scene(), coder) == data for coder in CODERS)
    assert hashlib.sha256(data).hexdigest()[:16] == "c8e73b74561fceb3"


def test_much_less_than_with_tables_on_scenes_and_little_more_on_noise():
    assert len(coded(scene())) < 0.6 * with_the_best_table(scene())
    noise = np.random.default_rng(0).integers(-30, 31, (52, 64))
    assert len(coded(noise)) < 1.2 * noise.size * np.log2(61) / 8
    assert len(coded(np.full((52, 64), 5))) < 24


def test_a_field_follows_what_is_before_it_in_a_stream():
    encoder, tables = StreamEncoder(), field_tables()
    symbols, indices = np.arange(-3, 4, dtype=np.int32), np.full(7, 9, dtype=np.uint8)
    encoder.put(symbols, indices, tables)
    write_field(scene(9, 7), encoder)
    write_field(scene(4, 5), encoder)
    encoder.put(symbols, indices, tables)
    decoder = StreamDecoder(encoder.getvalue())
    np.testing.assert_array_equal(decoder.take(indices, tables), symbols)
    np.testing.assert_array_equal(read_field(decoder, (9, 7)), scene(9, 7))
    np.testing.assert_array_equal(read_field(decoder, (4, 5)), scene(4, 5))
    np.testing.assert_array_equal(decoder.take(indices, tables), symbols)
    decoder.close()


@PROPERTY
@given(st.binary(max_size=400), st.integers(1, 20), st.integers(1, 20))
def test_any_stream_gives_a_field_within_reach_or_an_error(data, height, width):
    try:
        field = read_field(StreamDecoder(data[: len(data) // 4 * 4]), (height, width))
    except (CorruptFile, DecodingMismatch):
        return
    assert field.shape == (height, width)
    assert np.abs(field).max() <= REACH


def test_damaged_streams_never_pass_for_the_field():
    field = scene(20, 24)
    data = coded(field)
    for cut in (data[4:], data[:-4], data[:-1], data + data):
        with pytest.raises((CorruptFile, DecodingMismatch)):
            decoded(cut, field.shape)
    generator = np.random.default_rng(0)
    for _ in range(60):
        altered = bytearray(data)
        altered[generator.integers(len(data))] ^= 1 << generator.integers(8)
        with contextlib.suppress(CorruptFile, DecodingMismatch):
            assert not np.array_equal(decoded(bytes(altered), field.shape), field)


def test_answers_are_yes_or_no():
    encoder = StreamEncoder()
    encoder.one_by_one(answer_tables())(2, 104)
    with pytest.raises(DecodingMismatch, match="disparities"):
        read_field(StreamDecoder(encoder.getvalue()), (1, 1))


@pytest.mark.parametrize("value", [REACH + 1, -REACH - 1, 6000])
def test_values_beyond_reach_are_refused_on_both_sides(value, monkeypatch):
    field = np.array([[0, value]])
    with pytest.raises(InvalidInput, match="4096"):
        coded(field)
    with monkeypatch.context() as patch:
        patch.setattr(adaptive_fields, "REACH", 8000)
        data = coded(field)
    with pytest.raises(DecodingMismatch, match="disparities"):
        decoded(data, field.shape)


def test_tables_are_log_odds_in_even_steps():
    yes = np.array([int(table[1]) for table in answer_tables().frequencies]) / 2**24
    odds = np.log(yes / (1 - yes))
    np.testing.assert_allclose(odds, (2 * np.arange(len(yes)) - 207) / 32, atol=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_bits_are_those_of_the_bytes(seed):
    field = scene(seed=seed)
    assert adaptive_bits(field) == pytest.approx(8 * len(coded(field)), abs=48)  # the stream ends with a word
    noise = np.random.default_rng(seed).integers(-REACH, REACH + 1, (20, 20))
    assert adaptive_bits(noise) == pytest.approx(8 * len(coded(noise)), rel=0.01)
