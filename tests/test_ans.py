"""The stream coder: round trips, one format from both coders, sizes, hostile data."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereocodec.entropy import ans
from stereocodec.entropy._python_ans import PythonAnsCoder
from stereocodec.entropy.ans import ConstrictionAnsCoder, StreamDecoder, StreamEncoder
from stereocodec.entropy.density_tables import residual_tables
from stereocodec.entropy.tables import MAX_OFFSET, MAX_SYMBOL, TOTAL, TableSet
from stereocodec.errors import CorruptFile, InvalidInput

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


@PROPERTY
@given(
    seed=SEEDS,
    counts=st.lists(st.sampled_from([0, 1, 2, 30, 700]), max_size=5),
    escape_rate=st.sampled_from([0.0, 0.05, 1.0]),
)
def test_round_trip_words_and_size(seed, counts, escape_rate):
    rng = np.random.default_rng(seed)
    table_sets = [random_tables(rng) for _ in range(2)]
    passes = []
    for count in counts:
        table_set = table_sets[rng.integers(2)]
        passes.append((*random_pass(rng, table_set, count, escape_rate), table_set))
    streams = [encode(passes, coder) for coder in CODERS]
    assert all(data == streams[0] for data in streams)
    for coder in CODERS:
        check_decodes(streams[0], passes, coder)
    bits = sum(float(table_set.bits(symbols, tables).sum()) for symbols, tables, table_set in passes)
    assert len(streams[0]) <= 1.005 * bits / 8 + 16


@each_coder
def test_size_is_the_sum_of_bits(coder):
    rng = np.random.default_rng(3)
    scales = np.geomspace(0.08, 256, 64)
    table_set = residual_tables(scales)
    tables = rng.integers(0, 64, 20_000).astype(np.uint8)
    # Heavier tails than the tables': a few symbols escape.
    symbols = np.rint(rng.standard_t(3, tables.size) * scales[tables]).astype(np.int32)
    escaped = table_set.to_local(symbols, tables)[1].size
    assert escaped > 100
    data = encode([(symbols, tables, table_set)], coder)
    expected = table_set.bits(symbols, tables).sum() / 8
    assert abs(len(data) - expected) <= 0.0005 * expected + 16
    check_decodes(data, [(symbols, tables, table_set)], coder)


@each_coder
def test_golden_stream(coder):
    passes = [
        (np.array(symbols, dtype=np.int32), np.array(tables, dtype=np.uint8), GOLDEN_TABLES)
        for symbols, tables in GOLDEN_PASSES
    ]
    assert encode(passes, coder).hex() == GOLDEN_HEX
    check_decodes(bytes.fromhex(GOLDEN_HEX), passes, coder)


@each_coder
def test_words_by_hand(coder):
    # From the empty state 0, pushing a symbol leaves its start as the state, which is written in one
    # word: 2**23 for the second symbol of the first golden table. The next push multiplies by 4 and
    # adds: quotient 2**23 // 2**22 = 2, remainder 0, so 2 * 2**24 + 0 + start 2**23.
    zero = np.zeros(2, dtype=np.uint8)
    one = np.ones(2, dtype=np.int32)
    assert encode([(one[:1], zero[:1], GOLDEN_TABLES)], coder) == (1 << 23).to_bytes(4, "little")
    assert encode([(one, zero, GOLDEN_TABLES)], coder) == ((2 << 24) + (1 << 23)).to_bytes(4, "little")


@each_coder
def test_states_on_the_edge_of_a_word(coder):
    model = GOLDEN_TABLES.models(coder.build_model)[0]
    # State 2**62: pushing a frequency of 2**22 would just reach 2**64, so that a word leaves first.
    stack = coder(np.array([0, 1 << 30], dtype=np.uint32))
    stack.push(np.array([1], dtype=np.int32), model)
    assert stack.words().tolist() == [0, 1 << 23, 1]
    # Popping leaves 2**32 - 1, which must take a word back: the low bits of the next pop are that 5.
    stack = coder(np.array([5, 2**32 - 1], dtype=np.uint32))
    stack.push(np.array([0], dtype=np.int32), model)
    assert stack.pop(model, 2).tolist() == [0, 0]


@each_coder
def test_a_stream_of_nothing_has_no_bytes(coder):
    none = np.zeros(0, dtype=np.int32)
    assert encode([], coder) == b""
    assert encode([(none, none.astype(np.uint8), GOLDEN_TABLES)] * 2, coder) == b""
    check_decodes(b"", [(none, none.astype(np.uint8), GOLDEN_TABLES)], coder)


@each_coder
def test_a_stream_can_be_asked_for_twice_and_go_on(coder):
    rng = np.random.default_rng(8)
    first, second = [(*random_pass(rng, GOLDEN_TABLES, 50, 0.1), GOLDEN_TABLES) for _ in range(2)]
    encoder = StreamEncoder(coder=coder)
    symbols, tables = first[0].copy(), first[1].copy()
    encoder.put(symbols, tables, GOLDEN_TABLES)
    symbols[:], tables[:] = 0, 0  # the encoder keeps its own copy
    assert encoder.getvalue() == encode([first], coder)
    encoder.put(*second)
    assert encoder.getvalue() == encoder.getvalue() == encode([first, second], coder)


@each_coder
def test_strided_and_read_only_arrays(coder):
    rng = np.random.default_rng(9)
    symbols, tables = random_pass(rng, GOLDEN_TABLES, 200, 0.2)
    expected = encode([(symbols[::2].copy(), tables[::2].copy(), GOLDEN_TABLES)], coder)
    symbols.setflags(write=False)
    tables.setflags(write=False)
    passes = [(symbols[::2], tables[::2], GOLDEN_TABLES)]
    assert encode(passes, coder) == expected
    check_decodes(expected, passes, coder)


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


@PROPERTY
@given(seed=SEEDS)
def test_uniform_models_of_any_size_agree(seed):
    rng = np.random.default_rng(seed)
    sizes = np.exp2(rng.uniform(1, 23, 40)).astype(np.int32)
    values = rng.integers(0, sizes).astype(np.int32)
    values[::3] = sizes[::3] - 1  # the last value has a frequency of its own
    words = []
    for coder in CODERS:
        stack = coder()
        stack.push_uniform(values, sizes)
        words.append(stack.words())
        np.testing.assert_array_equal(words[-1], words[0])
        stack = coder(words[0])
        np.testing.assert_array_equal(stack.pop_uniform(sizes), values)
        assert stack.is_empty()


@each_coder
def test_threads_share_a_table_set(coder):
    rng = np.random.default_rng(6)
    scales = np.geomspace(0.08, 256, 64)
    source = residual_tables(scales)
    tables = rng.integers(0, 64, 3000).astype(np.uint8)
    symbols = np.rint(rng.normal(size=tables.size) * scales[tables] * 1.5).astype(np.int32)
    data = encode([(symbols, tables, source)], coder)
    fresh = TableSet.from_arrays(source.to_arrays())  # its models are not built yet
    threads = 8
    barrier = threading.Barrier(threads)

    def work(_):
        barrier.wait()
        for _ in range(3):
            check_decodes(data, [(symbols, tables, fresh)], coder)
        assert encode([(symbols, tables, fresh)], coder) == data
        return fresh.models(coder.build_model)

    with ThreadPoolExecutor(threads) as pool:
        models = list(pool.map(work, range(threads)))
    assert all(built is models[0] for built in models)


@needs_constriction
def test_constriction_is_used_where_it_can_be_imported():
    assert ans.DEFAULT_CODER is ConstrictionAnsCoder


def test_without_constriction_the_python_coder_is_used():
    code = (
        "import sys; sys.modules['constriction'] = None\n"
        "from stereocodec.entropy import ans, _python_ans\n"
        "assert ans.DEFAULT_CODER is _python_ans.PythonAnsCoder\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_coding_prints_nothing():
    # constriction prints a warning, once per process, for models whose way of rounding is not named.
    code = (
        "import numpy as np\n"
        "from stereocodec.entropy import ans, density_tables\n"
        "encoder = ans.StreamEncoder()\n"
        "table_set = density_tables.residual_tables(np.ones(1))\n"
        "encoder.put(np.array([0, 99], np.int32), np.zeros(2, np.uint8), table_set)\n"
        "ans.StreamDecoder(encoder.getvalue()).take(np.zeros(2, np.uint8), table_set)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True)
    assert done.stdout + done.stderr == b""
