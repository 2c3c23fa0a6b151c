"""Where the colour picture and the depth map of a frame are found, and in which unit."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from stereocodec.datasets.frames import find_frames
from stereocodec.errors import InvalidInput
from stereocodec.training.config import TrainingConfig
from stereocodec.training.frames.data import load_frames

LAYOUTS = {
    "beside": [("a", "x/a_color.png", "x/a_depth.png"), ("b", "x/b_color.jpg", "x/b_depth.png")],
    "nyu": [(f"train-000{n}", f"train/rgb/000{n}.png", f"train/depth/000{n}.png") for n in (1, 2)],
    "authors": [("5", "color/5.png", "gt/5.png")],
    "sun": [("kv1-NYU0001-NYU0001", "kv1/NYU0001/image/NYU0001.jpg", "kv1/NYU0001/depth/NYU0001.png")],
    "by order": [("0103", "image/0103.jpg", "depth/0104.png"), ("0200", "image/0200.jpg", "depth/9.png")],
}


def draw(path, depth=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    if depth is None:
        Image.new("RGB", (6, 4), (90, 90, 90)).save(path)
    else:
        Image.fromarray(np.full((4, 6), depth, np.uint16)).save(path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout, tmp_path):
    for _, color, depth in LAYOUTS[layout]:
        draw(tmp_path / color)
        draw(tmp_path / depth, 1000)
    if layout == "sun":
        (tmp_path / "kv1" / "NYU0001" / "intrinsics.txt").touch()
    found = [(f.name, f.color, f.depth) for f in find_frames(tmp_path)]
    assert found == [(name, tmp_path / color, tmp_path / depth) for name, color, depth in LAYOUTS[layout]]


def test_tum_matches_the_nearest_times(tmp_path):
    sequence = tmp_path / "freiburg1"
    times = {"rgb": ("1.000", "1.100", "1.200"), "depth": ("1.009", "1.095", "1.15")}
    for kind, moments in times.items():
        lines = [f"{moment} {kind}/{moment}.png" for moment in moments]
        for moment in moments:
            draw(sequence / kind / f"{moment}.png", None if kind == "rgb" else 5000)
        (sequence / f"{kind}.txt").write_text("\n".join(["# time file", *lines]) + "\n")
    found = find_frames(tmp_path)
    # The third colour picture has no depth within 20 ms.
    assert [(f.name, f.color.name, f.depth.name) for f in found] == [
        ("freiburg1-1.000", "1.000.png", "1.009.png"),
        ("freiburg1-1.100", "1.100.png", "1.095.png"),
    ]
    assert load_frames([tmp_path], TrainingConfig())[0].depth.metres_per_step == 1 / 5000
    assert load_frames([tmp_path], TrainingConfig(depth_unit="mm"))[0].depth.metres_per_step == 0.001
    (sequence / "rgb" / "1.000.png").unlink()
    with pytest.raises(InvalidInput, match=r"1\.000\.png is not a file, but .*freiburg1 lists it"):
        find_frames(tmp_path)
    (sequence / "depth.txt").write_text("no time\n")
    with pytest.raises(InvalidInput, match="is no list of times and files of TUM RGB-D"):
        find_frames(tmp_path)


def test_lists(tmp_path):
    draw(tmp_path / "c.png")
    draw(tmp_path / "d.png", 1000)
    (tmp_path / "list.csv").write_text("name,color,depth\n,c.png,d.png\nother,c.png,d.png\nother,c.png,d.png\n")
    assert [f.name for f in find_frames(tmp_path / "list.csv")] == ["c", "other", "other@2"]
    (tmp_path / "list.csv").write_text("left,right\nc.png,d.png\n")
    with pytest.raises(InvalidInput, match="has no column 'color'; its first line must be color,depth or more"):
        find_frames(tmp_path / "list.csv")


@pytest.mark.parametrize("unit", ["", "sun"])
def test_sun_rgb_d_is_turned_back(unit, tmp_path):
    draw(tmp_path / "image" / "a.jpg")
    millimetres = np.array([[1, 1000, 7999, 8191, 40000, 0]] * 4, np.uint16)
    rotated = millimetres << 3 | millimetres >> 13
    (tmp_path / "depth").mkdir()
    Image.fromarray(rotated).save(tmp_path / "depth" / "a.png")
    if not unit:
        (tmp_path / "intrinsics.txt").touch()
    (frame,) = load_frames([tmp_path], TrainingConfig(depth_unit=unit))
    assert np.array_equal(frame.depth.samples, millimetres)
    assert frame.depth.metres_per_step == 0.001


def test_the_range_is_the_frame_s_or_the_configured_one(tmp_path):
    draw(tmp_path / "a_color.png")
    draw(tmp_path / "a_depth.png", 1000)
    samples = np.full((4, 6), 1000, np.uint16)
    samples[0] = 3000
    samples[1] = 0
    Image.fromarray(samples).save(tmp_path / "a_depth.png")
    own, fixed, inverse = (
        load_frames([tmp_path], TrainingConfig(depth_range=limits, depth_mode=mode))[0]
        for limits, mode in (((), "linear"), ((0, 2), "linear"), ((0, 2), "inverse"))
    )
    assert (own.near, own.far) == (1000, 3000)
    assert (fixed.near, fixed.far) == (0, 2000)
    assert (inverse.near, inverse.far) == (1, 2000)
    assert own.for_training()[:, 0, 3].tolist() == [1, pytest.approx(0.5, abs=0.5), 0, 0]
    assert fixed.for_training()[0, 0, 3] == 1  # clipped
    assert own.for_training()[:, 0, 4].tolist() == [1, 0, 1, 1]


def test_frames_without_measurements_are_left_out(tmp_path):
    for name, depth in (("a", 0), ("b", 5)):
        draw(tmp_path / f"{name}_color.png")
        draw(tmp_path / f"{name}_depth.png", depth)
    assert [f.name for f in load_frames([tmp_path], TrainingConfig())] == ["b"]


def test_what_is_no_frame_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="is not a folder; give folders of frames"):
        find_frames(tmp_path / "missing")
    with pytest.raises(InvalidInput, match="no frames in"):
        find_frames(tmp_path)
    draw(tmp_path / "a_color.png")
    with pytest.raises(InvalidInput, match=r"a_color.png has no depth beside it; expected a_depth.png"):
        find_frames(tmp_path)
    draw(tmp_path / "a_depth.png")
    with pytest.raises(InvalidInput, match=r"a_depth\.png is a picture of mode RGB, not a depth map"):
        load_frames([tmp_path], TrainingConfig())
    Image.fromarray(np.ones((5, 6), np.uint16)).save(tmp_path / "a_depth.png")
    with pytest.raises(InvalidInput, match=r"a_color.png and a_depth.png: color is 6x4, depth is 6x5"):
        load_frames([tmp_path], TrainingConfig())


def test_folders_that_do_not_agree_are_named(tmp_path):
    for name in ("1", "2"):
        draw(tmp_path / "color" / f"{name}.png")
    draw(tmp_path / "depth" / "x.png", 5)
    with pytest.raises(InvalidInput, match="has 2 pictures, and depth has 1 of other names"):
        find_frames(tmp_path)
    draw(tmp_path / "depth" / "1.png", 5)
    with pytest.raises(InvalidInput, match=r"2.png has no depth; expected .*2.png"):
        find_frames(tmp_path)


def test_frames_that_lack_a_picture_are_told_and_left_out_where_that_is_asked_for(tmp_path):
    draw(tmp_path / "a_color.png")
    draw(tmp_path / "b_color.png")
    draw(tmp_path / "b_depth.png", 5)
    for name in ("1", "2"):
        draw(tmp_path / "scene" / "color" / f"{name}.png")
    draw(tmp_path / "scene" / "depth" / "1.png", 5)
    told = []
    found = find_frames(tmp_path, on_missing=lambda file, reason: told.append((file, reason)))
    assert [frame.name for frame in found] == ["b", "scene-1"]
    assert [file for file, _ in told] == [str(tmp_path / "a_color.png"), str(tmp_path / "scene" / "color" / "2.png")]
    assert all("depth" in reason for _, reason in told)
