"""BD-rates between the rows of runs' validation, for scripts that compare training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bjontegaard import bd_rate

Rows = Sequence[Mapping[str, float]]
# What is coded at low, middle and high quality: thirds of the range of the built-in model.
BANDS = {"all": (0.0, 100.0), "below 30 dB": (0.0, 30.0), "30 to 34 dB": (30.0, 34.0), "above 34 dB": (34.0, 100.0)}


def percents(test: Rows, reference: Rows) -> list[str]:
    """More bits at equal PSNR in each of BANDS, in per cent; "-" where the curves do not overlap there."""
    return [_shown(test, reference, *band) for band in BANDS.values()]


def points(rows: Rows) -> str:
    """The points of a curve, for people."""
    return ", ".join(f"{row['bpp']:.3f} bpp {row['psnr']:.2f} dB" for row in rows)


def _shown(test: Rows, reference: Rows, low: float, high: float) -> str:
    start = max(low, test[0]["psnr"], reference[0]["psnr"])
    end = min(high, test[-1]["psnr"], reference[-1]["psnr"])
    if end - start < 0.5:
        return "-"
    curves = [_clipped(rows, start, end) for rows in (reference, test)]
    (rates, levels), (test_rates, test_levels) = curves
    more = bd_rate(rates, levels, test_rates, test_levels, method="pchip", require_matching_points=False, min_overlap=0)
    return f"{more:+.1f}"


def _clipped(rows: Rows, start: float, end: float) -> tuple[list[float], list[float]]:
    """Rates and PSNR of a curve between two levels, with points at both that lie on the whole curve."""
    import numpy as np
    from scipy.interpolate import PchipInterpolator

    whole = PchipInterpolator([row["psnr"] for row in rows], np.log([row["bpp"] for row in rows]))
    levels = [start, *(row["psnr"] for row in rows if start < row["psnr"] < end), end]
    return [float(np.exp(whole(level))) for level in levels], levels
