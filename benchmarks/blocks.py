"""Whether the borders of blocks show: steps across columns where blocks meet against steps across other columns.

    python benchmarks/blocks.py --data ../shared/data/eval [--markdown docs/benchmarks.md]

A step is the mean absolute difference of neighbouring columns of a decoded right view; the ratio is that across the
borders of 16-pixel blocks to that across all others. The originals have no such borders: theirs is what chance gives.
"""

from __future__ import annotations

import numpy as np
from markdown_tables import publish, table
from memory_points import chosen_pairs, conditions, load_codec, pairs_parser
from rd_points import View

BLOCK, QUALITIES = 16, (10, 30, 50)


def main() -> None:
    """Codes the pairs, measures and prints the table."""
    arguments = pairs_parser(__doc__).parse_args()
    codec, rows = load_codec(arguments), []
    for pair in chosen_pairs(arguments):
        left, right = pair.load()
        ratios = [prominence(right)]
        for quality in QUALITIES:
            data = codec.compress(left, right, quality=quality)
            ratios.append(prominence(codec.decompress(data, output="numpy")[1]))
        rows.append([pair.name, *ratios])
    rows.append(["**mean**", *np.mean([row[1:] for row in rows], 0)])
    shown = [[name, *(f"{ratio:.2f}" for ratio in ratios)] for name, *ratios in rows]
    tables = table(["right view of", "original", *(f"quality {quality}" for quality in QUALITIES)], shown)
    publish(f"{conditions(codec, f'pairs: {len(rows) - 1}')}\n\n{tables}", "blocks", arguments.markdown)


def prominence(view: View) -> float:
    """Steps across borders of blocks against others, of a picture (H, W, 3) uint8."""
    steps = np.abs(np.diff(view.astype(np.int16), axis=1)).mean((0, 2))
    is_border = np.arange(len(steps)) % BLOCK == BLOCK - 1
    return float(steps[is_border].mean() / steps[~is_border].mean())


if __name__ == "__main__":
    main()
