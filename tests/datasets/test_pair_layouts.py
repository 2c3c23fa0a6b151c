"""Where the two views of a pair are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import one_line
from mpo_files import jpeg, mpo, picture, pixels_of
from pair_trees import BESIDE, LAYOUTS, draw, touch
from PIL import Image

from stereocodec.datasets.pairs import PairFiles, find_pairs
from stereocodec.errors import InvalidInput
from stereocodec.training.pairs.data import load_pairs


@pytest.fixture(params=LAYOUTS)
def layout(request, tmp_path):
    for _, left, right in LAYOUTS[request.param]:
        draw(tmp_path / left, 10)
        draw(tmp_path / right, 20)
    for path in BESIDE.get(request.param, ()):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path, LAYOUTS[request.param]


def test_pairs_of_data_sets_are_found_as_they_are_unpacked(layout):
    folder, expected = layout
    assert find_pairs(folder) == [PairFiles(name, folder / left, folder / right) for name, left, right in expected]
    for pair in load_pairs([folder]):
        left, right = pair.stacked().float().mean((1, 2, 3))
        assert (left, right) == (10, 20)


BY_CHANCE = {"flickr1024", "zed"}  # layouts whose names may mean something else where there is no pair beside them


@pytest.mark.parametrize("layout", sorted(LAYOUTS.keys() - BY_CHANCE), indirect=True)
def test_a_missing_view_of_a_data_set_is_named(layout):
    folder, expected = layout
    _, left, right = expected[0]
    if left.startswith("2001"):  # what is left of such a folder would be a pair of its own
        for path in BESIDE["middlebury"][:2]:
            (folder / path).unlink()
    (folder / right).rename(folder / "kept")
    with pytest.raises(InvalidInput, match=rf"{left} has no right view beside it; expected .*{Path(right).name}"):
        find_pairs(folder)
    if "2001" in left:  # of many numbered pictures, those may be any
        return
    (folder / "kept").rename(folder / right)
    (folder / left).unlink()
    with pytest.raises(InvalidInput, match=rf"{right} has no left view beside it; expected .*{Path(left).name}"):
        find_pairs(folder)


def found_in(folder):
    """Names of pairs, and paths in the folder of what lacks its other view, and of what is of no layout."""
    missing, unmatched = [], []
    found = find_pairs(
        folder, lambda file, reason: missing.append((file, reason)), lambda file, reason: unmatched.append(file)
    )
    below = len(str(folder)) + 1
    return (
        [files.name for files in found],
        [f"{file[below:]} {reason}".replace(str(folder) + "/", "") for file, reason in missing],
        [file[below:] for file in unmatched],
    )


@pytest.mark.parametrize(
    ("paths", "names", "missing", "unmatched"),
    [
        # Letters and numbers are chance unless there are pairs beside them.
        (["CONCERT_R.png", "a_left.png", "a_right.png"], ["a"], [], ["CONCERT_R.png"]),
        (["left01.png", "a_left.png", "a_right.png"], ["a"], [], ["left01.png"]),
        (
            ["1_L.png", "1_R.png", "2_R.png"],
            ["1"],
            ["2_R.png has no left view beside it; expected 2_L.png"],
            [],
        ),
        (
            ["left01.png", "right01.png", "left02.png"],
            ["01"],
            ["left02.png has no right view beside it; expected right02.png"],
            [],
        ),
        (["tall_l.png", "tall_m.png", "tail.png", "small_r.jpg", "a_left.png", "a_right.png"], ["a"], [], 4),
        # Only the last mark counts, and both have one case.
        (["x_R_L.png", "x_R_R.png", "x_L.png", "x_R.png"], ["x", "x_R"], [], []),
        (["a_Left.png", "a_Right.png", "b_LEFT.png", "b_RIGHT.png", "c_l.png", "c_r.png"], ["a", "b", "c"], [], []),
        (["a_Left.png", "a_right.png", "b_left.png", "b_right.png"], ["b"], 2, []),
        (["A_left.png", "A_right.png", "a_left.png", "a_right.png"], ["A", "a"], [], []),
        # Folders called so, and words of their names.
        (["Left/1.png", "Right/1.png"], ["1"], [], []),
        (["left/left01.png", "right/right01.png", "a/left/left.png", "a/right/right.png"], ["01", "a"], [], []),
        (["left_images/1.png", "right_images/1.png"], ["images-1"], [], []),
        (["P0/image_left/1_left.png", "P0/image_right/1_right.png"], ["P0-image-1"], [], []),
        (["train-left-image/s/1.jpg", "train-right-image/s/1.jpg"], ["train-image-s-1"], [], []),
        (["left/a/b/1.png", "right/a/b/1.png"], ["a-b-1"], [], []),
        (["upleft/1.png", "upright/1.png", "a_left.png", "a_right.png"], ["a"], [], 2),
        (["left/only.png", "a_left.png", "a_right.png"], ["a"], [], ["left/only.png"]),
        (
            ["left/1.png", "right/1.png", "left/2.png", "right/3_right.png"],
            ["1"],
            [
                "left/2.png has no right view beside it; expected right/2.png",
                "right/3_right.png has no left view beside it; expected left/3_left.png",
            ],
            [],
        ),
        # A mark in names of folders of one view: equal names are pairs.
        (["left/1_R.png", "left/1_L.png", "right/1_R.png", "right/1_L.png"], ["1_L", "1_R"], [], []),
        (["left/turn_left.png", "left/turn_right.png", "right/turn_left.png", "right/turn_right.png"], 2, [], []),
        (["left/turn_left/1.png", "right/turn_left/1.png", "left/turn_right/1.png"], ["turn_left-1"], 1, []),
        # Maps that lie beside photographs, in folders called alike.
        (["left/1.png", "right/1.png", "disp/left/1.png", "disp/right/1.png"], ["1"], [], 2),
        (["a_left.png", "a_right.png", "Depth_Maps/left/1.png", "Depth_Maps/right/1.png"], ["a"], [], 2),
        # Endings: the same in any case first, then another one.
        (["a_left.PNG", "a_right.png", "b_left.JPG", "b_right.jpg"], ["a", "b"], [], []),
        (["a_left.jpg", "a_right.png"], ["a"], [], []),
        (["a_left.jpg", "a_left.png", "a_right.png", "a_right.jpg"], ["a", "a@2"], [], []),
        (
            ["a_left.jpg", "a_left.png", "a_right.png"],
            ["a"],
            ["a_left.jpg has no right view beside it; expected a_right.jpg"],
            [],
        ),
        # Films are no scenes of Middlebury, and of these all other pictures are of no layout.
        ([f"im{number}.png" for number in range(12)] + ["a_left.png", "a_right.png"], ["a"], [], 12),
        ([f"scene/im{number}.ppm" for number in range(9)], ["scene"], [], 7),
        # Cameras of another set: more than seven, or folders of no data set.
        ([f"images/C{camera}/1.png" for camera in range(1, 9)] + ["a_left.png", "a_right.png"], ["a"], [], 8),
        (["classes/C1/1.png", "classes/C4/1.png", "a_left.png", "a_right.png"], ["a"], [], 2),
        (
            ["Wildtrack_dataset/Image_subsets/C1/1.png", "Wildtrack_dataset/Image_subsets/C4/1.png"],
            ["wildtrack-1"],
            [],
            [],
        ),
        # KITTI's tracking set without the right camera; drives need it.
        (["a_left.png", "a_right.png", "training/image_02/0001/000000.png"], ["a"], [], 1),
        (["a_left.png", "a_right.png", "drive/image_02/data/1.png"], ["a"], 1, []),
        # The fish eyes of KITTI-360 look to two sides.
        (["a_left.png", "a_right.png", "s/image_02/data_rgb/1.png", "s/image_03/data_rgb/1.png"], ["a"], [], 2),
        # What systems write beside the files of people.
        (
            [
                "a_left.png",
                "a_right.png",
                "._a_left.png",
                ".git/b_left.png",
                "@eaDir/a_left.png/c_left.png",
                "__MACOSX/._d_left.png",
                "__MACOSX/d_left.png",
            ],
            ["a"],
            [],
            [],
        ),
        # One file with both views, and those that may be such.
        (["day/a.mpo", "b.JPS", "c.pns", "d.heic"], ["b", "c", "day-a"], [], ["d.heic"]),
    ],
)
def test_what_names_and_folders_tell(tmp_path, paths, names, missing, unmatched):
    found = found_in(touch(tmp_path, *paths))
    for told, expected in zip(found, (names, missing, unmatched), strict=True):
        assert (len(told) if isinstance(expected, int) else sorted(told)) == expected, told


def test_layouts_may_lie_side_by_side(tmp_path):
    for name in LAYOUTS:
        for _, left, right in LAYOUTS[name]:
            touch(tmp_path / name, left, right)
        touch(tmp_path / name, *BESIDE.get(name, ()))
    found = find_pairs(tmp_path)
    expected = {
        (tmp_path / name / left, tmp_path / name / right) for name in LAYOUTS for _, left, right in LAYOUTS[name]
    }
    assert {(files.left, files.right) for files in found} == expected
    assert [files.left for files in found] == sorted(files.left for files in found)
    assert len({files.name for files in found}) == len(found)


def test_many_missing_views_are_one_line_with_the_way_to_all(tmp_path):
    folder = touch(tmp_path / "my pairs", *(f"{number}_left.png" for number in range(30)))
    with pytest.raises(InvalidInput) as error:
        find_pairs(folder)
    assert one_line(error) == (
        f"{folder}/0_left.png has no right view beside it; expected 0_right.png; 29 more like it: "
        f"bisic eval '{folder}' --list names all"
    )


def test_links_are_followed_once(tmp_path):
    elsewhere = touch(tmp_path / "elsewhere", "a_left.png", "a_right.png")
    data = touch(tmp_path / "data", "b_left.png", "z/c_left.png", "z/c_right.png")
    (data / "b_right.png").symlink_to(elsewhere / "a_right.png")
    (data / "linked").symlink_to(elsewhere)
    (data / "a").symlink_to(data / "z")
    (elsewhere / "back").symlink_to(data)
    assert [(f.name, f.left.relative_to(data).as_posix()) for f in find_pairs(data)] == [
        ("b", "b_left.png"),
        ("a", "linked/a_left.png"),
        ("c", "z/c_left.png"),
    ]


def test_the_other_view_of_a_part_lies_elsewhere(tmp_path):
    touch(tmp_path, "set/left/1.png", "set/right/1.png", "set/right/2.png", "drive/image_02/data/3.png")
    touch(tmp_path, "drive/image_03/data/3.png", "mav0/cam0/data/4.png", "mav0/cam1/data/4.png")
    for part in ("set/left", "drive/image_02", "drive/image_02/data", "mav0/cam0"):
        (files,) = find_pairs(tmp_path / part)
        assert files.right.is_file()
    # The right views alone are pairs as well; those without a left one are missing it.
    names, missing, _ = found_in(tmp_path / "set" / "right")
    assert names == ["1"]
    assert len(missing) == 1


def test_one_file_is_read_as_both_views(tmp_path):
    left, right = jpeg(picture(1)), jpeg(picture(2))
    (tmp_path / "a.mpo").write_bytes(mpo([left, right]))
    Image.fromarray(np.hstack([pixels_of(right), pixels_of(left)])).save(tmp_path / "b.pns", "PNG")
    # Whatever its name, a list can name it as both.
    (tmp_path / "phone.jpg").write_bytes(mpo([left, right]))
    (tmp_path / "list.txt").write_text("phone.jpg phone.jpg\n")
    found = [*find_pairs(tmp_path), *find_pairs(tmp_path / "list.txt")]
    assert [(files.name, files.left.name, files.right.name) for files in found] == [
        ("a", "a.mpo", "a.mpo"),
        ("b", "b.pns", "b.pns"),
        ("phone", "phone.jpg", "phone.jpg"),
    ]
    for files in found:
        for view, expected in zip(files.load(), (left, right), strict=True):
            np.testing.assert_array_equal(view, pixels_of(expected))
    (tmp_path / "a.mpo").write_bytes(left)
    with pytest.raises(InvalidInput, match=r"a\.mpo is one picture of 32x24"):
        found[0].load()


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
