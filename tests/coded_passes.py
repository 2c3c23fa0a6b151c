"""What the tests of the stream coder share: both coders, tables, passes of symbols, and a golden stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from stereocodec.entropy import ans
from stereocodec.entropy._python_ans import PythonAnsCoder
from stereocodec.entropy.ans import ConstrictionAnsCoder, StreamDecoder, StreamEncoder
from stereocodec.entropy.tables import MAX_OFFSET, MAX_SYMBOL, TOTAL, TableSet

PROPERTY = settings(derandomize=True, deadline=None, max_examples=80)
SEEDS = st.integers(0, 2**32 - 1)
HAVE_CONSTRICTION = ans.constriction is not None
CODERS = [PythonAnsCoder, ConstrictionAnsCoder] if HAVE_CONSTRICTION else [PythonAnsCoder]
needs_constriction = pytest.mark.skipif(not HAVE_CONSTRICTION, reason="constriction has no wheel here")
each_coder = pytest.mark.parametrize("coder", CODERS)

# Fixed frequencies and symbols, and the bytes that must come out for as long as the format lives.
GOLDEN_TABLES = TableSet(
    (
        np.array([1 << 23, 1 << 22, 1 << 22], dtype=np.uint32),
        np.array([1, 2, 3, TOTAL - 1006, 999, 1], dtype=np.uint32),
        np.array([5_000_000, 7_000_000, 4_777_215, 1], dtype=np.uint32),
    ),
    np.array([0, -2, 100], dtype=np.int32),
)
GOLDEN_PASSES = [
    ([1, 0, 0, 1, 102, 101, 100], [0, 0, 0, 0, 2, 2, 2]),
    ([], []),
    ([1, 1, -2, 2, 1, 5000, -MAX_SYMBOL, MAX_SYMBOL, 103, 1], [1, 1, 1, 1, 1, 1, 0, 2, 2, 0]),
]
GOLDEN_HEX = "00603801be4f87bfffffffc8674d1797be71f443dbd2a4b854490000"


def random_tables(rng):
    frequencies = []
    for _ in range(rng.choice([1, 2, 7, 256], p=[0.3, 0.3, 0.3, 0.1])):
        length = int(rng.choice([2, 3, 20, 400]))
        if rng.random() < 0.3:  # nearly all of the probability on one symbol
            table = np.ones(length, dtype=np.uint32)
            table[rng.integers(length)] += TOTAL - length
        else:
            cuts = np.sort(rng.choice(TOTAL - 1, length - 1, replace=False) + 1)
            table = np.diff(cuts, prepend=0, append=TOTAL).astype(np.uint32)
        frequencies.append(table)
    reach = rng.choice([3, 300, MAX_OFFSET])
    return TableSet(tuple(frequencies), rng.integers(-reach, reach + 1, len(frequencies)).astype(np.int32))


def random_pass(rng, table_set, count, escape_rate):
    tables = rng.integers(0, len(table_set), count).astype(np.uint8)
    lengths = np.array([table.size for table in table_set.frequencies])[tables]
    offsets = table_set.offsets[tables].astype(np.int64)
    symbols = offsets + rng.integers(0, lengths - 1)
    beyond = np.exp2(rng.uniform(0, 24, count)).astype(np.int64) * rng.choice([-1, 1], count)
    symbols = np.where(rng.random(count) < escape_rate, symbols + beyond, symbols)
    return np.clip(symbols, -MAX_SYMBOL, MAX_SYMBOL).astype(np.int32), tables


def encode(passes, coder):
    encoder = StreamEncoder(coder=coder)
    for symbols, tables, table_set in passes:
        encoder.put(symbols, tables, table_set)
    return encoder.getvalue()


def check_decodes(data, passes, coder):
    decoder = StreamDecoder(data, coder=coder)
    for symbols, tables, table_set in passes:
        decoded = decoder.take(tables, table_set)
        assert decoded.dtype == np.int32
        np.testing.assert_array_equal(decoded, symbols)
    decoder.close()
