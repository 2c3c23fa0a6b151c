"""`bisic eval` from pairs to its report."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import torch
from commands import error_line, run
from conftest import sample_crop
from PIL import Image

from stereocodec.errors import InvalidInput
from stereocodec.evaluation import runner

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Two pairs of two groups, one pair of unequal sizes, one view without the other."""
    folder = tmp_path_factory.mktemp("pairs")
    for name, top in (("one", 0), ("two", 200)):
        for side, view in zip(("left", "right"), sample_crop(168, 192, top=top), strict=True):
            Image.fromarray(view).save(folder / f"{name}_{side}.png")
    Image.new("RGB", (8, 8)).save(folder / "unequal_left.png")
    Image.new("RGB", (9, 8)).save(folder / "unequal_right.png")
    Image.new("RGB", (8, 8)).save(folder / "lone_left.png")
    Image.new("L", (8, 8)).save(folder / "one_disparity.png")
    (folder / "manifest.csv").write_text("name,group\none,near\ntwo,far\n", encoding="utf-8")
    return folder


def command(pairs, output, model):
    settings = [f"--settings={name}" for name in ("jpeg=10,40,80", "webp=1,40,90")]
    anchors = ["--anchors", "jpeg,webp", "--models", str(model), "--qualities", "10,50,90", "--device", "cpu"]
    return ["eval", str(pairs), "-o", str(output), *anchors, *settings, "--jobs", "1"]


@pytest.fixture(scope="module")
def report(pairs, tmp_path_factory, tiny_release):
    """The finished evaluation: its folder and what the command said."""
    output = tmp_path_factory.mktemp("report")
    return output, run(*command(pairs, output, tiny_release))


def test_bad_pairs_are_named_and_counted_and_end_in_status_1(report):
    output, result = report
    assert result.exit_code == 1, result.output
    lines = result.output.splitlines()
    assert sum("left out" in line and line.startswith("bisic: left out") for line in lines) == 2
    assert any("unequal_right.png: left is 8x8, right is 9x8" in line for line in lines)
    assert any("lone_left.png: has no right view beside it" in line for line in lines)
    assert "2 pairs, 18 points, 2 pairs left out" in lines[-1]
    assert any("1 pictures are in no pair, such as" in line and "one_disparity.png; " in line for line in lines)
    document = json.loads((output / "results.json").read_text(encoding="utf-8"))
    assert len(document["left_out_pairs"]) == 2
    (unmatched,) = document["unmatched_pictures"]
    assert unmatched["name"].endswith("one_disparity.png")
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "2 pairs left out, 0 points failed" in page
    assert "one_disparity.png; results.json names all" in page


def test_tables_hold_every_point_with_the_size_of_its_files(report):
    output, _ = report
    with (output / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    points = json.loads((output / "results.json").read_text(encoding="utf-8"))["points"]
    assert len(rows) == len(points) == 3 * 3 * 2
    for row in rows:
        size = sum((output / name).stat().st_size for name in row["files"].split())
        assert int(row["bytes"]) == size
        assert float(row["bpp"]) == pytest.approx(8 * size / (2 * 168 * 192), abs=1e-5)
        assert 0 < float(row["msssim"]) < 1
        assert float(row["enc_wall_s"]) > 0
    assert {row["model_id"] for row in rows if row["codec"] == "tiny"} != {""}
    with (output / "bd.csv").open(newline="", encoding="utf-8") as file:
        rates = [row for row in csv.DictReader(file) if row["codec"] == "webp" and row["metric"] == "psnr"]
    assert {(row["reference"], row["pair"]) for row in rates} >= {("jpeg420", "one"), ("jpeg420", "two")}
    assert all(row["common_lo_db"] < row["common_hi_db"] for row in rates if row["pair"] != "MEAN")


class Page(HTMLParser):
    """Addresses that a page refers to, its identifiers, and the texts of its headings."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "data", "action"):
                self.links.append(value)
            if name == "id":
                self.ids.append(value)


def test_the_page_needs_nothing_else(report):
    output, _ = report
    text = (output / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert [link for link in page.links if not link.startswith(("data:", "#"))] == []
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)
    assert not re.search(r"@import|url\((?!#)", text)
    # All groups, each with PSNR and MS-SSIM; the first pair of each group in both views of three codecs.
    assert page.tags.count("svg") == 6
    assert len([link for link in page.links if link.startswith("data:image/png")]) == 2 * 2 * 4 + 2 * 2 * 2
    assert 'type="range"' in text
    for part in ("BD-rate", "least overlap", "gap ", "encode, CPU s", "peak, MiB", "near", "far"):
        assert part in text
    assert sorted(path.name for path in (output / "plots").iterdir()) == sorted(
        f"rd_{group}_{metric}.{kind}"
        for group in ("all", "far", "near")
        for metric in ("psnr", "msssim_db")
        for kind in ("png", "svg")
    )


def test_pictures_are_compared_at_about_equal_size(report):
    output, _ = report
    points = json.loads((output / "results.json").read_text(encoding="utf-8"))["equal_size_points"]
    assert len(points) == 2 * 3
    for pair in ("one", "two"):
        sizes = {p["codec"]: p["bpp"] for p in points if p["pair"] == pair}
        for point in points:
            # On small pictures the smallest file of a codec may be larger than the model's: then that one is shown.
            if point["pair"] == pair and point["setting"] != "q1":
                assert point["bpp"] == pytest.approx(sizes["tiny"], rel=0.1)
    assert any(p["codec"] != "tiny" and p["setting"] not in ("q10", "q40", "q80", "q90") for p in points)


def test_a_second_run_measures_nothing(report, pairs, tiny_release, monkeypatch):
    output, _ = report
    kept = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    monkeypatch.setattr(runner._Pool, "_measure", lambda *_: pytest.fail("something was measured again"))
    assert run(*command(pairs, output, tiny_release)).exit_code == 1
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == kept


def test_missing_programs_are_skipped_by_name(report, pairs, tmp_path, monkeypatch):
    output, _ = report
    templates = tmp_path / "codecs.toml"
    templates.write_text(
        "[[codec]]\nname = 'vvc'\nsettings = [30]\n"
        "encode = 'no-such-encoder {left} {file} {quality}'\ndecode = 'no-such-decoder {file} {out_left}'\n",
        encoding="utf-8",
    )
    arguments = ["--models", "none", "--anchors", "jpeg", "--settings", "jpeg=10,40,80", "--pairs", "one"]
    result = run("eval", str(pairs), "-o", str(output), *arguments, "--commands", str(templates))
    assert "bisic: skipped vvc: no-such-encoder is not on PATH" in result.output.splitlines()
    assert "no-such-encoder is not on PATH" in (output / "report.html").read_text(encoding="utf-8")
    result = run("eval", str(pairs), "-o", str(output), *arguments, "--commands", str(templates), "--reference", "vvc")
    assert "--reference vvc cannot be measured: no-such-encoder is not on PATH" in error_line(result)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--models", "gone"], "no model 'gone'"),
        (["--pairs", "unequal", "--models", "none"], "no pair can be used"),
        (["--split", "test"], "no pairs below a folder 'test'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(pairs, tmp_path, arguments, told):
    result = run("eval", str(pairs), "-o", str(tmp_path / "out"), *arguments)
    assert told in error_line(result)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--anchors", "gif"], "unknown codec 'gif'"),
        (["--qualities", "50,101"], "'101' is no quality"),
        (["--settings", "jpeg=low"], "NAME=NUMBER"),
        (["--settings", "jpeg=0"], "from 1 to 100"),
        (["--settings", "bpg=30"], "none of the anchors"),
        (["--crop", "wide"], "unknown crop"),
        (["--reference", "bpg"], "none of the codecs"),
    ],
)
def test_wrong_values_are_wrong_usage(pairs, tmp_path, arguments, told):
    result = run("eval", str(pairs), "-o", str(tmp_path / "out"), *arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())


def test_models_are_measured_on_the_device_that_is_named(pairs, tmp_path, monkeypatch):
    def refused(name, qualities, device):
        raise InvalidInput(f"asked for {device}")

    monkeypatch.setattr("stereocodec.devices.torch_device", torch.device)
    monkeypatch.setattr("stereocodec.evaluation.codecs.model.model_codec", refused)
    result = run("eval", str(pairs), "-o", str(tmp_path / "out"), "--device", "cuda:1")
    assert "asked for cuda:1" in error_line(result)


def test_the_command_needs_its_extra_and_costs_nothing_before(pairs, tmp_path):
    script = (
        "import sys; sys.modules.update(jinja2=None)\n"
        "from stereocodec_cli.evaluate import evaluate\n"
        "heavy = {'torch', 'matplotlib', 'pytorch_msssim', 'bjontegaard', 'imagecodecs'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from stereocodec_cli.main import main\n"
        f"sys.argv = ['bisic', 'eval', {str(pairs)!r}, '-o', {str(tmp_path / 'out')!r}]\nmain()\n"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 1
    assert "pip install 'stereocodec[eval]'" in found.stderr
    assert len(found.stderr.splitlines()) == 1
