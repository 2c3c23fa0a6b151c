"""The one walk over a map: what is expected of each pixel, and the table of what it differs by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .neighbours import FINE, FINE_BITS, Integers, Known, Surroundings
from .network import ONE, ONE_BITS, Network, networks
from .passes import Pass, passes
from .tables import SCALES, TAILS, row_numbers
from .widths import Chosen, Told, Widths

_AT_ONCE = 8192  # pixels whose numbers stay in the processor's cache
_FIRST = (slice(0, 1), slice(0, 1))


class Coder(Protocol):
    """What a walk asks for the bins of a pass."""

    def __call__(self, places: tuple[slice, slice], measured: NDArray[np.bool_], chosen: Chosen) -> Integers:
        """The bins of a pass's measured pixels, (N,).

        places: of the pass. measured: which of its pixels are. chosen: what these are coded with.
        """
        ...


@dataclass(frozen=True)
class Expectation:
    """Of N pixels: the expected bins in 1/16 bins, and scale and tail of the table, each (N,)."""

    fine: Integers
    scales: Integers
    tails: Integers


def walk(holes: NDArray[np.bool_], count: int, smooth: bool, code: Coder) -> NDArray[np.int32]:
    """The bins of a map (H, W), each below `count`; those in holes are what was expected there.

    smooth: which set of networks says what to expect.
    """
    known, widths = Known(holes), Widths()
    middle = np.array([count >> 1])
    if not holes[0, 0]:
        middle = code(
            _FIRST, ~holes[_FIRST], Chosen(middle, np.ones_like(middle), row_numbers()[-1:, 0].astype(np.int64))
        )
    known.fill_first(int(middle[0]))
    for one in passes(holes.shape):
        _walk_pass(known, one, count, networks(smooth)[one.kind], widths, code)
    return known.bins


def _walk_pass(known: Known, one: Pass, count: int, network: Network, widths: Widths, code: Coder) -> None:
    measured = ~known.holes[one.places]
    around = surroundings(known, one)
    said = [expectation(part, network, count) for part in around]
    fine, scales, tails = (np.concatenate([getattr(e, n) for e in said]) for n in ("fine", "scales", "tails"))
    base = np.concatenate([part.base for part in around]).astype(np.int64)
    inside = measured.reshape(-1)
    told = Told(one.kind, fine[inside], base[inside], scales[inside], tails[inside])
    coded = code(one.places, measured, widths.choose(told))
    widths.learn(told, coded)
    bins = fine + FINE // 2 >> FINE_BITS
    bins[inside] = coded
    known.fill(one, bins, abs(bins * FINE - base), abs(bins * FINE - fine))


def surroundings(known: Known, one: Pass) -> list[Surroundings]:
    """Those of all pixels of a pass, some rows at a time."""
    rows, columns = known.holes[one.places].shape
    band = max(_AT_ONCE // columns, 1)
    return [known.around(one, first, min(first + band, rows)) for first in range(0, rows, band)]


def expectation(around: Surroundings, network: Network, count: int) -> Expectation:
    """What a network expects of pixels, in a map of `count` bins."""
    offset, width, tail = network.answers(around.inputs).astype(np.int64)
    magnitude = around.magnitude.astype(np.int64)
    half = ONE // 2
    fine = around.base + ((offset.clip(-4 * ONE, 4 * ONE) << magnitude) + half >> ONE_BITS)
    scales = 4 * (width + (magnitude << ONE_BITS)) + half >> ONE_BITS
    tails = tail + half >> ONE_BITS
    return Expectation(fine.clip(0, FINE * (count - 1)), scales.clip(0, SCALES - 1), tails.clip(0, TAILS - 1))
