"""The stream coder on hostile data and on arrays that it cannot code."""

from __future__ import annotations

import numpy as np
import pytest
from coded_passes import (
    CODERS,
    GOLDEN_TABLES,
    PROPERTY,
    SEEDS,
    each_coder,
    encode,
    random_pass,
    random_tables,
)
from hypothesis import given
from hypothesis import strategies as st

from stereocodec.entropy.ans import StreamDecoder, StreamEncoder
from stereocodec.entropy.tables import MAX_SYMBOL
from stereocodec.errors import CorruptFile, InvalidInput


@PROPERTY
@given(data=st.binary(max_size=200), seed=SEEDS, count=st.sampled_from([1, 10, 2000]))
def test_hostile_bytes_decode_to_something_in_range(data, seed, count):
    data = data[: len(data) // 4 * 4]
    if data[-4:] == bytes(4):
        data = data[:-4] + b"\1\0\0\0"
    rng = np.random.default_rng(seed)
    table_sets = [random_tables(rng) for _ in range(2)]
    decoders = [StreamDecoder(data, coder=coder) for coder in CODERS]
    for table_set in table_sets:
        tables = rng.integers(0, len(table_set), count).astype(np.uint8)
        results = [decoder.take(tables, table_set) for decoder in decoders]
        for symbols in results:
            assert symbols.shape == tables.shape
            assert symbols.dtype == np.int32
            assert np.abs(symbols).max() <= MAX_SYMBOL
            np.testing.assert_array_equal(symbols, results[0])


@each_coder
def test_far_escapes_of_a_hostile_stream_are_clipped(coder):
    # What no encoder writes: the largest distance that the code can express, 2**24 - 2, on both sides.
    def twice(value):
        return np.full(2, value, dtype=np.int32)

    stack = coder()
    stack.push_uniform(twice(2**23 - 1), twice(2**23))
    stack.push_uniform(np.array([0, 1], dtype=np.int32), twice(2))
    stack.push_uniform(twice(23), twice(24))
    stack.push(twice(2), GOLDEN_TABLES.models(coder.build_model)[0])
    decoder = StreamDecoder(stack.words().astype("<u4").tobytes(), coder=coder)
    symbols = decoder.take(np.zeros(2, dtype=np.uint8), GOLDEN_TABLES)
    assert symbols.tolist() == [MAX_SYMBOL, -MAX_SYMBOL]
    decoder.close()


@each_coder
@pytest.mark.parametrize("data", [b"\1", b"\1\2\3\4\5", bytes(4), b"\1\2\3\4" + bytes(4)])
def test_impossible_streams_are_refused(coder, data):
    with pytest.raises(CorruptFile, match="coded stream"):
        StreamDecoder(data, coder=coder)


@each_coder
def test_close_notices_what_is_left_over(coder):
    rng = np.random.default_rng(4)
    symbols, tables = random_pass(rng, GOLDEN_TABLES, 300, 0.1)
    data = encode([(symbols, tables, GOLDEN_TABLES)], coder)
    for count in (0, 200, 299):
        decoder = StreamDecoder(data, coder=coder)
        decoder.take(tables[:count], GOLDEN_TABLES)
        with pytest.raises(CorruptFile, match="end properly"):
            decoder.close()


@each_coder
def test_what_cannot_be_coded_is_refused_and_leaves_the_stream_as_it_was(coder):
    good = np.zeros(2, dtype=np.int32)
    tables = np.zeros(2, dtype=np.uint8)
    encoder = StreamEncoder(coder=coder)
    encoder.put(good + 1, tables, GOLDEN_TABLES)
    before = encoder.getvalue()
    for symbols, indices, message in (
        (good.astype(np.int64), tables, "int32"),
        (good[:1], tables, "as many"),
        (good, tables.astype(np.int32), "uint8"),
        (good[None], tables[None], "one-dimensional"),
        (good, tables + np.uint8(3), "table index 3 in a set of 3 tables"),
        (good + np.int32(MAX_SYMBOL + 1), tables, "beyond"),
        (good - np.int32(MAX_SYMBOL + 1), tables, "beyond"),
        (good - np.int32(2**31 - 1), tables, "beyond"),
    ):
        with pytest.raises(InvalidInput, match=message):
            encoder.put(symbols, indices, GOLDEN_TABLES)
    assert encoder.getvalue() == before
    decoder = StreamDecoder(before, coder=coder)
    for indices in (tables.astype(np.int64), tables[None], tables + np.uint8(3)):
        with pytest.raises(InvalidInput):
            decoder.take(indices, GOLDEN_TABLES)
    np.testing.assert_array_equal(decoder.take(tables, GOLDEN_TABLES), good + 1)
