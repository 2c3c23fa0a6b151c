"""Which files of a folder are its pictures."""

from __future__ import annotations

import os

import pytest
from conftest import one_line

from stereocodec.datasets.folders import pictures_in
from stereocodec.datasets.frames import find_frames
from stereocodec.errors import InvalidInput


def test_hidden_files_and_those_of_systems_are_no_pictures(tmp_path):
    kept = ["a.png", "b/C.JPG", "b.x/d.tiff"]
    others = [
        "._a.png",
        ".thumbnails/a.png",
        "b/._C.JPG",
        "@eaDir/a.png/thumb.jpg",
        "__MACOSX/a.png",
        "$RECYCLE.BIN/a.png",
    ]
    for path in [*kept, *others, "notes.txt", "lost+found/a.png", "#recycle/a.png"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    assert pictures_in(tmp_path) == sorted(tmp_path / path for path in kept)
    # A folder that is named counts, whatever it is called.
    assert pictures_in(tmp_path / ".thumbnails") == [tmp_path / ".thumbnails" / "a.png"]


def test_frames_pass_over_hidden_files(tmp_path):
    for name in ("a_color.png", "a_depth.png", "._a_color.png", "._a_depth.png", "._b_color.png"):
        (tmp_path / name).touch()
    assert [frame.name for frame in find_frames(tmp_path)] == ["a"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refusing(path):
        if os.path.basename(path) == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(InvalidInput) as error:
        pictures_in(tmp_path)
    assert one_line(error) == f"{tmp_path}/closed cannot be read: Permission denied; name the folders to read instead"
