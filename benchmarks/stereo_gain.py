"""How many bits the left view saves in the right one.

    python benchmarks/stereo_gain.py --data DIR

Each pair is coded as it is and with its right view rolled upwards by half its height: the same content, but no row
finds its match on the same row of the other view. The BD-rate between the two (PSNR) is what the codec makes of the
stereo geometry. The same with the left view in the place of the right one is the ceiling: a right view that holds
nothing new. The rolled view has one seam that the true one does not have, which costs it a little.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from bd_rates import pair_bd_rate
from markdown_tables import publish, table
from memory_points import chosen_pairs, coded_point, conditions, load_codec, pairs_parser
from rd_points import EvaluationPair, Point, View, manifest_column

from stereocodec import StereoCodec
from stereocodec.errors import UnlikelyPair

QUALITIES = (20, 40, 60, 80)
GRID = 16  # rows: block transforms cut the rolled view into the same blocks as the true one


@dataclass(frozen=True)
class Gain:
    """The points of a pair, of the pair with its right view rolled, and the same of the left view twice."""

    pair: EvaluationPair
    true: Sequence[Point]
    rolled: Sequence[Point]
    same: Sequence[Point]
    same_rolled: Sequence[Point]

    @property
    def percent(self) -> float | None:
        """BD-rate of the true pair against the rolled one; None when no range of PSNR is common to both."""
        return _percent(self.true, self.rolled)

    @property
    def ceiling(self) -> float | None:
        """`percent` of a right view that equals the left one."""
        return _percent(self.same, self.same_rolled)


def main() -> None:
    """Measures the pairs and prints the report."""
    arguments = pairs_parser(__doc__).parse_args()
    pairs, codec = chosen_pairs(arguments), load_codec(arguments)
    gains = []
    for pair in pairs:
        gains.append(measure(codec, pair))
        print(f"{pair.name}: {_shown(gains[-1].percent)} %", file=sys.stderr, flush=True)
    what = f"pairs: {len(pairs)}, qualities {', '.join(map(str, QUALITIES))}"
    disparities = manifest_column(arguments.data, "median_disparity_px")
    publish(report(gains, disparities, conditions(codec, what)), "stereo-gain", arguments.markdown)


def rolled(view: View) -> View:
    """A view (H, W, 3) rolled upwards by half its height, in whole steps of GRID rows where it has as many."""
    height: int = view.shape[0]
    return np.roll(view, -(height // 2 // GRID * GRID or height // 2), axis=0)


def measure(codec: StereoCodec, pair: EvaluationPair) -> Gain:
    """All points of a pair."""
    left, right = pair.load()
    seconds = (right, rolled(right), left, rolled(left))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnlikelyPair)  # as rolled ones are meant to be
        points = [
            [coded_point(codec, pair.name, pair.group, (left, second), quality) for quality in QUALITIES]
            for second in seconds
        ]
    return Gain(pair, *points)


def report(gains: Sequence[Gain], disparities: dict[str, str], first_line: str) -> str:
    """The table of all pairs, by their median disparities where these are known, and the means per group."""
    gains = sorted(gains, key=lambda gain: -float(disparities.get(gain.pair.name, 0)))
    header = ["pair", "group", "median disparity, px", "BD-rate, %", "left view twice, BD-rate, %"]
    header += [f"bytes, q{q}, against rolled, %" for q in QUALITIES]
    rows = [
        [
            gain.pair.name,
            gain.pair.group,
            disparities.get(gain.pair.name, "-"),
            _shown(gain.percent),
            _shown(gain.ceiling),
            *(f"{100 * (a.file_bytes / b.file_bytes - 1):+.1f}" for a, b in zip(gain.true, gain.rolled, strict=True)),
        ]
        for gain in gains
    ]
    groups = sorted({gain.pair.group for gain in gains})
    rows += [_mean_row(f"**mean, {name}**", [g for g in gains if g.pair.group == name]) for name in groups]
    rows.append(_mean_row("**mean**", gains))
    return f"{first_line}\n\n{table(header, rows, text_columns=2)}"


def _mean_row(name: str, gains: Sequence[Gain]) -> list[str]:
    changes = [
        np.mean([100 * (g.true[i].file_bytes / g.rolled[i].file_bytes - 1) for g in gains])
        for i in range(len(QUALITIES))
    ]
    means = [_shown(_mean([g.percent for g in gains])), _shown(_mean([g.ceiling for g in gains]))]
    return [name, "", "", *means, *(f"{value:+.1f}" for value in changes)]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _percent(test: Sequence[Point], reference: Sequence[Point]) -> float | None:
    rate = pair_bd_rate(test, reference, "psnr")
    return None if rate is None else rate.percent


def _shown(percent: float | None) -> str:
    return "-" if percent is None else f"{percent:+.1f}"


if __name__ == "__main__":
    main()
