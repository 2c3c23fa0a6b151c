"""Lists of files that belong together, with and without names of columns."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import one_line
from pair_trees import draw

from stereocodec.datasets.frames import find_frames
from stereocodec.datasets.pairs import find_pairs
from stereocodec.errors import InvalidInput
from stereocodec.evaluation.datasets import find_dataset
from stereocodec.training.pairs.data import load_pairs


@pytest.fixture
def folder(tmp_path):
    """Files in the folder that lists lie in, and in one beside it."""
    for path in ("in/a.png", "in/b.png", "in/my left.png", "in/my, right.png", "other/c.png"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("list.txt", "a.png b.png\n", [("a.png", "b.png")]),
        ("list.txt", "a.png \t  b.png  \n\n# a comment\n  b.png\ta.png\r\n", [("a.png", "b.png"), ("b.png", "a.png")]),
        ("LIST.CSV", "a.png,b.png\nb.png, a.png", [("a.png", "b.png"), ("b.png", "a.png")]),
        ("list.csv", "a.png b.png\n", [("a.png", "b.png")]),
        ("list.txt", "a.png, b.png\n", [("a.png", "b.png")]),
        ("list.csv", '# made by hand\n"my left.png","my, right.png"\n', [("my left.png", "my, right.png")]),
        ("list.txt", '"my left.png" a.png\n', [("my left.png", "a.png")]),
        ("list.txt", "a.png b.png disparity/a.pfm\n", [("a.png", "b.png")]),
        ("list.txt", "left right\na.png b.png\n", [("a.png", "b.png")]),
        ("list.csv", "Right,Left\nb.png,a.png\n", [("a.png", "b.png")]),
        ("list.txt", "../other/c.png a.png\n", [("../other/c.png", "a.png")]),
        ("list.txt", "\ufeffa.png b.png\n", [("a.png", "b.png")]),
    ],
)
def test_two_files_a_line_are_relative_to_the_list(folder, monkeypatch, name, text, expected):
    (folder / "in" / name).write_text(text, encoding="utf-8", newline="")
    monkeypatch.chdir(folder / "other")
    found = find_pairs(folder / "in" / name)
    assert [(f.left, f.right) for f in found] == [tuple(folder / "in" / path for path in pair) for pair in expected]


def test_a_third_column_has_names_only_under_a_name(folder):
    (folder / "in" / "list.csv").write_text("a.png,b.png,mine\n")
    assert [f.name for f in find_pairs(folder / "in" / "list.csv")] == ["a"]
    (folder / "in" / "list.csv").write_text("left,right,name\na.png,b.png,mine\n")
    assert [f.name for f in find_pairs(folder / "in" / "list.csv")] == ["mine"]


def test_lists_of_frames_and_of_an_evaluation_need_no_names_either(folder):
    (folder / "in" / "list.txt").write_text("a.png b.png\n")
    (frame,) = find_frames(folder / "in" / "list.txt")
    assert (frame.color.name, frame.depth.name) == ("a.png", "b.png")
    (pair,) = find_dataset(folder / "in" / "list.txt").pairs
    assert (pair.name, pair.group) == ("a", "list")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a.png\nb.png\n", "list.txt, line 1 names one file; each line must name two"),
        ("# nothing\n\na.png\n", "list.txt, line 3 names one file"),
        ("a.png b.png\n# a comment\na.png gone.png\n", "in/gone.png is not a file"),
        ("a.png b.png\na.png\n", "list.txt, line 2: "),
        ("a.png gone.png\nb.png lost.png\n", "gone.png is not a file; 1 more like it: bisic eval "),
        ('a.png "' + "b" * 200_000 + '"\n', "list.txt is no CSV list"),
        ("", "list.txt has no column 'left'"),
        ("name,left\nx,a.png\n", "list.txt has no column 'right'"),
    ],
)
def test_what_is_no_list_is_told_in_one_line(folder, text, told):
    (folder / "in" / "list.txt").write_text(text)
    with pytest.raises(InvalidInput) as error:
        find_pairs(folder / "in" / "list.txt")
    assert told in one_line(error)


def test_missing_files_of_a_list_are_named_with_their_lines(folder):
    (folder / "in" / "list.txt").write_text("# comment\ngone.png a.png\na.png b.png\na.png lost.png\n")
    missing = []
    found = find_pairs(folder / "in" / "list.txt", lambda file, reason: missing.append(file))
    assert [f.name for f in found] == ["a"]
    assert missing == [
        f"{folder}/in/list.txt, line {line}: {folder}/in/{name}.png" for line, name in ((2, "gone"), (4, "lost"))
    ]


def test_arrays_of_a_list_are_read(tmp_path):
    views = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)
    for name, view in zip(("a.npy", "b.npy"), views, strict=True):
        np.save(tmp_path / name, view)
    (tmp_path / "list.csv").write_text("left,right\na.npy,b.npy\n")
    (pair,) = find_pairs(tmp_path / "list.csv")
    np.testing.assert_array_equal(pair.load(), views)


def test_folders_may_be_called_like_lists(tmp_path):
    for view in ("left", "right"):
        (tmp_path / "set.csv").mkdir(exist_ok=True)
        (tmp_path / "set.csv" / f"a_{view}.png").touch()
    assert len(find_pairs(tmp_path / "set.csv")) == 1


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
