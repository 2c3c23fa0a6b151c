"""Many frames of colour with depth."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from rgbd_frames import frame
from stereocodec_cli.main import bisic

from stereocodec import RgbdCodec
from stereocodec.batch.naming import frame_jobs
from stereocodec.container import Container
from stereocodec.errors import InvalidInput

COLOR, DEPTH = frame(48, 64)


def save(folder, name, depth=DEPTH, *, beside=True):
    """A frame as NAME_color and NAME_depth, or in folders of both."""
    color_path, depth_path = (
        folder / (f"{name}_{kind}.png" if beside else f"{kind}/{name}.png") for kind in ("color", "depth")
    )
    for path, pixels in ((color_path, COLOR), (depth_path, depth)):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


@pytest.fixture
def frames(tmp_path):
    save(tmp_path / "in", "one")
    save(tmp_path / "in" / "deep", "two", DEPTH + 1)
    save(tmp_path / "in" / "scene", "0001", beside=False)
    return tmp_path / "in"


def run(*arguments):
    return CliRunner().invoke(bisic, [str(argument) for argument in arguments])


def encoded(frames, release, *more):
    named = "--rgbd", frames, "-o", frames.parent / "out", "--model", release, "--device", "cpu", "-j", 1
    return run("encode", *named, *more)


def rows(folder):
    with (folder / "manifest.csv").open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_frames_of_a_folder_become_files_that_mirror_it(frames, tiny_release):
    result = encoded(frames, tiny_release, "--depth-max-error", "4mm", "-q", 30)
    assert result.exit_code == 0, result.output
    assert "3 encoded" in result.output
    listed = rows(frames.parent / "out")
    assert sorted(listed) == ["deep/two", "one", "scene/0001"]
    codec = RgbdCodec.from_pretrained(tiny_release, device="cpu")
    one = (frames.parent / "out" / "one.bsc").read_bytes()
    assert one == codec.compress(COLOR, DEPTH, quality=30, depth_max_error="4mm")
    row = listed["one"]
    assert 0 < float(row["depth_largest_mm"]) <= 4
    assert 0 < float(row["depth_rmse_mm"]) < 4
    assert float(row["psnr_color"]) > 5
    assert row["psnr_left"] == ""
    assert float(row["bpp"]) == pytest.approx(8 * len(one) / (48 * 64))


def test_the_invalid_sample_is_that_of_all_frames(frames, tiny_release):
    holes = np.where(DEPTH == 0, 65535, DEPTH).astype(np.uint16)
    for name in ("one", "deep/two"):
        save(frames, name, holes)
    save(frames / "scene", "0001", holes, beside=False)
    assert encoded(frames, tiny_release, "--invalid", 65535).exit_code == 0
    for name in ("one", "deep/two", "scene/0001"):
        container = Container.from_bytes((frames.parent / "out" / f"{name}.bsc").read_bytes())
        assert container.depth.invalid == 65535
        assert len(container.depth.mask) > 0


def test_what_is_done_is_skipped_and_other_bounds_are_not(frames, tiny_release):
    assert encoded(frames, tiny_release).exit_code == 0
    assert "3 skipped" in encoded(frames, tiny_release).output
    save(frames, "one", DEPTH + 5)
    assert "use -f to write over it" in encoded(frames, tiny_release).stderr
    assert "1 encoded, 2 skipped" in encoded(frames, tiny_release, "-f").output
    assert "3 encoded" in encoded(frames, tiny_release, "-f", "--depth-max-error", 0).output


def test_files_are_decoded_together(frames, tiny_release):
    out = frames.parent / "out"
    assert encoded(frames, tiny_release, "--depth-max-error", 0).exit_code == 0
    result = run("decode", out, "-o", frames.parent / "again", "--model", tiny_release, "-j", 1)
    assert result.exit_code == 0, result.output
    with Image.open(frames.parent / "again" / "deep" / "two_depth.png") as depth:
        np.testing.assert_array_equal(np.asarray(depth), DEPTH + 1)


def test_a_frame_that_fails_stops_no_other(frames, tiny_release):
    save(frames, "bad", DEPTH[:-1])
    (frames / "lonely_color.png").write_bytes((frames / "one_color.png").read_bytes())
    result = encoded(frames, tiny_release)
    assert result.exit_code == 1
    assert "3 encoded, 1 failed, 1 left over" in result.output
    assert "bad: " in result.stderr
    assert "color is 64x48, depth is 64x47" in result.stderr
    assert "lonely_color.png has no depth beside it" in result.stderr


def test_lists_and_units_of_layouts(frames, tiny_release, tmp_path):
    (tmp_path / "frames.csv").write_text("color,depth\nin/one_color.png,in/one_depth.png\n")
    jobs = frame_jobs([str(tmp_path / "frames.csv")], Path("out"))
    assert [(job.name, job.output) for job in jobs] == [("one", Path("out/one.bsc"))]
    tum = tmp_path / "tum"
    save(tum, "0", beside=False)
    (tum / "rgb.txt").write_text("1.0 color/0.png\n")
    (tum / "depth.txt").write_text("1.01 depth/0.png\n")
    result = encoded(tum, tiny_release, "--depth-max-error", "1mm")
    assert result.exit_code == 0, result.output
    view = Container.from_bytes((tmp_path / "out" / "0.bsc").read_bytes()).depth
    assert (view.metres_per_step, view.max_steps) == (0.0002, 5)
    with pytest.raises(InvalidInput, match="no frames in"):
        frame_jobs([str(tmp_path / "out")], Path("x"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in", "--depth-unit", "mm"], "say so with --rgbd"),
        (["in", "--rgbd", "--swap"], "leave them out with --rgbd"),
        (["in", "--rgbd", "--depth", "in/one_depth.png"], "are about one pair or frame, but several are named"),
    ],
)
def test_usage(frames, monkeypatch, arguments, message):
    monkeypatch.chdir(frames.parent)
    result = run("encode", *arguments, "-o", "out")
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert not (frames.parent / "out").exists()
