"""Disparity fields coded without loss: yes-or-no questions whose probabilities are learned while coding.

A block mostly has the disparity of one of its neighbours, and where it has not, the difference is mostly a multiple of
the step of the coarse search. So the questions are whether a value is that of the left, the upper, the upper right or
the upper left block, or what the three nearest would extrapolate; then come the bits of the difference. What is
expected of an answer is mixed from what was learned in several contexts, as in PAQ (Mahoney, "Adaptive weighing of
context models for lossless data compression", Florida Tech. CS-2005-16, 2005), in whole numbers, so that every machine
finds the same. Values go one by one: a wave of many would know less and, at some thousand values, take longer.
"""

from __future__ import annotations

import bisect
import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import DecodingMismatch, InvalidInput
from .ans import StreamDecoder, StreamEncoder
from .tables import TOTAL, TableSet

REACH = 4096
"""Largest magnitude of a value."""

_Ask = Callable[[int, int, int, int, bool], bool]

_LEVELS = 208  # of probabilities: log-odds of -6.5 to 6.5 in steps of 1/16
_ROOT = 1134413873426  # e^(1/32) * 2^40
_UNIT = 256  # log-odds of 1
_OCTAVES = 10  # of differences: their eighth has at most this many bits after its leading one
_QUESTIONS, _SLOTS = 5, 57
_CANDIDATE_CELLS = (_QUESTIONS * 256, _QUESTIONS * 125, _QUESTIONS * 48)
_SIZE_CLASS = (0, 1, 2, 2, 3, 3, 3, 3, 3, 4)  # of the difference of two neighbours
_ALL_EQUAL = 120
_FIRST_WEIGHT = 21845  # in 65536ths
# By how often a cell was asked: how fast its probability follows answers, in 65536ths, and the next count.
_SPEEDS = [(65536 // (count + 2), min(count + 1, 28)) for count in range(29)]


def write_field(field: NDArray[np.int64], encoder: StreamEncoder) -> None:
    """Appends a field (h, w) of values within +-`REACH` to a stream; raises InvalidInput for others."""
    if field.size and int(np.abs(field).max()) > REACH:
        raise InvalidInput(f"a disparity lies beyond +-{REACH} half pixels and cannot be coded")
    put = encoder.one_by_one(answer_tables())

    def answer(table: int, wanted: bool) -> bool:
        put(int(wanted), table)
        return wanted

    _walk(field.shape[0], field.shape[1], _learner(answer), field.tolist())


def adaptive_bits(field: NDArray[np.int64]) -> float:
    """What `write_field` makes of a field, in bits."""
    bits, total = _answer_bits(), 0.0

    def answer(table: int, wanted: bool) -> bool:
        nonlocal total
        total += bits[table][wanted]
        return wanted

    _walk(field.shape[0], field.shape[1], _learner(answer), field.tolist())
    return total


def read_field(decoder: StreamDecoder, size: tuple[int, int]) -> NDArray[np.int64]:
    """The field (h, w) that comes next in a stream; raises DecodingMismatch when there can be none."""
    take = decoder.one_by_one(answer_tables())

    def answer(table: int, wanted: bool) -> bool:
        position = take(table)
        if position > 1:
            raise DecodingMismatch("a field of disparities is damaged; fetch the file again")
        return position == 1

    return np.array(_walk(*size, _learner(answer), None), dtype=np.int64).reshape(size)


@functools.cache
def answer_tables() -> TableSet:
    """Tables of no, yes, and an escape that is not used; yes has log-odds (2 k - 207) / 32 in table k."""
    tables = []
    for k in range(_LEVELS):
        power = abs(2 * k + 1 - _LEVELS)
        likely, unlikely = _ROOT**power, 1 << 40 * power
        less = TOTAL * unlikely // (likely + unlikely)
        yes = less if 2 * k < _LEVELS else TOTAL - less
        tables.append(np.array([TOTAL - yes - 1, yes, 1], dtype=np.uint32))
    return TableSet(tuple(tables), np.zeros(_LEVELS, dtype=np.int32))


@functools.cache
def _answer_bits() -> list[tuple[float, float]]:
    """The bits of no and of yes in each of the `answer_tables`."""
    return [(math.log2(TOTAL / int(no)), math.log2(TOTAL / int(yes))) for no, yes, _ in answer_tables().frequencies]


@functools.cache
def _scales() -> tuple[list[int], list[int]]:
    """The probability of yes of each table in 65536ths; of probabilities in 4096ths, the log-odds of the nearest
    table below, in `_UNIT`s."""
    probabilities = [int(table[1]) >> 8 for table in answer_tables().frequencies]
    odds = []
    for p in range(4096):
        level = max(bisect.bisect_right(probabilities, 16 * p + 8) - 1, 0)
        odds.append((2 * level + 1 - _LEVELS) * _UNIT // 32)
    return probabilities, odds


def _learner(answer: Callable[[int, bool], bool]) -> _Ask:
    """What is asked: with a cell of each of three kinds of contexts, a set of weights, and the answer if it is known.

    `answer` codes one under the table that it is given. A cell holds a probability in 65536ths and how often it was
    asked; each answer moves the probability, by a half at first, by a thirtieth in the end.
    """
    probabilities, log_odds = _scales()
    chance_a, chance_b, chance_c = ([32768] * (cells + 5 * _SLOTS) for cells in _CANDIDATE_CELLS)
    count_a, count_b, count_c = ([0] * (cells + 5 * _SLOTS) for cells in _CANDIDATE_CELLS)
    weights = [[_FIRST_WEIGHT] * 3 for _ in range(2 * _QUESTIONS + 5)]
    limit = _LEVELS * _UNIT // 32

    def ask(a: int, b: int, c: int, weighing: int, wanted: bool) -> bool:
        # Written out for the three contexts: this takes most of the time.
        weight = weights[weighing]
        p_a, p_b, p_c = chance_a[a], chance_b[b], chance_c[c]
        odds_a, odds_b, odds_c = log_odds[p_a >> 4], log_odds[p_b >> 4], log_odds[p_c >> 4]
        mixed = (weight[0] * odds_a + weight[1] * odds_b + weight[2] * odds_c) >> 16
        table = mixed + limit >> 4 if -limit <= mixed < limit else _LEVELS - 1 if mixed > 0 else 0
        said = answer(table, wanted)
        target = 65535 if said else 0
        error = target - probabilities[table]
        weight[0] += error * odds_a + 8192 >> 14
        weight[1] += error * odds_b + 8192 >> 14
        weight[2] += error * odds_c + 8192 >> 14
        speed_a, count_a[a] = _SPEEDS[count_a[a]]
        speed_b, count_b[b] = _SPEEDS[count_b[b]]
        speed_c, count_c[c] = _SPEEDS[count_c[c]]
        chance_a[a] = p_a + ((target - p_a) * speed_a >> 16)
        chance_b[b] = p_b + ((target - p_b) * speed_b >> 16)
        chance_c[c] = p_c + ((target - p_c) * speed_c >> 16)
        return said

    return ask


def _walk(height: int, width: int, ask: _Ask, source: list[list[int]] | None) -> list[list[int]]:
    """Asks for all values, in raster order; `source` holds them where they are known."""
    rows: list[list[int]] = []
    for number in range(height):
        row: list[int] = []
        known: Sequence[int | None] = [None] * width if source is None else source[number]
        above = _above(rows[-2:]) if number else None
        west = before = rows[-1][0] if number else 0
        for column, wanted in enumerate(known):
            upper = above[column] if above else (west, west, west, _ALL_EQUAL, 0, 1)
            west, before = _value(ask, upper, west, before, wanted), west
            row.append(west)
        rows.append(row)
    return rows


def _above(rows: list[list[int]]) -> list[tuple[int, ...]]:
    """What the last row, or the last two, say at each place: the upper left, the upper and the upper right value, and
    parts of three contexts (`_value`): bits for what is equal, a class of differences, and jumps."""
    n = np.array(rows[-1], dtype=np.int64)
    ne, nee = np.append(n[1:], n[-1]), np.append(n[2:], [n[-1]] * min(2, n.size))
    nw = np.append(n[0], n[:-1])
    nn = np.array(rows[0], dtype=np.int64)
    nne = np.append(nn[1:], n[-1]) if len(rows) == 2 else ne
    equal = 64 * (nn == n) + 32 * (nw == ne) + 16 * (n == ne) + 8 * (n == nw)
    size = np.array(_SIZE_CLASS)[np.abs(n - ne).clip(max=9)]
    jumps = (nw != n).astype(np.int64) + (n != ne) + (nn != n) + (nne != ne) + (nee != ne)
    return list(zip(*(part.tolist() for part in (nw, n, ne, equal, size, 2 * jumps + (nee == ne))), strict=True))


def _value(ask: _Ask, upper: tuple[int, ...], west: int, before: int, wanted: int | None) -> int:
    """One value; `upper` is what `_above` says, `before` the value left of `west`; `wanted` is it where it is known."""
    nw, n, ne, equal, size, busy = upper
    # Which neighbours are equal, by how much they differ, and how many jumps there are around.
    low, high = (west, n) if west < n else (n, west)
    across, along = high - low, abs(west - nw)
    across = _SIZE_CLASS[across] if across < 9 else 4
    a = equal + 128 * (before == west) + 4 * (west == n) + 2 * (west == nw) + (west == ne)
    b = 25 * across + 5 * size + (_SIZE_CLASS[along] if along < 9 else 4)
    jumps = (busy >> 1) + (before != west) + (west != nw)
    c = 6 * jumps + 3 * (busy & 1) + (across if across < 2 else 2)
    middle = west + n - nw
    middle = low if middle < low else high if middle > high else middle
    weighing = int(jumps > 1)
    tried: list[int] = []
    for candidate in (n, west, ne, nw, middle) if west == nw != n else (west, n, ne, nw, middle):
        if candidate not in tried:
            if ask(a, b, c, weighing, wanted == candidate):
                return candidate
            tried.append(candidate)
        a, b, c, weighing = a + 256, b + 125, c + 48, weighing + 2
    activity = 0 if jumps < 2 else 1 if jumps < 5 else 2
    value = middle + _difference(ask, activity, across, None if wanted is None else wanted - middle)
    if not -REACH <= value <= REACH:
        raise DecodingMismatch("a field of disparities is damaged; fetch the file again")
    return value


def _difference(ask: _Ask, activity: int, across: int, wanted: int | None) -> int:
    """A difference that is no candidate's: eight times a number, and what is left, -4 to 3; both depend on contexts.

    wanted: the difference where it is known.
    """

    def bit(slot: int, weighing: int, value: int) -> int:
        a, b, c = (cells + 5 * slot for cells in _CANDIDATE_CELLS)
        return int(ask(a, b + activity, c + across, 2 * _QUESTIONS + weighing, bool(value)))

    eighths, rest = (0, 0) if wanted is None else divmod(wanted + 4, 8)
    far = bit(0, 0, int(eighths != 0))
    node = 1
    for place in (2, 1, 0):
        node = 2 * node + bit(8 + 8 * far + node, 1, rest >> place & 1)
    if not far:
        return node - 12
    negative = bit(1, 2, int(eighths < 0))
    octave, length = 0, abs(eighths).bit_length() - 1
    while octave < _OCTAVES and bit(24 + octave, 3, int(octave < length)):
        octave += 1
    number = 1
    for place in range(octave - 1, -1, -1):
        slot = 40 + octave if place == octave - 1 else 56
        number = 2 * number + bit(slot, 4, abs(eighths) >> place & 1)
    return 8 * (-number if negative else number) + node - 12
