"""The comparison of frames with the formats of today."""

from __future__ import annotations

import importlib
import math
import re

import numpy as np
import pytest
from conftest import REPOSITORY
from PIL import Image
from rgbd_frames import frame, save_small

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


def test_lossless_formats_are_without_loss_and_quantised_ones_reach_the_error(rgbd):
    from stereocodec.container.depth import DepthMode
    from stereocodec.pictures.depth import DepthMap
    from stereocodec.training.frames.data import Frame

    color, samples = frame()
    noise = np.random.default_rng(0).integers(0, 40, samples.shape)  # as of a sensor: finer steps take more bytes
    samples = np.where(samples > 0, samples + noise, 0).astype(np.uint16)
    measured = samples[samples > 0]
    limits = int(measured.min()), int(measured.max())
    whole = Frame("a", color, DepthMap(samples, 0.001), *limits, DepthMode.LINEAR)
    coders = rgbd.depth_coders(whole, mask=100)
    for name in ("png", "jxl lossless"):
        coder, settings = coders[name]
        assert [coder(setting)[1] for setting in settings] == [math.inf]
    for name in ("png steps", "jxl steps", "jxl lossy"):
        coder, settings = coders[name]
        coarse, fine = coder(settings[len(settings) // 2]), coder(settings[-1])
        assert fine[0] > coarse[0]
        assert fine[1] > coarse[1]
        found = rgbd.bytes_at((coarse[1] + min(fine[1], 3)) / 2, coder, settings)
        assert coarse[0] <= found <= fine[0]
    assert coders["png steps"][0](1.0)[1] == math.inf
    error = math.exp(-coders["png steps"][0](60.0)[1])  # of a uniform quantiser: the step over the root of 12
    assert error == pytest.approx(60 / math.sqrt(12), rel=0.1)


def test_the_report_goes_into_the_page(rgbd, tmp_path, monkeypatch, capsys):
    for kind, picture in zip(("color", "depth"), frame(64, 64), strict=True):
        Image.fromarray(picture).save(tmp_path / f"a_{kind}.png")
    save_small(tmp_path / "small")
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin: rgbd -->\n<!-- end: rgbd -->\nafter\n")
    arguments = ["--frames", tmp_path, "--model", tmp_path / "small", "--markdown", page]
    monkeypatch.setattr("sys.argv", ["rgbd.py", *map(str, arguments)])
    monkeypatch.setattr(rgbd, "QUALITIES", [1.0, 50.0])
    monkeypatch.setattr(rgbd, "DISTANCES", [20.0, 1.0])
    rgbd.main()
    text = page.read_text()
    assert text.startswith("before\n<!-- begin: rgbd -->\nWeights `small-rgbd`")
    assert "1 frames of 64x64" in text
    assert "**this codec, one file**" in text
    for row in ("JPEG 4:2:0; lossless 16-bit PNG", "WebP; 16-bit PNG, quantised", "JPEG XL; lossless JPEG XL"):
        assert f"| {row} |" in text
    assert "JPEG XL; lossless 16-bit PNG" not in text
    assert "mask of holes" in capsys.readouterr().out


def test_what_float64_costs_is_printed(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    importlib.import_module("rgbd_float64").main(["--size", "16", "24", "--rounds", "1"])
    assert re.fullmatch(r"decode: float64 [\d.]+ s, float32 [\d.]+ s, ratio [\d.]+\n", capsys.readouterr().out)
