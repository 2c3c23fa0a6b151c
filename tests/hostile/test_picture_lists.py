"""Lists and folders of pictures that were made to hurt: each is refused, or told, in one line."""

from __future__ import annotations

import os

import pytest
from commands import posix_only, run
from conftest import one_line

from stereocodec.datasets.pairs import find_pairs
from stereocodec.errors import InvalidInput


def refusal(path):
    with pytest.raises(InvalidInput) as error:
        find_pairs(path)
    return one_line(error)


@pytest.mark.parametrize(
    "name", ["\0", "x" * 5000, "x/" * 3000, "~", "..", "/dev/null", "/dev/stdin", "\x1b[2J", "\u202e", "|true"]
)
@pytest.mark.parametrize("head", ["", "left,right\n"])
def test_names_that_are_no_files_are_told(tmp_path, head, name):
    (tmp_path / "a.png").touch()
    (tmp_path / "list.csv").write_text(f"{head}a.png,{name}\n", encoding="utf-8")
    missing = []
    assert find_pairs(tmp_path / "list.csv", lambda file, reason: missing.append(reason)) == []
    assert missing == ["is not a file"]


@posix_only
@pytest.mark.parametrize("kind", ["device", "pipe", "huge"])
def test_lists_without_an_end_are_not_read(tmp_path, kind):
    path = tmp_path / "list.csv"
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        with path.open("wb") as file:
            file.truncate(1 << 40)
    assert "list.csv cannot be read: it " in refusal(path)


@pytest.mark.parametrize("content", [b"a.png,b.png\n\0\0\0\n", b'"' * 200_001, b"\xff\xfea\0,\0b\0", b",\n" * 3])
def test_lists_of_bytes_are_refused(tmp_path, content):
    (tmp_path / "list.csv").write_bytes(content)
    assert "list.csv" in refusal(tmp_path / "list.csv")


def test_deep_folders_and_odd_names_are_walked(tmp_path):
    deep = tmp_path
    for _ in range(400):
        deep = deep / "left"
    deep.mkdir(parents=True)
    for name in ("a\n_left.png", "a\n_right.png", "\x1b[2J_left.png"):
        (deep / name).touch()
    missing = []
    found = find_pairs(tmp_path, lambda file, reason: missing.append(reason))
    assert [files.name for files in found] == ["a\n"]
    assert missing == ["has no right view beside it; expected \x1b[2J_right.png"]
    # Whatever a name holds, the command writes one line, and a list that gives the names back.
    result = run("eval", str(tmp_path), "--list")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.isprintable() or result.stderr[:-1].isprintable()
    (tmp_path / "list.csv").write_text(result.stdout, encoding="utf-8")
    assert find_pairs(tmp_path / "list.csv") == found
