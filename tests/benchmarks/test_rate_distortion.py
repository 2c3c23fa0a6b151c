"""The rate-distortion benchmark: BD-rates against numbers computed elsewhere, and the script on a small pair."""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import replace

import bd_rates
import markdown_tables
import pytest
import rd_points
import rd_report
from conftest import REPOSITORY, sample_crop
from PIL import Image

from stereocodec.evaluation.bd_rate import all_comparisons

BENCHMARKS = REPOSITORY / "benchmarks"

# Middlebury's Aloe (1088x928): bytes of both files, mean PSNR (dB) and mean MS-SSIM of JPEG 4:2:0 (Pillow,
# libjpeg-turbo 3.2.0) and of BPG 4:4:4 (libbpg 0.9.8, x265), measured apart from this repository.
JPEG = (
    (28761, 23.9572, 0.749962),
    (64116, 27.3090, 0.882402),
    (118571, 30.0093, 0.938667),
    (180904, 32.0584, 0.964047),
    (245175, 33.5968, 0.976260),
    (345363, 35.3174, 0.984645),
    (517939, 37.3445, 0.990550),
    (730854, 39.4321, 0.994112),
)
BPG = (
    (390296, 40.1948, 0.994906),
    (260159, 37.4926, 0.990281),
    (166206, 34.8175, 0.981361),
    (101204, 32.2602, 0.964934),
    (56594, 29.7710, 0.933582),
    (26953, 27.4545, 0.873602),
    (9844, 25.4691, 0.763868),
)


def make_points(codec, measured):
    """Points of one codec on one pair from (bytes, PSNR, MS-SSIM)."""
    return [
        rd_points.Point(codec, "aloe", "middlebury", f"q{i}", size, size / 252416, db, db, db, similarity, 0, 0)
        for i, (size, db, similarity) in enumerate(measured)
    ]


def known_rates(test, references):
    """The comparisons of points that are not refused."""
    return [found for found in all_comparisons(test, references) if isinstance(found, bd_rates.BdRate)]


@pytest.mark.parametrize(
    ("metric", "percent", "low", "high"), [("psnr", 111.43, 25.47, 39.43), ("msssim_db", 100.73, 6.27, 22.30)]
)
def test_bd_rate_is_the_known_one_of_two_classical_codecs(metric, percent, low, high):
    rate = bd_rates.pair_bd_rate(make_points("jpeg420", JPEG), make_points("bpg", BPG), metric)
    assert rate.percent == pytest.approx(percent, abs=0.01)
    assert (rate.low_db, rate.high_db) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))
    assert (rate.codec, rate.reference, rate.pair, rate.group) == ("jpeg420", "bpg", "aloe", "middlebury")


def test_half_the_bytes_at_equal_quality_are_minus_fifty_per_cent():
    half = make_points("half", [(size // 2, db, similarity) for size, db, similarity in JPEG])
    rates = known_rates(half, make_points("jpeg420", JPEG) + make_points("bpg", BPG))
    against_jpeg = [rate.percent for rate in rates if rate.reference == "jpeg420"]
    assert against_jpeg == pytest.approx([-50, -50], abs=0.01)
    assert len(rates) == 4


def test_curves_without_a_common_range_have_no_bd_rate():
    assert bd_rates.pair_bd_rate(make_points("low", JPEG[:2]), make_points("high", JPEG[2:]), "psnr") is None
    assert bd_rates.pair_bd_rate(make_points("one", JPEG[:1]), make_points("bpg", BPG), "psnr") is None


def test_points_that_a_smaller_file_equals_are_left_out_and_named():
    points = make_points("jpeg420", JPEG)
    points[3] = replace(points[3], psnr=points[2].psnr, psnr_left=points[2].psnr)
    assert bd_rates.rising(points, "psnr") == points[:3] + points[4:]
    assert bd_rates.rising(points[::-1], "msssim_db") == points
    rates = known_rates(points, make_points("bpg", BPG))
    text = rd_report.report(points, make_points("bpg", BPG), rates, "")
    assert "not after q2" in text
    assert "aloe 1 (PSNR)" in text


def test_marked_block_of_a_page_is_replaced_and_nothing_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- begin: x -->\nold\n<!-- end: x -->\nb\n", encoding="utf-8")
    for text in ("one", "two"):
        markdown_tables.replace_block(page, "x", markdown_tables.table(["h", "n"], [[text, "1"]]))
    expected = "a\n<!-- begin: x -->\n| h | n |\n| --- | ---: |\n| two | 1 |\n<!-- end: x -->\nb\n"
    assert page.read_text(encoding="utf-8") == expected
    with pytest.raises(SystemExit, match="begin: y"):
        markdown_tables.replace_block(page, "y", "")


@pytest.mark.slow
def test_script_measures_real_files_once(tmp_path, tiny_release):
    pairs, results = tmp_path / "pairs", tmp_path / "results"
    pairs.mkdir()
    for side, view in zip(("left", "right"), sample_crop(170, 200), strict=True):
        Image.fromarray(view).save(pairs / f"scene_{side}.png")
    script = [sys.executable, "-W", "error", BENCHMARKS / "rate_distortion.py", "--data", pairs, "-o", results]
    options = ["--model", tiny_release, "--qualities", "20,80", "--anchors", "jpeg", "--plot", tmp_path / "plot.png"]
    command = [*map(str, script), *map(str, options)]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    with (results / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    written = {row["key"]: (results / row["files"].split()[0]).stat().st_mtime_ns for row in rows}
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    assert second.stdout == first.stdout
    assert "JPEG 4:2:0" in first.stdout
    assert {row["key"]: (results / row["files"].split()[0]).stat().st_mtime_ns for row in rows} == written
    ours = {row["setting"]: row for row in rows if row["codec"] == "tiny"}
    assert ours.keys() == {"q20", "q80"}
    for row in ours.values():
        size = (results / row["files"]).stat().st_size
        assert int(row["bytes"]) == size
        assert float(row["bpp"]) == pytest.approx(8 * size / (2 * 170 * 200), abs=1e-5)
        assert float(row["psnr"]) == pytest.approx((float(row["psnr_left"]) + float(row["psnr_right"])) / 2, abs=1e-4)
    assert sum(row["codec"] == "jpeg420" for row in rows) == 8
    with Image.open(tmp_path / "plot.png") as plot:
        assert plot.width > 600
