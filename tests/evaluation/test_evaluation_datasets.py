"""Pairs of an evaluation: layouts, groups, published crops, and what is named and left out."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import one_line
from PIL import Image

from stereocodec.errors import InvalidInput
from stereocodec.evaluation.datasets import CROPS, content_hash, find_dataset, parse_crop, usable


def save(path, width=8, height=6, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), (value, 1, 2)).save(path)


def test_groups_are_those_of_the_manifest_or_of_the_layout(tmp_path):
    for name in ("near_left.png", "near_right.png", "set/im0.png", "set/im1.png", "t/image_2/0.png", "t/image_3/0.png"):
        save(tmp_path / name)
    (tmp_path / "manifest.csv").write_text("name,group\nnear,close\n", encoding="utf-8")
    found = find_dataset(tmp_path)
    assert found.problems == ()
    assert {(pair.name, pair.group) for pair in found.pairs} == {
        ("near", "close"),
        ("set", "middlebury"),
        ("kitti2015-t-0", "kitti2015"),
    }


def test_lists_have_groups_and_names(tmp_path):
    for name in ("a.png", "b.png"):
        save(tmp_path / name)
    lines = "left,right,name,group\na.png,b.png,one,first\nb.png,a.png,two,\n"
    (tmp_path / "pairs.csv").write_text(lines, encoding="utf-8")
    found = find_dataset(tmp_path / "pairs.csv")
    assert [(pair.name, pair.group) for pair in found.pairs] == [("one", "first"), ("two", "pairs")]


def test_splits_and_names_choose(tmp_path):
    for split in ("train", "test"):
        for scene in ("000001", "000002"):
            for view in ("left", "right"):
                save(tmp_path / split / scene / f"{view}.png")
    assert len(find_dataset(tmp_path).pairs) == 4
    assert [pair.name for pair in find_dataset(tmp_path, split="test").pairs] == ["test-000001", "test-000002"]
    chosen = find_dataset(tmp_path, names=["train-000002", "gone"])
    assert [pair.name for pair in chosen.pairs] == ["train-000002"]
    assert [problem.name for problem in chosen.problems] == ["gone"]
    with pytest.raises(InvalidInput, match="validation") as error:
        find_dataset(tmp_path, split="validation")
    one_line(error)


def test_what_cannot_be_used_is_named_and_the_rest_stays(tmp_path):
    save(tmp_path / "good_left.png"), save(tmp_path / "good_right.png")
    save(tmp_path / "alone_left.png"), save(tmp_path / "widow_right.png")
    save(tmp_path / "unequal_left.png"), save(tmp_path / "unequal_right.png", width=9)
    save(tmp_path / "broken_left.png"), save(tmp_path / "good_disparity.png")
    (tmp_path / "broken_right.png").write_bytes(b"no picture")
    hashes, dataset = usable(find_dataset(tmp_path))
    assert [pair.name for pair in dataset.pairs] == ["good"]
    assert hashes.keys() == {"good"}
    assert [problem.name for problem in dataset.unmatched] == [str(tmp_path / "good_disparity.png")]
    reasons = {problem.name.rpartition("/")[2]: problem.reason for problem in dataset.problems}
    assert reasons.keys() == {"alone_left.png", "widow_right.png", "unequal", "broken"}
    assert "alone_right.png" in reasons["alone_left.png"]
    assert "no left view" in reasons["widow_right.png"]
    assert "8x6" in reasons["unequal"]
    assert "9x6" in reasons["unequal"]
    assert "not a picture" in reasons["broken"]


def test_a_line_of_a_list_without_its_file_is_named(tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "pairs.csv").write_text("left,right\na.png,a.png\na.png,gone.png\n", encoding="utf-8")
    found = find_dataset(tmp_path / "pairs.csv")
    assert len(found.pairs) == 1
    assert [(problem.name.endswith("gone.png"), problem.reason) for problem in found.problems] == [
        (True, "is not a file")
    ]


@pytest.mark.parametrize(
    ("left", "right", "group"),
    [
        ("leftImg8bit/test/a/x_leftImg8bit.png", "rightImg8bit/test/a/x_rightImg8bit.png", "cityscapes"),
        ("drive/image_02/data/1.png", "drive/image_03/data/1.png", "kittiraw"),
        ("training/image_02/0001/1.png", "training/image_03/0001/1.png", "kittitracking"),
        ("V1_01/mav0/cam0/data/1.png", "V1_01/mav0/cam1/data/1.png", "euroc"),
        ("images/C1/1.png", "images/C4/1.png", "wildtrack"),
        ("frames_finalpass_webp/TRAIN/left/1.webp", "frames_finalpass_webp/TRAIN/right/1.webp", "sceneflow"),
        ("test/left/x_left.jpg", "test/right/x_right.jpg", "mine"),
    ],
)
def test_groups_of_data_sets_are_known_by_their_folders(tmp_path, left, right, group):
    for path in (left, right, "maps/disparity.png"):
        save(tmp_path / "mine" / path)
    found = find_dataset(tmp_path / "mine")
    assert [pair.group for pair in found.pairs] == [group]
    assert [problem.name for problem in found.unmatched] == [str(tmp_path / "mine" / "maps" / "disparity.png")]


def test_of_drives_of_kitti_colour_alone_can_be_chosen(tmp_path):
    for camera in range(4):
        save(tmp_path / "drive" / f"image_0{camera}" / "data" / "1.png")
    assert len(find_dataset(tmp_path).pairs) == 2
    (pair,) = find_dataset(tmp_path, split="image_02").pairs
    assert pair.right.parts[-3] == "image_03"


@pytest.mark.parametrize("source", ["nowhere", "empty", "nowhere.csv"])
def test_sources_without_pairs_are_refused(tmp_path, source):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput) as error:
        find_dataset(tmp_path / source)
    assert source in one_line(error)


@pytest.mark.parametrize(
    ("name", "size", "rows", "columns"),
    [
        ("cityscapes-1792x704", (2048, 1024), (64, 767), (128, 1919)),
        ("cityscapes-1920x768", (2048, 1024), (64, 831), (128, 2047)),
        ("instereo2k-1024x832", (1080, 860), (14, 845), (28, 1051)),
        ("instereo2k-1056x832", (1080, 860), (14, 845), (12, 1067)),
        ("1792x704", (2048, 1024), (64, 767), (128, 1919)),
        ("4x2", (8, 6), (2, 3), (2, 5)),
    ],
)
def test_crops_are_the_published_ones(name, size, rows, columns):
    width, height = size
    view = np.zeros((height, width, 3), np.uint8)
    view[..., 0], view[..., 1] = (np.arange(height) % 256)[:, None], (np.arange(width) % 256)[None]
    view[..., 2] = (np.arange(height) // 256)[:, None] * 16 + (np.arange(width) // 256)[None]
    part = parse_crop(name).apply(view)
    np.testing.assert_array_equal(part[0, 0], view[rows[0], columns[0]])
    np.testing.assert_array_equal(part[-1, -1], view[rows[1], columns[1]])
    assert part.shape == (rows[1] - rows[0] + 1, columns[1] - columns[0] + 1, 3)


def test_crops_refuse_pictures_that_they_are_not_made_for():
    view = np.zeros((20, 30, 3), np.uint8)
    with pytest.raises(InvalidInput, match="2048x1024"):
        CROPS["cityscapes-1920x768"].apply(view)
    with pytest.raises(InvalidInput, match="too small"):
        parse_crop("31x20").apply(view)
    for text in ("wide", "0x5", "5", "x"):
        with pytest.raises(InvalidInput, match="unknown crop"):
            parse_crop(text)


def test_hashes_follow_contents_and_shapes():
    view = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    changed = view.copy()
    changed[1, 1, 1] += 1
    hashes = {content_hash(pair) for pair in ((view, view), (view, changed), (changed, view))}
    hashes.add(content_hash((view.reshape(4, 2, 3), view.reshape(4, 2, 3))))
    assert len(hashes) == 4
    assert content_hash((view.copy(), view)) == content_hash((view, view))
