"""What choosing disparities among several fields saves, by what the networks make of them.

    python benchmarks/disparity_fields.py --data DIR --markdown docs/effort.md

Of each pair a part in the middle is coded as by effort 6, with fewer and more fields to choose from. Costs are the bits
of files and what the errors of their pictures are worth at the lambda of the quality, so that a single quality can be
compared. Times are those of this thread alone.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from statistics import fmean, median
from unittest.mock import patch

import numpy as np
import torch
from effort import QUALITIES, middle
from markdown_tables import publish, table
from memory_points import chosen_pairs, conditions, load_codec, pairs_parser
from rd_points import View

from stereocodec import StereoCodec
from stereocodec.effort import EFFORTS

LEVEL, FIELDS = 6, (1, 3, 4)
PART = (384, 256)


def main() -> None:
    """Codes all parts in all ways and prints the table."""
    arguments = pairs_parser(__doc__).parse_args()
    pairs, codec = chosen_pairs(arguments), load_codec(arguments)
    torch.set_num_threads(1)
    saved: dict[tuple[int, int], list[float]] = {(count, q): [] for count in FIELDS for q in QUALITIES}
    seconds: dict[int, list[float]] = {count: [] for count in FIELDS}
    for pair in pairs:
        views = middle(pair, PART)
        for quality in QUALITIES:
            found = {count: coded(codec, views, quality, count) for count in FIELDS}
            for count, (cost, taken) in found.items():
                saved[count, quality].append(100 * (cost / found[FIELDS[0]][0] - 1))
                seconds[count].append(taken)
        print(pair.name, file=sys.stderr, flush=True)
    rows = []
    for count in FIELDS:
        costs = (saved[count, quality] for quality in QUALITIES)
        shown = (f"{median(c):+.2f} % ({fmean(c):+.2f}, {min(c):+.2f} to {max(c):+.2f})" for c in costs)
        rows.append([str(count), *shown, f"{median(seconds[count]):.2f} s"])
    header = ["fields", *(f"cost at quality {quality}" for quality in QUALITIES), "encoding takes"]
    line = conditions(codec, f"{len(pairs)} pairs, {PART[0]}x{PART[1]} of each; medians, with means and ranges")
    publish(f"{line}\n\n{table(header, rows)}", "disparity-fields", arguments.markdown)


def coded(codec: StereoCodec, views: tuple[View, View], quality: int, fields: int) -> tuple[float, float]:
    """The cost of a pair in bits, and the seconds of encoding."""
    with patch.dict(EFFORTS, {LEVEL: replace(EFFORTS[LEVEL], fields=fields)}):
        start = time.thread_time()
        data = codec.compress(*views, quality=quality, effort=LEVEL)
        seconds = time.thread_time() - start
    decoded = codec.decompress(data, output="numpy")
    errors = float(np.square(np.stack(views) - np.stack(decoded).astype(float)).sum()) / 3
    return 8 * len(data) + errors * float(codec._coder.model.trade_off(torch.tensor([quality / 100]))), seconds


if __name__ == "__main__":
    main()
