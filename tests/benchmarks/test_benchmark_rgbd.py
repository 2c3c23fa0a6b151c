"""The comparison of frames with the formats of today."""

from __future__ import annotations

import importlib
import math
import re

import numpy as np
import pytest
from conftest import REPOSITORY
from PIL import Image
from rgbd_frames import frame

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def rgbd(monkeypatch):
    pytest.importorskip("imagecodecs")
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    return importlib.import_module("rgbd")


def test_bytes_are_interpolated_between_settings(rgbd):
    tried = []

    def coder(setting):
        tried.append(setting)
        return int(100 * 2**setting), 10 * setting

    settings = [float(s) for s in range(1, 9)]
    assert rgbd.bytes_at(35, coder, settings) == pytest.approx(100 * 2**3.5)
    assert len(tried) <= 6
    assert rgbd.bytes_at(40, coder, settings) == 100 * 2**4
    assert rgbd.bytes_at(1, coder, settings) == 200
    assert math.isnan(rgbd.bytes_at(81, coder, settings))
    assert rgbd.bytes_at(1000, coder, [3.0]) == 800  # lossless


def test_formats_of_depth_keep_the_bound(rgbd):
    color, samples = frame()
    noise = np.random.default_rng(0).integers(0, 40, samples.shape)  # as of a sensor: finer steps take more bytes
    samples = np.where(samples > 0, samples + noise, 0).astype(np.uint16)
    coders = {bound: rgbd.depth_coders(rgbd.DepthFrame("a", samples, color), bound, mask=100) for bound in (2, 20)}
    for name, worst in (("jxl steps", -20), ("jxl lossy", -math.inf)):
        fine, coarse = (rgbd.bytes_at(-bound, *coders[bound][name]) for bound in (2, 20))
        assert fine > coarse > 100
        assert worst <= coders[20][name][0](1.0)[1]
    lossy, settings = coders[20]["jxl lossy"]
    assert lossy(settings[-1])[1] == math.inf
    assert lossy(settings[0])[1] < -20


def test_the_report_goes_into_the_page(rgbd, tmp_path, monkeypatch, capsys, tiny_release):
    for kind, picture in zip(("color", "depth"), frame(64, 64), strict=True):
        Image.fromarray(picture).save(tmp_path / f"a_{kind}.png")
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin: rgbd -->\n<!-- end: rgbd -->\nafter\n")
    arguments = ["--frames", tmp_path, "--model", tiny_release, "--markdown", page, "--max-error", 4]
    monkeypatch.setattr("sys.argv", ["rgbd.py", *map(str, arguments)])
    monkeypatch.setattr(rgbd, "QUALITIES", [1.0, 50.0])
    monkeypatch.setattr(rgbd, "DISTANCES", [20.0, 1.0])
    rgbd.main()
    text = page.read_text()
    assert text.startswith("before\n<!-- begin: rgbd -->\nWeights `tiny`")
    rows = {row.split("|")[1].strip(): row.split("|") for row in text.splitlines() if row.startswith("|")}
    lossless, bounded = (
        rows[f"**{tmp_path.name} (1), {what}**"] for what in ("without loss of depth", "depth within 4 mm")
    )
    assert lossless[-2].strip() == "0"
    assert 0 < int(bounded[-2]) <= 4
    assert {"JPEG XL, lossless JPEG XL of steps", "JPEG XL, lossy JPEG XL and our mask"} <= rows.keys()
    assert "AVIF 4:4:4" in text


def test_what_float64_costs_is_printed(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    importlib.import_module("rgbd_float64").main(["--size", "16", "24", "--rounds", "1"])
    assert re.fullmatch(r"decode: float64 [\d.]+ s, float32 [\d.]+ s, ratio [\d.]+\n", capsys.readouterr().out)
