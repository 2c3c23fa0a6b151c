"""The network and the tables of depth: whole numbers within what float32 holds exactly, the same in any order."""

import numpy as np
import pytest

from stereocodec.depth_coding.neighbours import INPUTS, LARGEST, OFFSETS, Known
from stereocodec.depth_coding.network import OUTPUTS, networks
from stereocodec.depth_coding.passes import passes
from stereocodec.depth_coding.tables import ROWS, SCALES, TAILS, costs, residual_tables, row_numbers

EXACT = 2**24


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("kind", range(3))
def test_no_sum_of_the_network_leaves_what_float32_holds_exactly(smooth, kind):
    network = networks(smooth)[kind]
    assert network.first.shape[1] == network.direct.shape[1] == INPUTS[kind]
    assert network.third.shape[0] == network.direct.shape[0] == OUTPUTS
    for tensor in vars(network).values():
        assert tensor.dtype == np.float32
        np.testing.assert_array_equal(tensor, np.rint(tensor))

    def most(weights):
        return np.abs(weights).sum(1, dtype=np.float64) * LARGEST

    assert most(network.first).max() < EXACT
    assert (most(network.second) + np.abs(network.second_bias[:, 0])).max() < EXACT
    assert (most(network.third) + most(network.direct) + np.abs(network.third_bias[:, 0])).max() < EXACT


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("kind", range(3))
def test_the_network_in_float32_says_what_it_says_in_integers(smooth, kind):
    network = networks(smooth)[kind]
    rng = np.random.default_rng(kind)
    inputs = rng.integers(-LARGEST, LARGEST + 1, (INPUTS[kind], 500)).astype(np.float32)
    exact = {name: tensor.astype(np.int64) for name, tensor in vars(network).items()}

    def activated(sums):
        # Halves go to the even number.
        return np.array([[round(int(s) / 512) for s in row] for row in sums]).clip(0, LARGEST)

    seen = inputs.astype(np.int64)
    hidden = activated(exact["first"] @ seen)
    hidden = activated(exact["second"] @ hidden + exact["second_bias"])
    wanted = exact["third"] @ hidden + exact["third_bias"] + exact["direct"] @ seen
    np.testing.assert_array_equal(network.answers(inputs), wanted)
    shuffled = network.answers(np.ascontiguousarray(inputs[:, ::-1]))[:, ::-1]
    np.testing.assert_array_equal(shuffled, wanted)


@pytest.mark.parametrize("extreme", [0, 65535])
def test_inputs_are_small_whole_numbers_whatever_the_map(extreme):
    rng = np.random.default_rng(extreme)
    holes = rng.random((19, 23)) < 0.2
    known = Known(holes)
    for one in passes(holes.shape):
        around = known.around(one, 0, holes[one.places].shape[0])
        assert around.inputs.shape == (INPUTS[one.kind], holes[one.places].size)
        np.testing.assert_array_equal(around.inputs, np.rint(around.inputs))
        assert np.abs(around.inputs).max() <= max(LARGEST, 17 * 16)
        bins = np.where(rng.random(holes[one.places].size) < 0.5, extreme, rng.integers(0, 65536))
        known.fill(one, bins, np.full(bins.size, 16 * 65535), np.full(bins.size, 16 * 65535))


def test_rows_of_a_pass_may_be_looked_at_apart():
    rng = np.random.default_rng(0)
    holes = rng.random((21, 34)) < 0.1
    known = Known(holes)
    known.bins[:] = rng.integers(0, 900, holes.shape)
    for one in passes(holes.shape):
        rows = holes[one.places].shape[0]
        whole = known.around(one, 0, rows)
        parts = [known.around(one, row, row + 1) for row in range(rows)]
        np.testing.assert_array_equal(np.concatenate([part.inputs for part in parts], 1), whole.inputs)
        np.testing.assert_array_equal(np.concatenate([part.base for part in parts]), whole.base)


def test_every_pixel_but_the_first_is_in_one_pass():
    for size in [(1, 1), (1, 9), (7, 1), (16, 16), (13, 50)]:
        seen = np.zeros(size, dtype=int)
        for one in passes(size):
            seen[one.places] += 1
        assert seen[0, 0] == 0
        assert seen.sum() == seen.size - 1
        assert seen.max(initial=0) <= 1


def test_neighbours_are_those_that_are_known():
    """Of a pass's pixels all neighbours are of passes before it."""
    size = (65, 65)
    order = np.full(size, -1)
    order[0, 0] = 0
    for number, one in enumerate(passes(size), start=1):
        rows, columns = (np.arange(*part.indices(65)) for part in one.places)
        for by_row, by_column in OFFSETS[one.kind]:
            row, column = rows + one.step * by_row, columns + one.step * by_column
            inside = np.ix_(row[(row >= 0) & (row < 65)], column[(column >= 0) & (column < 65)])
            assert (order[inside] >= 0).all(), (one, by_row, by_column)
        order[one.places] = number


def test_tables_are_symmetric_about_no_offset_and_wider_with_each_scale():
    assert [len(tables) for tables in residual_tables()] == [ROWS] * TAILS
    for tables in residual_tables():
        rows = [row_numbers()[scale, 0] for scale in range(SCALES)]
        middles = []
        for row in rows:
            frequencies = tables.frequencies[row][:-1].astype(np.int64)
            np.testing.assert_array_equal(frequencies, frequencies[::-1])
            middles.append(int(frequencies[frequencies.size // 2]))
        assert middles == sorted(middles, reverse=True)


def test_half_way_between_two_bins_both_are_as_likely():
    for tables in residual_tables():
        row = row_numbers()[8, 8]
        frequencies, zero = tables.frequencies[row].astype(np.int64), -tables.offsets[row]
        assert abs(frequencies[zero] - frequencies[zero + 1]) < 2**12


def test_costs_are_those_of_the_tables():
    bits, starts, radii = costs()
    frequencies = np.concatenate([table for tables in residual_tables() for table in tables.frequencies])
    np.testing.assert_allclose(bits / 16, 24 - np.log2(frequencies), atol=1 / 16)
    assert starts.size == radii.size == ROWS * TAILS
