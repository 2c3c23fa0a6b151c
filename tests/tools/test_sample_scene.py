"""The rendered sample pair: true stereo geometry, repeatable, and equal to the committed pictures."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from conftest import RENDERER, SAMPLE
from PIL import Image

from stereocodec import read_calibration

BASELINE_M = 0.065


@pytest.fixture(scope="module")
def scene_module():
    sys.path.insert(0, str(RENDERER))
    try:
        import render_scene
    finally:
        sys.path.remove(str(RENDERER))
    return render_scene


@pytest.fixture(scope="module")
def pair(scene_module):
    return scene_module.render_pair(64, 32, seed=5, supersampling=1)


@pytest.fixture(scope="module")
def full_size(scene_module):
    """The renderer of the committed pictures, with one ray per pixel where only the depth is asked for."""
    return scene_module.StereoRenderer(960, 640, 0, 1)


def committed(name):
    with Image.open(SAMPLE / f"{name}.png") as image:
        return np.asarray(image)


def disparities(renderer, depth):
    return renderer.focal * BASELINE_M / depth


def sampled(depth, columns):
    """Values of `depth` at whole columns of the same rows, and which of these lie inside."""
    width = depth.shape[1]
    inside = (columns >= 0) & (columns < width)
    return np.take_along_axis(depth, np.clip(columns, 0, width - 1), axis=1), inside


@pytest.mark.parametrize("top", [64, 256, 480])
def test_the_right_picture_shifted_by_the_disparity_is_the_left_one(full_size, top):
    rows = range(top, top + 32)
    left, right = (committed(name)[rows.start : rows.stop].astype(float) for name in ("left", "right"))
    depths = [full_size.view(number, rows).depth for number in (0, 1)]
    grid = np.arange(960)
    columns = grid - disparities(full_size, depths[0])
    seen, inside = sampled(depths[1], np.rint(columns).astype(int))
    visible = inside & (np.abs(seen / depths[0] - 1) < 0.02)
    assert visible.mean() > 0.8

    def error(columns):
        channels = [[np.interp(columns[y], grid, right[y, :, c]) for y in range(32)] for c in range(3)]
        return np.abs(np.stack(channels, axis=2) - left)[visible].mean()

    # One pixel off to either side already fits about twice as badly.
    assert error(columns) < 6
    assert error(columns) < 0.6 * min(error(columns - 1), error(columns + 1))


def test_disparities_of_the_committed_pair_reach_from_6_to_86_pixels(full_size):
    far = disparities(full_size, full_size.view(0, range(32)).depth).min()
    near = disparities(full_size, full_size.view(0, range(608, 640)).depth).max()
    assert 5 < far < 7
    assert 80 < near < 90


def test_the_committed_calibration_is_that_of_the_renderer(scene_module, full_size):
    found = read_calibration(SAMPLE / "calib.txt")
    assert (found["size"], found["baseline"]) == ([960, 640], BASELINE_M)
    assert found["left"]["focal_length"] == [1000, 1000] == pytest.approx([full_size.focal, full_size.focal])
    assert found["left"] == found["right"]
    # A ray through the principal point leads straight ahead; the centre of pixel 0 is at 0.5 for the renderer.
    x, y = (np.array([place + 0.5], np.float32) for place in found["left"]["principal_point"])
    level = scene_module.Camera(scene_module.vector(0, 0, 0), 0, scene_module.FOCAL_PER_WIDTH)
    assert full_size._renderer.view_rays(level, x, y)[0].ravel().tolist() == [0, 0, 1]
    farthest, nearest = (range(192, 224), range(64, 96)), (range(608, 640), range(32))
    far, near = (disparities(full_size, full_size.view(0, *part).depth) for part in (farthest, nearest))
    assert found["disparities"] == [np.floor(far.min()), np.ceil(near.max())]


def test_each_view_sees_surfaces_that_the_other_does_not(full_size):
    rows = range(160, 192)  # railing, bench and flowers before the house
    left, right = (full_size.view(number, rows).depth for number in (0, 1))
    grid = np.arange(960)
    over_left, inside = sampled(right, np.rint(grid - disparities(full_size, left)).astype(int))
    hidden_right = inside & (over_left < 0.98 * left)
    over_right, inside = sampled(left, np.rint(grid + disparities(full_size, right)).astype(int))
    hidden_left = inside & (over_right < 0.98 * right)
    assert hidden_right.mean() > 0.03
    assert hidden_left.mean() > 0.03
    # A railing hides the wall on its right from one camera and on its left from the other.
    assert (hidden_left & hidden_right).mean() < 0.5 * min(hidden_left.mean(), hidden_right.mean())


def test_equal_seeds_give_equal_pictures_and_others_do_not(scene_module, pair):
    again = scene_module.render_pair(64, 32, seed=5, supersampling=1)
    for one, two in ((pair.left, again.left), (pair.right, again.right)):
        assert np.array_equal(one.rgb, two.rgb)
        assert np.array_equal(one.depth, two.depth)
    other = scene_module.StereoRenderer(64, 32, 6, 1).view(0)
    assert not np.array_equal(pair.left.rgb, other.rgb)
    assert not np.array_equal(pair.left.depth, other.depth)
    assert not np.array_equal(pair.left.rgb, pair.right.rgb)


def test_shapes_and_types(pair):
    for view in (pair.left, pair.right):
        assert view.rgb.shape == (32, 64, 3)
        assert view.rgb.dtype == np.uint8
        assert view.depth.dtype == np.float32
        assert np.isfinite(view.depth).all()
    assert pair.focal_px == pytest.approx(64 * 25 / 24)
    assert pair.baseline_m == pytest.approx(BASELINE_M)


@pytest.mark.parametrize("bad", [{"width": 0}, {"height": -1}, {"supersampling": 0}, {"seed": -1}, {"width": 2**26}])
def test_unusable_arguments_are_refused(scene_module, bad):
    with pytest.raises(ValueError, match="must be at"):
        scene_module.render_pair(**{"width": 8, "height": 8, **bad})


def test_the_committed_pictures_are_the_renderer_s(scene_module):
    renderer = scene_module.StereoRenderer(960, 640, 0, 3)
    rows, columns = range(384, 416), range(480, 640)  # mug, cloth and table
    for number, name in enumerate(("left", "right")):
        picture = committed(name)
        assert picture.shape == (640, 960, 3)
        part = renderer.view(number, rows, columns).rgb.astype(int)
        difference = np.abs(part - picture[rows.start : rows.stop, columns.start : columns.stop])
        # Elementary functions differ in the last bit between processors, which moves single samples.
        assert (difference > 2).mean() < 0.002
        assert (SAMPLE / f"{name}.png").stat().st_size < 1_400_000


def test_the_script_keeps_what_is_there_unless_forced(scene_module, tmp_path, capsys):
    arguments = ["-o", str(tmp_path), "--width", "12", "--height", "8", "--seed", "3"]
    left = tmp_path / "left.png"
    left.write_bytes(b"mine")
    assert scene_module.main(arguments) == 1
    assert "--force" in capsys.readouterr().err
    assert left.read_bytes() == b"mine"
    assert {path.name for path in tmp_path.iterdir()} == {"left.png"}
    assert scene_module.main([*arguments, "--force"]) == 0
    for name in ("left.png", "right.png"):
        with Image.open(tmp_path / name) as image:
            assert (image.format, image.size, image.mode) == ("PNG", (12, 8), "RGB")
    found = read_calibration(tmp_path / "calib.txt")
    assert (found["size"], found["baseline"]) == ([12, 8], BASELINE_M)
    assert (
        found["left"]
        == found["right"]
        == found["left"]
        | {
            "focal_length": [12.5, 12.5],
            "principal_point": [5.5, 3.5],
        }
    )


def test_the_script_reports_what_it_cannot_do_in_one_line(scene_module, tmp_path, capsys):
    (tmp_path / "file").write_bytes(b"")
    arguments = ["-o", str(tmp_path / "file" / "out"), "--width", "8", "--height", "8"]
    assert scene_module.main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(SystemExit) as stopped:
        scene_module.main(["-o", str(tmp_path), "--width", "0"])
    assert stopped.value.code == 2
