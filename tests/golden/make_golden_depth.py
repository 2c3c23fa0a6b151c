"""Writes `depth.json`: small maps, and the streams that they were coded to.

    python tests/golden/make_golden_depth.py

To be run when the format of depth samples changes before a release, and only then: afterwards a change of these bytes
is one of everybody's files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent / "depth_coding"))

from stereocodec.depth_coding import DepthBound, decode_depth, encode_depth  # noqa: E402

CASES = [("holes", 0, 0), ("holes", 3, 0), ("steps", 0, 0), ("bytes", 0, 0), ("two", 0, 0), ("row", 0, 20_000)]


def main() -> None:
    """Codes the maps of the tests."""
    if not (FOLDER / "depth.json").exists():
        (FOLDER / "depth.json").write_text("[]\n", encoding="utf-8")  # which the tests' module wants to read
    from test_samples import maps

    golden = []
    for name, steps, ppm in CASES:
        samples, bound = dict(maps())[name], DepthBound(steps, ppm)
        data = encode_depth(samples, samples == 0, bound, 0)
        decoded = decode_depth(data, samples == 0, 8 * samples.itemsize, bound, 0)
        total = int(decoded.astype(np.int64).sum())
        golden.append({"name": name, "steps": steps, "ppm": ppm, "sum": total, "stream": data.hex()})
    (FOLDER / "depth.json").write_text(json.dumps(golden, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
