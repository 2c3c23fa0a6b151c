"""What is said of pairs that are as they should be, and of the same pairs spoilt.

    python benchmarks/pair_checks.py --data DIR

Spoilt pairs have their views exchanged, their right view moved by 1, 2 or 12 rows either way, or the left view of the
pair before. Parallel cameras are all that the data have; to tell what is said of views that are cut for a screen, as of
films, the right view is also moved so that the middle of the scene, or its nearest part, has disparity 0.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np
from markdown_tables import publish, table
from memory_points import chosen_pairs, pairs_parser
from rd_points import View

from stereocodec.pictures.view_match import match_views

KINDS = {
    "exchanged": "left and right",
    "rows off": "the right view",
    "other scenes": "these do not",
}


def main() -> None:
    """Checks the pairs and prints the report."""
    arguments = pairs_parser(__doc__).parse_args()
    said: dict[str, list[str | None]] = {}
    seconds, megapixels, before = 0.0, 0.0, None
    for pair in chosen_pairs(arguments):
        views = pair.load()
        for name, (left, right) in spoilt(views, before):
            started = time.perf_counter()
            doubt = match_views(left, right).doubt
            seconds += time.perf_counter() - started
            megapixels += left.shape[0] * left.shape[1] / 1e6
            said.setdefault(name, []).append(doubt)
            if (name == "as it is") == (doubt is not None) and not name.startswith("cut"):
                print(f"{pair.name}, {name}: {doubt}", file=sys.stderr, flush=True)
        before = views[0]
    publish(report(said, 1000 * seconds / megapixels), "pair-checks", arguments.markdown)


def spoilt(views: tuple[View, View], other: View | None) -> Iterator[tuple[str, tuple[View, View]]]:
    """The pair and all that is made of it, with names; other: a view of another scene."""
    left, right = views
    yield "as it is", (left, right)
    yield "exchanged", (right, left)
    for rows in (1, 2, 12):
        yield f"right view {rows} higher", (left[:-rows], right[rows:])
        yield f"right view {rows} lower", (left[rows:], right[:-rows])
    if other is not None:
        height, width = (min(a, b) for a, b in zip(other.shape[:2], right.shape[:2], strict=True))
        yield "other scene", (other[:height, :width], right[:height, :width])
    disparity = match_views(left, right).disparity or 0
    for name, part in (("cut for a screen, in the middle", 1.0), ("cut for a screen, nearest", 1.8)):
        cut = int(np.clip(part * disparity, 0, left.shape[1] // 3))
        yield name, (left[:, cut:], right[:, : left.shape[1] - cut])


def report(said: dict[str, list[str | None]], milliseconds: float) -> str:
    """How often what was said, and what it took in milliseconds per megapixel of a view."""
    rows = []
    for name, doubts in said.items():
        counts = [sum((doubt or "").startswith(start) for doubt in doubts) for start in KINDS.values()]
        rows.append([name, str(len(doubts)), *map(str, counts)])
    return f"{milliseconds:.0f} ms per megapixel of a view\n\n{table(['pair', 'checked', *KINDS], rows)}"


if __name__ == "__main__":
    main()
