"""`bisic encode`, `decode`, `info`, `view` and `import` with colour and depth that networks code."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from commands import error_line, run
from PIL import Image
from rgbd_frames import frame, random_model, save_frame, save_small

from stereocodec.container import Container, Metadata
from stereocodec.container.limits import METADATA_VERSION
from stereocodec.models.rgbd.keys import official_names
from stereocodec.releases.release import load_release

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The release `small`, color.png and depth.png, and frame.bsc with what its making printed."""
    folder = tmp_path_factory.mktemp("rgbd")
    save_small(folder / "small")
    save_frame(folder)
    result = run(*encoding(folder, "frame.bsc"))
    assert result.exit_code == 0, result.output
    (folder / "printed.txt").write_text(result.output)
    return folder


def encoding(folder, output, *more, depth="depth.png"):
    named = ["--model", folder / "small", "--device", "cpu", "-o", folder / output]
    return "encode", "--depth", folder / depth, folder / "color.png", *named, *more


def test_encode_prints_sizes_psnr_and_errors_in_millimetres(folder):
    text = (folder / "printed.txt").read_text()
    size = (folder / "frame.bsc").stat().st_size
    assert f"frame.bsc: {size:,} bytes, {8 * size / (70 * 90):.4f} bpp, 90x70, mask " in text
    assert re.search(r"color: PSNR \d+\.\d\d dB; depth: RMSE \d+\.\d\d mm, largest error \d+\.\d\d mm", text)


def test_decode_gives_colour_and_depth_of_16_bits(folder, tmp_path):
    result = run("decode", folder / "frame.bsc", "-o", tmp_path, "--model", folder / "small", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "frame_depth.png: 90x70" in result.output
    color, depth = (Image.open(tmp_path / f"frame_{kind}.png") for kind in ("color", "depth"))
    assert color.mode == "RGB"
    assert depth.mode.startswith("I;16")
    assert np.array_equal(np.asarray(depth) == 0, frame()[1] == 0)
    again = run("decode", folder / "frame.bsc", "-o", tmp_path, "--model", folder / "small")
    assert "frame_color.png" in error_line(again)


def test_view_shows_colour_and_depth_beside_what_was_encoded(folder, tmp_path):
    named = ["--model", folder / "small", "--device", "cpu", "-o", tmp_path / "page.html"]
    originals = ["--original", folder / "color.png", "--original", folder / "depth.png"]
    result = run("view", folder / "frame.bsc", *named, *originals)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    printed = (folder / "printed.txt").read_text()  # by encode, of the same file
    errors = re.search(r"depth: (RMSE .* mm), largest error (.* mm)", printed)
    assert f"<dt>Errors of depth</dt><dd>{errors[1]}, largest {errors[2]}</dd>" in page
    assert f"<dd>{re.search(r'PSNR (.* dB);', printed)[1]}</dd>" in page
    for given in (originals[:2], [*originals, "--swap"]):
        wrong = run("view", folder / "frame.bsc", *named, "-f", *given)
        assert wrong.exit_code == 2
        assert "give --original for each" in wrong.output


def test_info_shows_unit_range_and_invalid_value(folder):
    text = run("info", folder / "frame.bsc").output
    assert "RGB8_DEPTH" in text
    assert re.search(r"depth: +16 bits of 0.001 m, 0.9 to 2.388 m coded linear, 0 is invalid \(mask \d+ bytes\)", text)
    assert "color view:" in text
    described = json.loads(run("info", "--json", folder / "frame.bsc").output)
    depth = described["depth"]
    assert (depth["bits"], depth["metres_per_step"], depth["mode"], depth["invalid"]) == (16, 0.001, "linear", 0)
    streams = sum(sum(sizes.values()) for sizes in described["streams"].values())
    chunks = sum(chunk["bytes"] for chunk in described["chunks"])
    parts = streams + chunks + described["guard"]["bytes"] + depth["mask"] + described["overhead"]
    assert parts == described["bytes"]
    assert set(described["streams"]) == {"color", "depth"}


def test_the_options_of_depth(folder):
    options = ["--depth-unit", "tum", "--depth-mode", "inverse", "--depth-range", "0.1", "2", "--no-verify"]
    assert run(*encoding(folder, "other.bsc", *options)).exit_code == 0
    depth = json.loads(run("info", "--json", folder / "other.bsc").output)["depth"]
    assert (depth["metres_per_step"], depth["mode"]) == (0.0002, "inverse")
    assert (depth["near"], depth["far"]) == pytest.approx((0.1, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--depth", "depth.png", "color.png", "color.png", "-o", "x.bsc"], "With --depth there is one picture"),
        (["color.png", "color.png", "--depth-unit", "mm", "-o", "x.bsc"], "need a depth map"),
        (["--depth", "depth.png", "color.png", "--layout", "sbs", "-o", "x.bsc"], "leave them out with --depth"),
        (["--depth", "-", "-", "-o", "x.bsc", "--model", "small"], "Only one of colour and depth"),
        (["--depth", "depth.png", "color.png", "-o", "depth.png", "--model", "small"], "a name of its own"),
    ],
)
def test_usage(folder, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    result = run("encode", *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert not (folder / "x.bsc").exists()


def test_pictures_that_do_not_fit_are_named(folder):
    Image.fromarray(frame()[0]).save(folder / "painted.png")
    Image.fromarray(frame(64, 90)[1]).save(folder / "smaller.png")
    Image.fromarray(frame()[1].astype(np.uint8)).save(folder / "eight.png")
    for depth, message in (
        ("painted.png", "painted.png is a picture of mode RGB, not a depth map"),
        ("smaller.png", "color is 90x70, depth is 90x64"),
        ("eight.png", "depth has 8 bits"),
        ("missing.png", "missing.png: no such file"),
    ):
        assert message in error_line(run(*encoding(folder, "x.bsc", depth=depth)))
    assert not (folder / "x.bsc").exists()


@pytest.mark.slow
def test_a_checkpoint_becomes_a_release(tmp_path):
    model = random_model()
    names = official_names(model.config)
    tensors = {}
    for name, value in model.state_dict().items():
        is_point = names[name].endswith("fusion.0.weight")
        tensors[names[name]] = value[..., None, None] if is_point else value
    torch.save({"epoch": 1, "state_dict": tensors}, tmp_path / "checkpoint.pth.tar")
    result = run("import", tmp_path / "checkpoint.pth.tar", "--arch", "rgbd", "-o", tmp_path / "release")
    assert result.exit_code == 0, result.output
    loaded = load_release(tmp_path / "release").model
    assert loaded.config == model.config
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())
    assert "bisic encode --depth depth.png color.png" in (tmp_path / "release" / "README.md").read_text()
    tensors.pop("h_a.rgb_reduction.0.bias")
    torch.save(tensors, tmp_path / "checkpoint.pth.tar")
    result = run("import", tmp_path / "checkpoint.pth.tar", "--arch", "rgbd", "-o", tmp_path / "other")
    assert "h_a.rgb_reduction.0.bias is missing" in error_line(result)


def test_the_colour_camera_of_a_frame(folder, tmp_path):
    calibration = tmp_path / "camera.yaml"
    calibration.write_text("image_width: 90\nimage_height: 70\ncamera_matrix: [80, 0, 45, 0, 80, 35, 0, 0, 1]\n")
    named = ["--calibration", calibration, "-Q", "--no-verify"]
    assert run(*encoding(folder, "known.bsc", *named)).exit_code == 0
    arguments = ["-o", tmp_path / "out", "--model", folder / "small", "--device", "cpu"]
    result = run("decode", folder / "known.bsc", "--calibration", tmp_path / "camera.json", *arguments)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "camera.json").read_text()) == {
        "size": [90, 70],
        "left": {"focal_length": [80, 80], "principal_point": [45, 35], "matrix": [80, 0, 45, 0, 80, 35, 0, 0, 1]},
    }
    calibration.write_text(calibration.read_text().replace("90", "91"))
    assert "is of views of 91x70, these have 90x70" in error_line(run(*encoding(folder, "wider.bsc", *named)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x.png"], "name a folder with -o"),
        (["-o", "-"], "name a folder with -o"),
        (["--layout", "sbs"], "leave --layout and --format out"),
        (["--layout", "anaglyph", "-o", "."], "leave --layout and --format out"),
        (["--format", "tiff"], "leave --layout and --format out"),
        (["--left", "x.png"], "leave --left and --right out"),
    ],
)
def test_forms_of_pairs_are_wrong_usage(folder, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    result = run("decode", "frame.bsc", "--model", "small", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert sorted(folder.iterdir()) == before


def test_metadata_stand_in_the_picture_of_colour(folder, tmp_path):
    container = Container.from_bytes((folder / "frame.bsc").read_bytes())
    chunks = (*container.chunks, *Metadata(xmp=b"<x/>").to_chunks())
    (tmp_path / "told.bsc").write_bytes(replace(container, version=METADATA_VERSION, chunks=chunks).to_bytes())
    result = run("decode", tmp_path / "told.bsc", "-o", tmp_path / "new", "--model", folder / "small")
    assert result.exit_code == 0, result.output
    with (
        Image.open(tmp_path / "new" / "told_color.png") as color,
        Image.open(tmp_path / "new" / "told_depth.png") as depth,
    ):
        assert color.info["xmp"] == b"<x/>"
        assert "xmp" not in depth.info


def test_metres_that_are_none_are_told(folder, tmp_path):
    metres = np.where(frame()[1] > 0, frame()[1] / 1000, np.nan)
    metres[0, :3] = -1, -np.inf, np.inf
    np.save(tmp_path / "metres.npy", metres)
    result = run(*encoding(folder, tmp_path / "x.bsc", depth=tmp_path / "metres.npy"))
    assert result.exit_code == 0, result.output
    assert re.search(r"^bisic: warning: \S*metres.npy: 3 values that are negative or infinite", result.output, re.M)


@pytest.mark.parametrize("part", ["color", "depth"])
def test_what_is_there_is_kept_before_anything_is_decoded(folder, tmp_path, part, monkeypatch):
    monkeypatch.setattr("stereocodec_cli.decode.codec_for_file", lambda *_, **__: pytest.fail("it is decoded"))
    there = tmp_path / f"frame_{part}.png"
    there.write_bytes(b"mine")
    result = run("decode", folder / "frame.bsc", "-o", tmp_path, "--device", "cpu")
    assert result.exit_code == 1
    assert f"frame_{part}.png exists already" in error_line(result)
    assert there.read_bytes() == b"mine"
