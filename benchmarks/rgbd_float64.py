"""What it costs to make frames with depth in float64 instead of float32: times to decode one, in turns.

    python benchmarks/rgbd_float64.py [--size 480 640] [--rounds 5]

Prints medians of processor time, on one thread, and their ratio.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import as_bisic  # noqa: F401  # before numpy and PyTorch
import numpy as np
import torch

from stereocodec import RgbdCodec


def main(arguments: list[str] | None = None) -> None:
    """Times both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=2, default=(480, 640), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    exact, single = (RgbdCodec.from_pretrained("rgbd-rooms", device="cpu") for _ in range(2))
    single._coder.model.synthesis.float()
    row, column = np.mgrid[: options.size[0], : options.size[1]]
    color = np.stack([row % 256, column % 256, (row + column) % 256], -1).astype(np.uint8)
    data = exact.compress(color, (1000 + 9 * row + 3 * column).astype(np.uint16))
    times: dict[str, list[float]] = {"float64": [], "float32": []}
    for _ in range(options.rounds):
        for name, codec in (("float64", exact), ("float32", single)):
            start = time.process_time()
            codec.decode(data)
            times[name].append(time.process_time() - start)
    double, float32 = (median(times[name]) for name in ("float64", "float32"))
    print(f"decode: float64 {double:.2f} s, float32 {float32:.2f} s, ratio {double / float32:.2f}")


if __name__ == "__main__":
    main()
