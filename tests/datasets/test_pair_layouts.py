"""Where the two views of a pair are found."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from stereocodec.datasets.pairs import PairFiles, find_pairs
from stereocodec.errors import InvalidInput
from stereocodec.training.examples import load_photos
from stereocodec.training.pairs.data import load_pairs

LAYOUTS = {
    "instereo2k": [
        ("test-000001", "test/000001/left.png", "test/000001/right.png"),
        ("train-000001", "train/000001/left.png", "train/000001/right.png"),
    ],
    "cityscapes": [
        (
            "aachen_000000_000019",
            "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png",
            "rightImg8bit/train/aachen/aachen_000000_000019_rightImg8bit.png",
        ),
    ],
    "kitti-2012": [
        ("kitti2012-testing-000000_10", "testing/colored_0/000000_10.png", "testing/colored_1/000000_10.png"),
        ("kitti2012-training-000000_10", "training/colored_0/000000_10.png", "training/colored_1/000000_10.png"),
        ("kitti2012-training-000000_11", "training/colored_0/000000_11.png", "training/colored_1/000000_11.png"),
    ],
    "kitti-2015": [
        ("kitti2015-training-000000_10", "training/image_2/000000_10.png", "training/image_3/000000_10.png"),
    ],
    "middlebury": [
        ("2001-barn1", "2001/barn1/im2.ppm", "2001/barn1/im6.ppm"),
        ("2006-Aloe-Illum1-Exp0", "2006/Aloe/Illum1/Exp0/view1.png", "2006/Aloe/Illum1/Exp0/view5.png"),
        ("2014-Adirondack-perfect", "2014/Adirondack-perfect/im0.png", "2014/Adirondack-perfect/im1.png"),
    ],
}
BESIDE = {
    "instereo2k": ["train/000001/left_disp.png"],
    "cityscapes": ["camera/train/aachen/aachen_000000_000019_camera.json"],
    "kitti-2012": ["training/image_0/000000_10.png", "training/disp_occ/000000_10.png"],
    "kitti-2015": ["training/disp_occ_0/000000_10.png"],
    "middlebury": ["2001/barn1/im0.ppm", "2001/barn1/im1.ppm", "2014/Adirondack-perfect/im1E.png"],
}


def draw(path, shade=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), (shade, shade, shade)).save(path)


@pytest.fixture(params=LAYOUTS)
def layout(request, tmp_path):
    for _, left, right in LAYOUTS[request.param]:
        draw(tmp_path / left, 10)
        draw(tmp_path / right, 20)
    for path in BESIDE[request.param]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path, LAYOUTS[request.param]


def test_pairs_of_data_sets_are_found_as_they_are_unpacked(layout):
    folder, expected = layout
    assert find_pairs(folder) == [PairFiles(name, folder / left, folder / right) for name, left, right in expected]
    for pair in load_pairs([folder]):
        left, right = pair.stacked().float().mean((1, 2, 3))
        assert (left, right) == (10, 20)


def test_a_missing_right_view_of_a_data_set_is_named(layout):
    folder, expected = layout
    right = folder / expected[0][2]
    right.unlink()
    with pytest.raises(InvalidInput, match=rf"has no right view beside it; expected .*{right.name}"):
        # What is left of a folder of 2001 is a pair of its own.
        find_pairs(folder if right.suffix == ".png" else _without(folder, BESIDE["middlebury"][:2]))


def _without(folder, paths):
    for path in paths:
        (folder / path).unlink()
    return folder


def test_parts_of_a_data_set_may_be_given(tmp_path, monkeypatch):
    for name in ("cityscapes", "kitti-2015", "instereo2k"):
        for _, left, right in LAYOUTS[name]:
            draw(tmp_path / left)
            draw(tmp_path / right)
    assert [f.name for f in find_pairs(tmp_path / "leftImg8bit" / "train" / "aachen")] == ["aachen_000000_000019"]
    assert [f.name for f in find_pairs(tmp_path / "train" / "000001")] == ["000001"]
    monkeypatch.chdir(tmp_path / "training" / "image_2")
    (found,) = find_pairs(type(tmp_path)())
    assert found.name == "kitti2015-training-000000_10"
    assert found.right == tmp_path / "training" / "image_3" / "000000_10.png"


def test_lists_name_their_pairs_relative_to_themselves(tmp_path):
    for path in ("in/a_left.png", "in/b.png", "scene/left.png", "other.png"):
        draw(tmp_path / path)
    lines = [
        "left, right, name",
        "in/a_left.png, other.png,",
        f"in/b.png, {tmp_path / 'other.png'}, mine",
        "",
        '"scene/left.png", other.png',
    ]
    (tmp_path / "pairs.csv").write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    found = find_pairs(tmp_path / "pairs.csv")
    assert [f.name for f in found] == ["a", "mine", "scene"]
    assert found[0].left == tmp_path / "in" / "a_left.png"
    assert {f.right for f in found} == {tmp_path / "other.png"}
    assert len(load_pairs([tmp_path / "pairs.csv"])) == 3


def test_names_that_occur_again_are_numbered(tmp_path):
    for shade, folder in enumerate(("first", "second", "third")):
        for view in ("left", "right"):
            draw(tmp_path / folder / f"scene_{view}.png", shade)
    draw(tmp_path / "third" / "scene@2_left.png", 3)
    draw(tmp_path / "third" / "scene@2_right.png", 3)
    loaded = load_pairs([tmp_path / folder for folder in ("first", "second", "third")])
    shades = {pair.name: int(pair.pixels[0, 0, 0]) for pair in loaded}
    assert len(shades) == 4
    assert shades["scene"] == 0
    assert shades["scene@2"] == 3
    assert sorted(shades.values()) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"left,other\na,b\n", r"pairs.csv has no column 'right'; its first line must be left,right"),
        (b"", r"pairs.csv has no column 'left'"),
        (b"left,right\n", r"no pairs in .*pairs.csv"),
        (b"left,right\nhere.png,here.png\nhere.png,gone.png\n", r"pairs.csv, line 3: .*gone.png is not a file"),
        (b"left,right\nhere.png\n", r"pairs.csv, line 2: .* is not a file"),
        (b"left,right\n\xff,b\n", r"pairs.csv is no CSV list in UTF-8"),
        (None, r"pairs.csv cannot be read: No such file"),
    ],
)
def test_lists_that_are_none_are_refused(tmp_path, content, message):
    draw(tmp_path / "here.png")
    if content is not None:
        (tmp_path / "pairs.csv").write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        find_pairs(tmp_path / "pairs.csv")


def test_photographs_are_found_in_folders_below(tmp_path):
    pixels = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    (tmp_path / "deep").mkdir()
    Image.fromarray(pixels).save(tmp_path / "deep" / "b.PNG")
    Image.fromarray(pixels[::-1].copy()).save(tmp_path / "a.webp", lossless=True)
    (tmp_path / "manifest.csv").touch()
    first, second = load_photos([tmp_path])
    assert (first.name, second.name) == ("a", "b")
    assert np.array_equal(second.pixels.numpy(), pixels)
    assert [p.name for p in load_photos([tmp_path / "a.webp"])] == ["a"]


def test_folders_without_photographs_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="nowhere is not a folder"):
        load_photos([tmp_path / "nowhere"])
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InvalidInput, match="no photographs in"):
        load_photos([tmp_path])
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InvalidInput, match=r"a.png"):
        load_photos([tmp_path])
