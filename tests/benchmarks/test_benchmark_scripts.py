"""The scripts on pairs coded in memory: unusual pictures beside JPEG, mirrored pairs, what the left view saves."""

from __future__ import annotations

import csv
import importlib
import io
import math
import sys
from dataclasses import replace

import encoder_choices
import memory_points
import numpy as np
import out_of_distribution
import patterns
import pytest
import rd_points
import stereo_gain
import symmetry
from conftest import sample_crop, save_tiny, tiny_model
from PIL import Image

from stereocodec import StereoCodec
from stereocodec.entropy.density_tables import residual_tables
from stereocodec.entropy.lattice import Lattice
from stereocodec.releases.release import coding_tables

pytestmark = pytest.mark.slow


@pytest.fixture
def disk_pair(tmp_path):
    """A pair of files with a manifest; the right view is darker."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    left, right = sample_crop(64, 96)
    for side, view in {"left": left, "right": right // 2}.items():
        Image.fromarray(view).save(folder / f"scene_{side}.png")
    (folder / "manifest.csv").write_text("name,group,median_disparity_px\nscene,near,31.5\n", encoding="utf-8")
    return rd_points.find_pairs(folder)[0]


class JpegCodec:
    """Two JPEG files; views that are treated alike. The right one costs nothing where it equals the left one."""

    name, model_id = "jpeg", b"\0"

    def compress(self, left, right, *, quality):
        views = [left] if np.array_equal(left, right) else [left, right]
        files = [io.BytesIO() for _ in views]
        for file, view in zip(files, views, strict=True):
            Image.fromarray(view).save(file, "JPEG", quality=quality, subsampling="4:4:4", optimize=True)
        lengths = len(files[0].getvalue()).to_bytes(4, "little")
        return lengths + b"".join(file.getvalue() for file in files)

    def decompress(self, data, *, output):
        assert output == "numpy"
        end = 4 + int.from_bytes(data[:4], "little")
        files = [data[4:end], data[end:] or data[4:end]]
        return tuple(np.asarray(Image.open(io.BytesIO(file))) for file in files)


class LopsidedCodec(JpegCodec):
    """Codes the right view at a worse quality than the left one."""

    def compress(self, left, right, *, quality):
        worse = super().compress(right, right, quality=quality // 2)[4:]
        better = super().compress(left, left, quality=quality)
        return better + worse


@pytest.fixture
def run(monkeypatch):
    """Runs a script's main() with these arguments."""

    def main(script, *arguments):
        monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
        return importlib.import_module(script).main()

    return main


def page_with_block(folder, name):
    page = folder / "page.md"
    page.write_text(f"<!-- begin: {name} -->\n<!-- end: {name} -->\n", encoding="utf-8")
    return page


def test_patterns_are_what_they_are_called_and_the_same_at_every_call():
    views = {pattern.name: pattern.draw(32, 48) for pattern in patterns.patterns()}
    assert len(views) == len(patterns.patterns())
    for pattern in patterns.patterns():
        for first, again in zip(views[pattern.name], pattern.draw(32, 48), strict=True):
            assert (first.shape, first.dtype) == ((32, 48, 3), np.uint8)
            np.testing.assert_array_equal(first, again)
    board, wide_board = views["checkerboard red/cyan, 2 px"][0], views["checkerboard black/white, 8 px"][0]
    assert board[0, :6].tolist() == [[255, 0, 0]] * 2 + [[0, 255, 255]] * 2 + [[255, 0, 0]] * 2
    np.testing.assert_array_equal(wide_board[8:16], 255 - wide_board[:8])
    stripes = views["stripes of 1 px red/green, horizontal"][0]
    assert stripes[:3, 0].tolist() == [[255, 0, 0], [0, 255, 0], [255, 0, 0]]
    assert (stripes == stripes[:, :1]).all()
    assert not views["flat black"][1].any()
    text = views["text, black on white"][0]
    assert text.min() < 64
    assert 0.5 < (text == 255).mean() < 0.95


def test_shifted_patterns_are_planes_and_unrelated_views_are_not():
    views = {pattern.name: pattern.draw(32, 48) for pattern in patterns.patterns()}
    shift = patterns.DISPARITY
    for name in ("noise, right view shifted", "text, red on green", "gradient over all hues"):
        left, right = views[name]
        np.testing.assert_array_equal(left[:, shift:], right[:, :-shift])
    for name in ("noise, each view its own", "two unrelated scenes", "scene and noise"):
        left, right = (view.astype(float).ravel() for view in views[name])
        assert abs(np.corrcoef(left, right)[0, 1]) < 0.5
    left, right = views["right view inverted"]
    assert np.corrcoef(left.mean(axis=(1, 2)), right.mean(axis=(1, 2)))[0, 1] < -0.5


def test_jpeg_bytes_at_equal_psnr_are_those_of_its_files_and_between():
    views = sample_crop(64, 96)
    curve = out_of_distribution.jpeg_curve("scene", views)
    assert [point.psnr for point in curve] == sorted({point.psnr for point in curve})
    file = sum(len(rd_points.jpeg_bytes(view, 50, "4:4:4")) for view in views)
    middle = next(point for point in curve if point.setting == "q50")
    assert middle.file_bytes == file
    assert out_of_distribution.equal_psnr(curve, middle.psnr) == (pytest.approx(file), "")
    low, high = curve[5], curve[6]
    between, beyond = out_of_distribution.equal_psnr(curve, (low.psnr + high.psnr) / 2)
    assert between == pytest.approx(math.sqrt(low.file_bytes * high.file_bytes))
    assert beyond == ""
    assert out_of_distribution.equal_psnr(curve, curve[0].psnr - 1) == (curve[0].file_bytes, "below")
    assert out_of_distribution.equal_psnr(curve, curve[-1].psnr + 1) == (None, "above")
    lossless = [*curve[:5], replace(curve[5], psnr=math.inf)]
    assert out_of_distribution.equal_psnr(lossless, curve[4].psnr + 1) == (curve[5].file_bytes, "")
    assert out_of_distribution.equal_psnr(lossless, math.inf) == (curve[5].file_bytes, "")


def test_verdicts_follow_the_limits():
    views = sample_crop(32, 32)
    dark = tuple(view // 2 for view in views)
    point = memory_points.memory_point(("c", "p", "g", "q100"), views, 1000, views)
    assert (point.psnr, point.bpp) == (math.inf, 8000 / 2048)

    def failures(jpeg, raw, psnrs=(31, 31), noise=()):
        measured = replace(point, psnr_left=psnrs[0], psnr_right=psnrs[1], psnr=sum(psnrs) / 2)
        comparison = out_of_distribution.Comparison(measured, jpeg, "", raw)
        return out_of_distribution.failures(patterns.Pattern("p", lambda h, w: dark, noise), [comparison])

    assert failures(jpeg=834, raw=900) == []
    assert failures(jpeg=833, raw=1001) == []
    assert failures(jpeg=833, raw=1000) == ["bytes"]
    assert failures(jpeg=None, raw=1001) == []
    assert failures(jpeg=None, raw=1000) == ["bytes"]
    assert failures(jpeg=833, raw=1000, psnrs=(30, 30)) == ["bytes", "PSNR"]
    assert failures(jpeg=900, raw=1, psnrs=(31, 8)) == ["PSNR"]
    assert failures(jpeg=900, raw=1, psnrs=(31, 8), noise=(1,)) == []
    assert failures(jpeg=900, raw=1, psnrs=(8, 8), noise=(0, 1)) == []


def test_jpeg_beside_itself_is_no_better():
    scene = next(p for p in patterns.patterns() if p.name == "right view four times darker")
    comparisons = out_of_distribution.measure(JpegCodec(), scene, 64, 96)
    assert [c.point.setting for c in comparisons] == ["q0", "q25", "q50", "q75", "q100"]
    assert all(c.raw == 2 * 64 * 96 * 3 for c in comparisons)
    # Quality 0 is Pillow's default. The four bytes of the length come on top, and the curve leaves bad qualities out.
    assert all(1 < c.ratio < 1.1 for c in comparisons[1:])
    assert comparisons[-1].point.psnr > 40


@pytest.mark.parametrize(("limit", "failing"), [(0, []), (math.inf, ["flat black", "checkerboard black/white, 1 px"])])
def test_script_of_patterns_says_what_does_not_hold(run, monkeypatch, capsys, tmp_path, tiny_release, limit, failing):
    # Limits that decide by themselves: what untrained weights reach is not what is tested here.
    monkeypatch.setattr(out_of_distribution, "PSNR_LIMIT", limit)
    monkeypatch.setattr(out_of_distribution, "JPEG_LIMIT", math.inf)
    page, points = page_with_block(tmp_path, "out-of-distribution"), tmp_path / "points.csv"
    names = ["flat black", "noise, each view its own", "checkerboard black/white, 1 px"]
    options = ["--model", tiny_release, "--size", 64, 48, "--markdown", page, "-o", points]
    status = run("out_of_distribution", *options, "--patterns", *names)
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[0] for row in rows] == [f"| {name}" for name in names]
    assert [name for name, row in zip(names, rows, strict=True) if row.endswith("| **PSNR** |")] == failing
    assert sum(row.endswith("| holds |") for row in rows) == len(names) - len(failing)
    assert status == bool(failing)
    assert rows[0] in page.read_text(encoding="utf-8")
    with points.open(newline="", encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert [row["pattern"] for row in written] == [name for name in names for _ in range(5)]
    assert {row["raw"] for row in written} == {str(2 * 64 * 48 * 3)}


def test_script_of_patterns_refuses_what_it_does_not_know(run, capsys, tmp_path):
    refusals = {
        "unknown pattern 'plaid'": ["--patterns", "plaid"],
        "--size goes from 32 32 to 960 640": ["--size", 2000, 100],
        str(tmp_path): ["--model", tmp_path],
    }
    for told, options in refusals.items():
        with pytest.raises(SystemExit) as stopped:
            run("out_of_distribution", *options)
        captured = capsys.readouterr()
        assert told in f"{stopped.value} {captured.err}"
        assert captured.out == ""


def test_mirror_image_of_a_pair_is_a_pair():
    left, right = sample_crop(16, 32)
    flipped_left, flipped_right = symmetry.mirrored((left, right))
    np.testing.assert_array_equal(flipped_left[:, 0], right[:, -1])
    np.testing.assert_array_equal(flipped_right[:, -1], left[:, 0])
    for view, again in zip((left, right), symmetry.mirrored((flipped_left, flipped_right)), strict=True):
        np.testing.assert_array_equal(view, again)


def test_symmetry_is_measured(disk_pair):
    fair, lopsided = (symmetry.measure(codec, disk_pair) for codec in (JpegCodec(), LopsidedCodec()))
    assert len(fair) == len(lopsided) == 3
    assert all(abs(change.percent) < 1 and abs(change.decibels) < 0.1 for change in fair)
    assert max(abs(change.percent) for change in lopsided) > 1
    point = memory_points.coded_point(JpegCodec(), "scene", "near", disk_pair.load(), 50)
    assert symmetry.change(point, replace(point, file_bytes=point.file_bytes * 2, psnr=point.psnr - 1)) == (
        symmetry.Change(100.0, pytest.approx(-1))
    )


def test_report_on_symmetry_has_means_and_largest_of_absolute_changes():
    found = {"a": [symmetry.Change(2, -0.5)] * 3, "b": [symmetry.Change(-1, 0.25)] * 3}
    text = symmetry.report(found, "first")
    assert "| a | +2.00 | +2.00 | +2.00 | -0.500 | -0.500 | -0.500 |" in text
    assert "| **mean absolute change** | 1.50 | 1.50 | 1.50 | 0.375 | 0.375 | 0.375 |" in text
    assert "| **largest absolute change** | 2.00 | 2.00 | 2.00 | 0.500 | 0.500 | 0.500 |" in text


def test_rolled_view_has_the_content_of_the_true_one_on_other_rows():
    view = sample_crop(72, 32)[0]
    rolled = stereo_gain.rolled(view)
    np.testing.assert_array_equal(rolled[: 72 - 32], view[32:])
    np.testing.assert_array_equal(rolled[72 - 32 :], view[:32])


def test_stereo_gain_is_none_without_cross_view_coding_and_half_for_equal_views(disk_pair):
    gain = stereo_gain.measure(JpegCodec(), disk_pair)
    assert [point.setting for point in gain.true] == ["q20", "q40", "q60", "q80"]
    # Rolling changes the order of the blocks alone.
    assert abs(gain.percent) < 1
    assert gain.ceiling == pytest.approx(-50, abs=1)
    assert gain.pair.group == "near"
    disparities = rd_points.manifest_column(disk_pair.left.parent, "median_disparity_px")
    text = stereo_gain.report([gain], disparities, "first")
    assert "| scene | near | 31.5 | " in text
    assert "| **mean, near** |" in text


def test_scripts_on_pairs_fill_their_blocks(run, capsys, disk_pair, tmp_path, tiny_release):
    for script, name in (("symmetry", "symmetry"), ("stereo_gain", "stereo-gain")):
        page = page_with_block(tmp_path, name)
        run(script, "--data", disk_pair.left.parent, "--model", tiny_release, "--markdown", page)
        printed = capsys.readouterr().out.strip()
        assert "| scene | " in printed
        assert printed in page.read_text(encoding="utf-8")
        with pytest.raises(SystemExit, match="holds none of the pairs nothing"):
            run(script, "--data", disk_pair.left.parent, "--pairs", "nothing")


def test_choices_are_undone_one_by_one(disk_pair, run, tmp_path):
    narrower = residual_tables(Lattice().scales * 0.7, laplace_share=0.5, halves=True)
    families = dict.fromkeys(("first", "second"), narrower)
    tables = replace(coding_tables(tiny_model(), Lattice()), families=families)
    folder = save_tiny(tmp_path / "fitted", tables=tables)
    codec = StereoCodec.from_pretrained(folder, device="cpu")
    points = encoder_choices.in_all_ways(codec, np.stack(disk_pair.load()), 30, first=2)
    assert next(iter(points)) == list(encoder_choices.WAYS)[2]
    as_written = len(codec.compress(*disk_pair.load(), quality=30))
    pixels = 2 * np.prod(disk_pair.load()[0].shape[:2])
    assert points[encoder_choices.ALL]["bpp"] == 8 * as_written / pixels
    assert len({(point["bpp"], point["psnr"]) for point in points.values()}) == len(points) == 7
    page = page_with_block(tmp_path, "encoder-choices")
    run(
        *("encoder_choices", "--data", disk_pair.left.parent, "--model", folder, "--markdown", page),
        *("--qualities", "10", "40", "90"),
    )
    text = page.read_text()
    for name in encoder_choices.WAYS:
        assert text.count(f"| {name} | ") == (1 if name == encoder_choices.NONE else 2)


def test_what_disparities_cost_before_and_after(disk_pair, tiny_release, run, tmp_path):
    page = page_with_block(tmp_path, "disparity-bits")
    run("disparity_bits", "--data", disk_pair.left.parent, "--model", tiny_release, "--markdown", page)
    rows = [line.split("|")[1:-1] for line in page.read_text().splitlines() if line.startswith("| ")][1:]
    assert [row[0].strip() for row in rows[1:]] == ["10", "30", "60"]
    for row in rows[1:]:
        assert row[2].strip().endswith("%")
        assert "dB" in row[-1]
        assert 0 < int(row[5].replace(",", "")) < 20_000


def test_what_architectures_compute_is_counted(run, tmp_path):
    page = page_with_block(tmp_path, "complexity")
    run("complexity", "--size", "128x64", "--markdown", page)
    rows = [line.split("|")[1:-1] for line in page.read_text().splitlines() if line.startswith("| `")]
    assert [row[0].strip() for row in rows] == ["`bisic-rt`", "`bisic`", "`bisic-fast`", "`ecsic`"]
    for _, parameters, *parts, every, steps in rows:
        assert int(parameters.replace(",", "")) > 1e6
        assert sum(map(float, parts)) == pytest.approx(float(every), abs=0.2)
        assert min(map(float, parts)) > 1 < int(steps.replace(",", ""))
