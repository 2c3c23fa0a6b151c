"""How the releases learned: validation of each against the last of the first, over the crop pairs seen.

    python benchmarks/training_plot.py docs/validation/bisic-rt-2.csv docs/validation/bisic-rt-3.csv \\
        -o docs/images/training.png

Tables with the columns crop_pairs, quality, bpp and psnr (estimated bits on the recipe's validation scenes). Prints a
row per validation with BD-rates in PSNR, and draws those over the whole range.
"""

from __future__ import annotations

import argparse
import csv
from itertools import groupby
from pathlib import Path

import matplotlib.pyplot as plt
from markdown_tables import table
from validation_curves import BANDS, Rows, percents


def main() -> None:
    """Prints the table and draws the plot."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("logs", type=Path, nargs="+", metavar="CSV", help="the reference first")
    options.add_argument("-o", "--output", type=Path, metavar="PNG")
    arguments = options.parse_args()
    curves = {path.stem: read(path) for path in arguments.logs}
    reference = list(curves[arguments.logs[0].stem].values())[-1]
    rows = [
        [name, f"{pairs:,}", *percents(rows, reference)]
        for name, curve in curves.items()
        for pairs, rows in curve.items()
    ]
    print(table(["release", "crop pairs", *(f"BD-rate, {band}, %" for band in BANDS)], rows))
    if arguments.output:
        draw(rows, arguments.output)


def read(path: Path) -> dict[int, Rows]:
    """The curves of a log by crop pairs."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return {int(pairs): list(rows) for pairs, rows in groupby(lines, lambda row: row["crop_pairs"])}


def draw(rows: list[list[str]], path: Path) -> None:
    """Bits against the reference's last over crop pairs, a line per release."""
    figure, axes = plt.subplots(figsize=(7, 4))
    for name, same in groupby(rows, lambda row: row[0]):
        places = [(int(row[1].replace(",", "")), float(row[2])) for row in same if row[2] != "-"]
        axes.plot(*zip(*places, strict=True), marker="o", markersize=3, label=name)
    axes.axhline(0, color="grey", linewidth=0.5)
    axes.set(xlabel="crop pairs seen", ylabel=f"bits at equal PSNR against the last of {rows[0][0]}, %")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
