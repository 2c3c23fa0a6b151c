"""`bisic` with colour and depth by the default model: depth within a bound, and parts in files of any names."""

from __future__ import annotations

import json
import re
from io import BytesIO

import numpy as np
import pytest
from commands import error_line, run
from PIL import Image
from rgbd_frames import frame, save_frame

from stereocodec.container import Container

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """color.png and depth.png."""
    folder = tmp_path_factory.mktemp("bounded")
    save_frame(folder)
    return folder


@pytest.fixture(scope="module")
def bounded(folder):
    """bounded.bsc by the default model, with what its making printed."""
    files = "--depth", folder / "depth.png", folder / "color.png"
    result = run("encode", *files, "-o", folder / "bounded.bsc", "--depth-max-error", "5mm", "--device", "cpu")
    assert result.exit_code == 0, result.output
    return folder / "bounded.bsc", result.output


def test_the_default_model_keeps_depth_within_its_bound(bounded):
    file, printed = bounded
    container = Container.from_bytes(file.read_bytes())
    samples, mask = len(container.depth.samples), len(container.depth.mask)
    assert f"quality 50, depth within 5 mm {samples:,} bytes, mask {mask:,} bytes, bisic-rt" in printed
    largest = re.search(r"largest error (.*) mm", printed)[1]
    assert 0 < float(largest) <= 5


def test_info_tells_the_bound(bounded):
    file, _ = bounded
    text = run("info", file).output
    assert re.search(r"views: +one of 90x70, RGB8_BOUNDED_DEPTH", text)
    expected = r"depth: +16 bits of 0.001 m, within 5 mm, 0 is invalid \([\d,]+ bytes, mask [\d,]+ bytes\)"
    assert re.search(expected, text)
    described = json.loads(run("info", "--json", file).output)
    depth = described["depth"]
    assert depth["bound"] == {"steps": 5, "ppm": 0, "text": "within 5 mm"}
    assert depth["mode"] == "bounded"
    assert set(described["streams"]) == {"color"}
    parts = sum(described["streams"]["color"].values()) + described["guard"]["bytes"] + depth["mask"] + depth["bytes"]
    assert parts + described["overhead"] == described["bytes"]


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".pgm", ".npy", ".exr"])
def test_parts_are_written_to_files_of_any_names(bounded, tmp_path, suffix):
    color, depth = tmp_path / "seen.jpg", tmp_path / f"far{suffix}"
    result = run("decode", bounded[0], "--color", color, "--depth", depth, "--output-quality", 90, "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "seen.jpg" in result.output
    with Image.open(color) as image:
        assert (image.format, image.size) == ("JPEG", (90, 70))
    again = run("encode", "--depth", depth, color, "-o", tmp_path / "again.bsc", "--depth-max-error", 0)
    assert again.exit_code == 0, again.output
    written = run("decode", tmp_path / "again.bsc", "--depth", tmp_path / "again.npy")
    assert written.exit_code == 0, written.output
    samples, other = np.load(tmp_path / "again.npy"), frame()[1].astype(int)
    assert samples.dtype == np.uint16
    assert np.abs(samples - other).max() <= 5
    assert np.array_equal(samples == 0, other == 0)


def test_a_part_goes_to_standard_output_and_a_region_is_cut_out(bounded, tmp_path):
    result = run("decode", bounded[0], "--depth", "-", "--region", "10,20,30,40")
    assert result.exit_code == 0, result.stderr
    with Image.open(BytesIO(result.stdout_bytes)) as depth:
        assert np.abs(np.asarray(depth).astype(int) - frame()[1][20:60, 10:40]).max() <= 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--depth", "x.jpg"], "x.jpg cannot hold depth: use .png .tif .tiff .pgm .npy .exr"),
        (["--color", "x.npy"], "x.npy cannot hold color"),
        (["--color", "x.png", "--depth", "x.png"], "--color and --depth name one file"),
        (["--color", "x.png", "--left", "y.png"], "--color and --depth of colour with depth"),
        (["--color", "x.png", "-o", "folder"], "Give either -o or files with --color and --depth"),
        (["--color", "x.png", "--format", "png"], "leave --format out"),
    ],
)
def test_parts_that_cannot_be_written(bounded, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = run("decode", bounded[0], *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == []


def test_pairs_have_no_colour_of_their_own(file, tmp_path):
    (tmp_path / "pair.bsc").write_bytes(file)
    result = run("decode", tmp_path / "pair.bsc", "--color", tmp_path / "x.png")
    assert result.exit_code == 2
    assert "of a stereo pair: leave --color and --depth out" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--depth-max-error", "5"], "give a length such as 5mm"),
        (["--depth-mode", "inverse"], "bisic-rt has no networks for depth; leave depth_mode out"),
        (["--depth-range", "0", "10"], "leave depth_range out"),
    ],
)
def test_what_the_default_model_does_not_know(folder, options, message):
    files = "--depth", folder / "depth.png", folder / "color.png"
    assert message in error_line(run("encode", *files, "-o", folder / "x.bsc", *options))
    assert not (folder / "x.bsc").exists()
