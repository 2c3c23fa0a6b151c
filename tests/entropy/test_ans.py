"""The stream coder: round trips, one format from both coders, sizes."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from coded_passes import (
    CODERS,
    GOLDEN_HEX,
    GOLDEN_PASSES,
    GOLDEN_TABLES,
    PROPERTY,
    SEEDS,
    check_decodes,
    each_coder,
    encode,
    needs_constriction,
    random_pass,
    random_tables,
)
from hypothesis import given
from hypothesis import strategies as st

from stereocodec.entropy import ans
from stereocodec.entropy.ans import ConstrictionAnsCoder, StreamDecoder, StreamEncoder
from stereocodec.entropy.density_tables import residual_tables
from stereocodec.entropy.tables import TableSet


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


@PROPERTY
@given(seed=SEEDS)
def test_symbols_one_by_one_are_passes_of_one(seed):
    rng = np.random.default_rng(seed)
    tables = random_tables(rng)
    numbers = rng.integers(0, len(tables), 60)
    positions = [int(rng.integers(tables.frequencies[k].size - 1)) for k in numbers]
    streams = []
    for coder in CODERS:
        encoder, passes = StreamEncoder(coder=coder), StreamEncoder(coder=coder)
        put = encoder.one_by_one(tables)
        for position, k in zip(positions, numbers.tolist(), strict=True):
            put(position, k)
            symbol = np.array([position + tables.offsets[k]], dtype=np.int32)
            passes.put(symbol, np.array([k], dtype=np.uint8), tables)
        streams += [encoder.getvalue(), passes.getvalue()]
        decoder = StreamDecoder(streams[0], coder=coder)
        take = decoder.one_by_one(tables)
        assert [take(k) for k in numbers.tolist()] == positions
        decoder.close()
    assert len(set(streams)) == 1


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
