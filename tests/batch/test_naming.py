"""Which pairs a batch has, and where their files go."""

from __future__ import annotations

from pathlib import Path

import pytest

from stereocodec.batch.naming import decode_jobs, encode_jobs, is_many
from stereocodec.errors import InvalidInput


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def outputs(jobs, folder):
    return [job.output.relative_to(folder).as_posix() for job in jobs]


@pytest.mark.parametrize(
    ("files", "mirrored"),
    [
        (["a_left.png", "a_right.png", "deep/b_left.png", "deep/b_right.png"], ["a.bsc", "deep/b.bsc"]),
        (["train/007/left.png", "train/007/right.png"], ["train/007.bsc"]),
        (["Art/im0.png", "Art/im1.png", "Books/im0.png", "Books/im1.png"], ["Art.bsc", "Books.bsc"]),
        (["x/image_2/01.png", "x/image_3/01.png"], ["x/image_2/01.bsc"]),
        (["left/7.png", "right/7.png"], ["left/7.bsc"]),
        (["one.mpo", "b/two.jps"], ["b/two.bsc", "one.bsc"]),
    ],
)
def test_folders_are_mirrored(tmp_path, files, mirrored):
    touch(tmp_path / "in", *files)
    jobs = encode_jobs([str(tmp_path / "in")], tmp_path / "out")
    assert sorted(outputs(jobs, tmp_path / "out")) == mirrored
    assert [job.name + ".bsc" for job in jobs] == outputs(jobs, tmp_path / "out")
    assert [job.right is None for job in jobs] == [job.left.suffix in (".mpo", ".jps") for job in jobs]


def test_a_folder_that_is_one_pair_has_its_name(tmp_path):
    touch(tmp_path / "desk", "left.png", "right.png")
    assert outputs(encode_jobs([str(tmp_path / "desk")], tmp_path), tmp_path) == ["desk.bsc"]


def test_lists_are_mirrored_below_what_their_pairs_share(tmp_path):
    touch(tmp_path / "in", "x/a_left.png", "x/a_right.png", "y/a_left.png", "y/a_right.png")
    (tmp_path / "list.txt").write_text("in/x/a_left.png in/x/a_right.png\nin/y/a_left.png in/y/a_right.png\n")
    jobs = encode_jobs([str(tmp_path / "list.txt")], tmp_path)
    assert outputs(jobs, tmp_path) == ["x/a.bsc", "y/a.bsc"]


def test_nothing_is_written_beside_the_folder(tmp_path):
    touch(tmp_path, "x/image_2/01.png", "x/image_3/01.png", "y/a_left.png", "y/a_right.png")
    of_right_views = encode_jobs([str(tmp_path / "x" / "image_3")], tmp_path / "out")
    assert outputs(of_right_views, tmp_path / "out") == ["image_2/01.bsc"]
    (tmp_path / "x" / "list.csv").write_text(
        "name,left,right\n../../n,../y/a_left.png,../y/a_right.png\n../../m,image_2/01.png,image_3/01.png\n"
    )
    listed = encode_jobs([str(tmp_path / "x" / "list.csv")], tmp_path / "out")
    assert outputs(listed, tmp_path / "out") == ["y/a.bsc", "x/image_2/01.bsc"]


def test_names_of_several_sources_differ(tmp_path):
    for folder in ("one", "two"):
        touch(tmp_path / folder, "a_left.png", "a_right.png")
    jobs = encode_jobs([str(tmp_path / "one"), str(tmp_path / "two")], tmp_path)
    assert outputs(jobs, tmp_path) == ["a.bsc", "a@2.bsc"]


def test_files_are_views_or_pairs(tmp_path):
    two = encode_jobs(["x/shot_left.png", "x/shot_right.png"], tmp_path)
    assert [(job.name, job.left.name, job.right.name) for job in two] == [("shot", "shot_left.png", "shot_right.png")]
    assert [job.right for job in encode_jobs(["a.png", "b.png", "c.png"], tmp_path)] == [None] * 3
    assert [job.name for job in encode_jobs(["a.mpo", "b.MPO"], tmp_path)] == ["a", "b"]
    assert is_many(["a.mpo", "b.MPO"])
    assert not is_many(["a.mpo"])
    assert not is_many(["left.heic", "right.heic"])
    assert not is_many(["a.png", "b.png"])
    assert is_many([str(tmp_path)])
    assert is_many(["pairs.csv"])


def test_what_is_in_no_pair_is_told(tmp_path):
    touch(tmp_path, "a_left.png", "a_right.png", "b_left.png", "other.png")
    with pytest.raises(InvalidInput, match=r"b_left\.png"):
        encode_jobs([str(tmp_path)], tmp_path)
    told = []
    jobs = encode_jobs([str(tmp_path)], tmp_path, lambda file, reason: told.append(Path(file).name))
    assert [job.name for job in jobs] == ["a"]
    assert sorted(told) == ["b_left.png", "other.png"]


def test_trees_of_files_are_mirrored_too(tmp_path):
    touch(tmp_path / "in", "a.bsc", "deep/b.bsc", "notes.txt")
    jobs = decode_jobs([str(tmp_path / "in"), "c.bsc"], tmp_path / "out")
    assert [job.output for job in jobs] == [tmp_path / "out" / name for name in ("a", "deep/b", "c")]
    assert [job.output for job in decode_jobs([str(tmp_path / "in")], None)] == [None, None]
    touch(tmp_path / "in", "._a.bsc")
    twice = decode_jobs([str(tmp_path / "in"), "other/a.bsc", "a.bsc"], tmp_path / "out")
    assert [job.output for job in twice] == [tmp_path / "out" / name for name in ("a", "deep/b", "a@2", "a@3")]
    (tmp_path / "out").mkdir()
    with pytest.raises(InvalidInput, match=r"out has no \.bsc files"):
        decode_jobs([str(tmp_path / "out")], None)
