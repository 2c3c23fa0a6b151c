"""The Markdown report on a codec's rate-distortion points."""

from __future__ import annotations

from collections.abc import Sequence

from markdown_tables import table
from rd_points import JPEG, Point

from stereocodec.evaluation.bd_rate import METRICS, BdRate, mean_percent, rising
from stereocodec.evaluation.titles import TITLES

SHOWN = (25, 50, 75, 100)


def report(points: Sequence[Point], references: Sequence[Point], rates: Sequence[BdRate], conditions: str) -> str:
    """All tables: BD-rates, points at four qualities beside JPEG, and properties per pair.

    `points` are one release's, `references` the other codecs', `rates` the BD-rates between them.
    """
    jpeg = [p for p in references if p.codec == JPEG]
    parts = [conditions]
    if rates:
        parts += [_bd_table(rates, metric) for metric in METRICS] + [_bd_per_pair(rates), _ranges_note(points)]
    parts += [_points_table(points, jpeg), _pairs_table(points, jpeg)]
    return "\n\n".join(parts)


def _bd_table(rates: Sequence[BdRate], metric: str) -> str:
    rates = [r for r in rates if r.metric == metric]
    groups = sorted({r.group for r in rates})
    rows = []
    for reference in _by_strength(rates):
        listed = [r for r in rates if r.reference == reference]
        means = [_percent([r for r in listed if r.group == group]) for group in groups]
        low, high = (sum(ends) / len(listed) for ends in ([r.low_db for r in listed], [r.high_db for r in listed]))
        rows.append([_name(reference), str(len(listed)), f"**{_percent(listed)}**", *means, f"{low:.1f} to {high:.1f}"])
    sizes = [len({r.pair for r in rates if r.group == group}) for group in groups]
    header = [f"BD-rate, {METRICS[metric]}, %", "pairs", "mean"]
    header += [f"{group} ({size})" for group, size in zip(groups, sizes, strict=True)] + ["common range, dB"]
    return table(header, rows)


def _bd_per_pair(rates: Sequence[BdRate]) -> str:
    rates = [r for r in rates if r.metric == "psnr"]
    references = _by_strength(rates)
    percent = {(r.pair, r.reference): f"{r.percent:+.1f}" for r in rates}
    pairs = sorted({r.pair for r in rates})
    rows = [[pair, *(percent.get((pair, reference), "-") for reference in references)] for pair in pairs]
    return table(["BD-rate per pair, PSNR, %", *map(_name, references)], rows)


def _ranges_note(points: Sequence[Point]) -> str:
    left_out = [
        f"{pair} {len(own) - len(rising(own, metric))} ({METRICS[metric]})"
        for pair, own in _by_pair(points).items()
        for metric in METRICS
        if len(rising(own, metric)) < len(own)
    ]
    out = f"Points left out because a smaller file was as good: {', '.join(left_out) or 'none'}."
    return (
        "Common range: from the mean of the lower ends to the mean of the upper ends of the dB ranges that both curves "
        f"cover; `bd.csv` has every pair's. {out}"
    )


def _points_table(points: Sequence[Point], jpeg: Sequence[Point]) -> str:
    header = ["pair", "quality", "bytes", "bpp", "PSNR l", "PSNR r", "MS-SSIM l", "MS-SSIM r"]
    header += ["JPEG 4:2:0", "bytes", "bpp", "PSNR l", "PSNR r", "MS-SSIM"]
    rows = []
    for pair, own in _by_pair(points).items():
        for point in own:
            if _quality(point) not in SHOWN:
                continue
            near = min((j for j in jpeg if j.pair == pair), key=lambda j: abs(j.psnr - point.psnr), default=None)
            similarity = [f"{value or 0:.4f}" for value in (point.msssim_left, point.msssim_right)]
            beside = [near.setting, *_rate_and_psnr(near), f"{near.msssim:.4f}"] if near else ["-"] * 6
            rows.append([pair, str(_quality(point)), *_rate_and_psnr(point), *similarity, *beside])
    return (
        "Whole files, both views; PSNR over RGB in dB and MS-SSIM, left and right view. Beside each point, the JPEG "
        "4:2:0 point of the nearest mean PSNR (its MS-SSIM is the mean of both views).\n\n" + table(header, rows)
    )


def _pairs_table(points: Sequence[Point], jpeg: Sequence[Point]) -> str:
    header = ["pair", "points", "mean gap, dB", "largest gap, dB", "JPEG's mean gap, dB"]
    header += ["bytes rise", "PSNR rises", "guard entries, all points", "most in a file"]
    rows = []
    for pair, own in _by_pair(points).items():
        guard = [point.guard_entries or 0 for point in own]
        rows.append(
            [pair, *_gaps(own, [j for j in jpeg if j.pair == pair]), *_rises(own), str(sum(guard)), str(max(guard))]
        )
    guard = [point.guard_entries or 0 for point in points]
    rises = [_rises(own) for own in _by_pair(points).values()]
    both = [f"{sum(rise[i] == 'yes' for rise in rises)} of {len(rises)}" for i in (0, 1)]
    rows.append(["**all**", *_gaps(points, jpeg), *both, str(sum(guard)), str(max(guard))])
    return (
        "Gap: |PSNR left - PSNR right|. Bytes and PSNR rise: strictly, from each measured quality to the next.\n\n"
        + table(header, rows)
    )


def _gaps(points: Sequence[Point], jpeg: Sequence[Point]) -> list[str]:
    gaps, jpeg_gaps = [p.gap for p in points], [p.gap for p in jpeg]
    of_jpeg = f"{sum(jpeg_gaps) / len(jpeg_gaps):.2f}" if jpeg_gaps else "-"
    return [str(len(points)), f"{sum(gaps) / len(gaps):.2f}", f"{max(gaps):.2f}", of_jpeg]


def _rises(points: Sequence[Point]) -> list[str]:
    """Whether bytes and PSNR of one pair rise strictly with quality, or the first quality after which they do not."""
    answers = []
    for values in ([p.file_bytes for p in points], [p.psnr for p in points]):
        falls = [i for i in range(len(values) - 1) if values[i + 1] <= values[i]]
        answers.append(f"**not after {points[falls[0]].setting}**" if falls else "yes")
    return answers


def _rate_and_psnr(point: Point) -> list[str]:
    return [f"{point.file_bytes:,}", f"{point.bpp:.3f}", f"{point.psnr_left:.2f}", f"{point.psnr_right:.2f}"]


def _by_strength(rates: Sequence[BdRate]) -> list[str]:
    """The references, hardest to beat first."""
    names = {r.reference for r in rates}
    return sorted(names, key=lambda name: -mean_percent([r for r in rates if r.reference == name]))


def _by_pair(points: Sequence[Point]) -> dict[str, list[Point]]:
    """Each pair's points by quality."""
    pairs = sorted({p.pair for p in points})
    return {pair: sorted((p for p in points if p.pair == pair), key=_quality) for pair in pairs}


def _quality(point: Point) -> int:
    return int(point.setting.removeprefix("q"))


def _name(codec: str) -> str:
    return TITLES.get(codec, codec)


def _percent(rates: Sequence[BdRate]) -> str:
    return f"{mean_percent(rates):+.1f}" if rates else "-"
