"""Depth samples decoded pixel by pixel in Python's numbers, as docs/format.md says; of the package the coder alone."""

from __future__ import annotations

import functools
import math
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

import stereocodec
from stereocodec.entropy.ans import StreamDecoder
from stereocodec.entropy.tables import TableSet

CROSS = [(-1, 0), (0, -1), (0, 1), (1, 0)]
CORNERS = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
KNIGHTS = [(-1, -2), (-1, 2), (1, -2), (1, 2), (-2, -1), (-2, 1), (2, -1), (2, 1)]
FAR_CROSS = [(0, -3), (0, 3), (-3, 0), (3, 0)]
FAR_CORNERS = [
    (-1, -3),
    (-1, 3),
    (1, -3),
    (1, 3),
    (-3, -1),
    (-3, 1),
    (3, -1),
    (3, 1),
    (-3, -3),
    (-3, 3),
    (3, -3),
    (3, 3),
]
NEIGHBOURS = [CORNERS + FAR_CORNERS, CROSS + KNIGHTS + FAR_CROSS, CROSS + CORNERS + KNIGHTS + FAR_CROSS]
CHOICES = [(False, shift) for shift in (0, -1, 1, -2, 2, -3, 3, -4, -5)]
CHOICES += [(True, shift) for shift in (-4, -8, -12, -16, -20, -24)]
WEIGHTS = load_file(Path(stereocodec.__file__).parent / "depth_coding" / "network.safetensors")


def decode(data, holes, steps, ppm, invalid):
    """The samples of a stream as lists, None in holes."""
    kind, position = data[0], 1
    numbers = []
    for _ in range(3 if kind & 1 else 2):
        value, shift = 0, 0
        while True:
            byte, position = data[position], position + 1
            value, shift = value | (byte & 127) << shift, shift + 7
            if byte < 128:
                break
        numbers.append(value)
    decoder = StreamDecoder(data[position:])
    low, extent = numbers[:2]
    if kind & 1:
        flat = [[False] * (numbers[2] + 1)]
        standing = [low + v for v in walk(flat, extent + 1, "smooth", decoder)[0]]
    else:
        standing = bins(low, low + extent, steps, ppm, invalid)
    found = walk(holes, len(standing), "smooth" if kind & 2 else "noisy", decoder)
    decoder.close()
    pairs = [zip(row, gone, strict=True) for row, gone in zip(found, holes, strict=True)]
    return [[None if hole else standing[n] for n, hole in row] for row in pairs]


def bins(low, high, steps, ppm, invalid):
    def permitted(sample):
        return max(steps, sample * ppm // 10**6)

    samples = [sample for sample in range(low, high + 1) if sample != invalid]
    standing = []
    while samples:
        first = samples[0]
        limit = first + permitted(first)
        limit -= limit == invalid
        last = max(t for t in samples if t - permitted(t) <= limit)
        least = last - permitted(last)
        middle = min(max((first + last) // 2, least), limit)
        if middle == invalid:
            middle += -1 if middle - 1 >= least else 1
        standing.append(middle)
        samples = [t for t in samples if t > last]
    return standing


def walk(holes, count, networks, decoder):
    height, width = len(holes), len(holes[0])
    known, sums = {}, {}
    first = count // 2
    if not holes[0][0]:
        first += int(take(decoder, [(54, 0, 0)])[0])
    known[0, 0] = (first, 0, 0)
    step = 2 ** (max(height, width) - 1).bit_length() // 2
    while step:
        for kind, (row, column) in enumerate([(1, 1), (0, 1), (1, 0)]):
            places = [
                (r, c) for r in range(row * step, height, 2 * step) for c in range(column * step, width, 2 * step)
            ]
            walk_pass(places, step, kind, holes, count, networks, decoder, known, sums)
        step //= 2
    return [[known[r, c][0] for c in range(width)] for r in range(height)]


def walk_pass(places, step, kind, holes, count, networks, decoder, known, sums):
    told = [expected(place, step, kind, holes, count, networks, known) for place in places]
    measured = [(place, t) for place, t in zip(places, told, strict=True) if not holes[place[0]][place[1]]]
    pairs = [sums.setdefault((kind, pair), [0] * len(CHOICES)) for pair in range(28)]
    totals = [sum(costs) // 16 for costs in zip(*pairs, strict=True)]
    coded = []
    for _, (m, x, scale, tail) in measured:
        costs = [cost + total for cost, total in zip(pairs[scale // 2], totals, strict=True)]
        coded.append(with_choice(CHOICES[costs.index(min(costs))], m, x, scale, tail))
    symbols = take(decoder, [table for _, _, table in coded])
    for (row, column), (_, x, _, _) in zip(places, told, strict=True):
        known[row, column] = ((x + 8) // 16, 0, 0)
    every = -(-len(measured) // 2048)
    for number, ((place, (m, x, scale, tail)), (q, sign, _), symbol) in enumerate(
        zip(measured, coded, symbols, strict=True)
    ):
        n = q + sign * symbol
        assert 0 <= n < count
        known[place] = (n, abs(16 * n - m), abs(16 * n - x))
        if number % every == 0:
            for which, choice in enumerate(CHOICES):
                other, sign, table = with_choice(choice, m, x, scale, tail)
                table = table_of(*table)
                radius, residual = (len(table) - 2) // 2, (n - other) * sign
                frequency = table[residual + radius] if abs(residual) <= radius else table[-1]
                pairs[scale // 2][which] += 384 - sixteenths(frequency)
    for costs in sums.values():
        if min(costs) > 2**19:
            costs[:] = [cost // 2 for cost in costs]


def with_choice(choice, m, x, scale, tail):
    """The expected bin, the sign of the symbol, and the table by scale, offset and tail."""
    centre = m if choice[0] else x
    q = (centre + 8) // 16
    return q, 1 if centre >= 16 * q else -1, (min(max(scale + choice[1], 0), 54), abs(centre - 16 * q), tail)


def expected(place, step, kind, holes, count, networks, known):
    """m, x, the scale and the tail of a pixel."""
    around = []
    for by_row, by_column in NEIGHBOURS[kind]:
        row, column = place[0] + step * by_row, place[1] + step * by_column
        inside = 0 <= row < len(holes) and 0 <= column < len(holes[0])
        around.append((*known[row, column], 1 if holes[row][column] else 16) if inside else (0, 0, 0, 0))
    total = sum(w for _, _, _, w in around[:4])
    m = (2 * sum(16 * w * n for n, _, _, w in around[:4]) + total) // (2 * total)
    d = [16 * n - m if w else 0 for n, _, _, w in around]
    spread = 16 + (sum(map(abs, d[:8])) + sum(rough for _, rough, _, _ in around[:8])) // 8
    j = spread.bit_length() - 1

    def scaled(value):
        return min(max(round(value * Decimal(64) / 2**j), -255), 255)

    u = [*map(scaled, d), *(scaled(rough) for _, rough, _, _ in around[:8])]
    u += [scaled(error) for _, _, error, _ in around[:4]]
    u.append(scaled(Decimal(sum(error for _, _, error, _ in around[4:])) / 8))
    u += [4 * w for _, _, _, w in around[:4]]
    u.append(sum(16 - w for _, _, _, w in around[4:]))
    u += [64 * spread // 2**j - 64, 16 * (j - 4), 8 * (m % 16) - 64, 32 * min(int(math.log2(step)), 7), 64]
    o = answers(f"{networks}.{kind}", np.array(u, dtype=np.int64))
    offset = min(max(o[0], -(2**17)), 2**17)
    x = min(max(m + (2**j * offset + 2**14) // 2**15, 0), 16 * (count - 1))
    scale = min(max((4 * (o[1] + 2**15 * j) + 2**14) // 2**15, 0), 54)
    return m, x, scale, min(max((o[2] + 2**14) // 2**15, 0), 3)


def answers(name, u):
    tensor = {part: WEIGHTS[f"{name}.{part}"].astype(np.int64) for part in ("first", "second", "third", "direct")}
    bias = {part: WEIGHTS[f"{name}.{part}_bias"].astype(np.int64)[:, 0] for part in ("second", "third")}

    def act(sums):
        return np.array([min(max(round(Decimal(int(v)) / 512), 0), 255) for v in sums])

    g = act(tensor["second"] @ act(tensor["first"] @ u) + bias["second"])
    return [int(v) for v in tensor["third"] @ g + bias["third"] + tensor["direct"] @ u]


def take(decoder, tables):
    """The symbols of a pass, tail by tail."""
    symbols = np.zeros(len(tables), dtype=np.int64)
    for tail in range(4):
        chosen = [number for number, table in enumerate(tables) if table[2] == tail]
        numbers = np.array([order().index(row_of(*tables[number][:2])) for number in chosen], dtype=np.uint8)
        symbols[chosen] = decoder.take(numbers, table_set(tail))
    return symbols.tolist()


def step_of(scale):
    return 1 if scale < 12 else 2 if scale < 20 else 4 if scale < 28 else 16


def row_of(scale, offset):
    step = step_of(scale)
    return scale, min((offset + step // 2) // step * step, 8 // step * step)


@functools.cache
def order():
    return [(scale, offset) for scale in range(55) for offset in range(0, 9, step_of(scale))]


@functools.cache
def table_set(tail):
    tables = [np.array(table_of(*row, tail), dtype=np.uint32) for row in order()]
    return TableSet(tuple(tables), np.array([-((table.size - 2) // 2) for table in tables], dtype=np.int32))


@functools.cache
def table_of(scale, offset, tail):
    scale, offset = row_of(scale, offset)
    width = Decimal([4096, 4871, 5793, 6889][scale % 4] * 2 ** (scale // 4)) / 65536
    radius = min(2047, 8 + math.floor(24 * width))
    narrow, wide = masses(width, offset, radius), masses(8 * width, offset, radius)
    share = 2 ** (2 * tail + 2)
    table = [
        1 + (a * (share - 1) + b) // share * (2**24 - 2 * radius - 2) // 2**31
        for a, b in zip(narrow, wide, strict=True)
    ]
    table[radius] += 2**24 - sum(table)
    return table


@functools.cache
def masses(width, offset, radius):
    sides = []
    with localcontext() as context:
        context.prec = 60
        g = math.floor(2**32 * (-1 / width).exp())
        for side in (8 - offset, 8 + offset):
            term = math.floor(2**32 * (-side / (16 * width)).exp())
            beyond = []
            for _ in range(radius + 1):
                beyond.append(2**31 * term // (2**32 + term))
                term = term * g // 2**32
            sides.append(beyond)
    up, down = sides
    rising = [down[i - 1] - down[i] for i in range(radius, 0, -1)]
    falling = [up[i - 1] - up[i] for i in range(1, radius + 1)]
    return [*rising, 2**31 - up[0] - down[0], *falling, up[radius] + down[radius]]


@functools.cache
def sixteenths(frequency):
    """How many k from 1 to 384 have 2^(k / 16) at most a frequency."""
    return (frequency**16).bit_length() - 1
