"""Results appear whole, together, or not at all, and nothing is left behind."""

from __future__ import annotations

import errno
import os
import stat
import threading

import pytest

from stereocodec.errors import OutputError
from stereocodec.files import check_writable, write_atomically, write_together

# root may write everywhere, and Windows has no such permissions
without_permissions = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user"
)
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX devices and pipes")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def failing(error):
    def write(file):
        file.write(b"the first half")
        raise error

    return write


def test_bytes_and_functions_are_written(tmp_path):
    write_atomically(tmp_path / "a", b"1", overwrite=False)
    write_atomically(str(tmp_path / "b"), lambda file: file.write(b"2"), overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"1"
    assert (tmp_path / "b").read_bytes() == b"2"
    assert names(tmp_path) == ["a", "b"]


def test_an_existing_file_is_kept_or_replaced_as_asked(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    for write in (write_atomically, lambda path, _, overwrite: check_writable(path, overwrite)):
        with pytest.raises(OutputError, match=r"a exists already: .*-f .*overwrite=True"):
            write(path, b"new", overwrite=False)
    assert path.read_bytes() == b"old"
    check_writable(path, overwrite=True)
    write_atomically(path, b"new", overwrite=True)
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_a_file_created_by_another_program_meanwhile_is_kept(tmp_path):
    path = tmp_path / "a"

    def slow(file):
        file.write(b"ours")
        path.write_bytes(b"theirs")

    with pytest.raises(OutputError, match="exists already"):
        write_atomically(path, slow, overwrite=False)
    assert path.read_bytes() == b"theirs"
    assert names(tmp_path) == ["a"]


def test_the_file_appears_only_when_complete(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def look(file):
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"

    write_atomically(path, look, overwrite=True)
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("bad"), MemoryError()])
@pytest.mark.parametrize("old", [None, b"old"])
def test_nothing_is_left_by_a_failure_while_writing(tmp_path, error, old):
    first, second = tmp_path / "first", tmp_path / "second"
    if old is not None:
        first.write_bytes(old)
    with pytest.raises(type(error)):
        write_together([(first, b"new"), (second, failing(error))], overwrite=True)
    assert names(tmp_path) == ([] if old is None else ["first"])
    assert old is None or first.read_bytes() == old


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.EIO, "Input/output error")])
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_first_file_is_taken_back_when_the_second_fails_to_appear(tmp_path, monkeypatch, overwrite, error, when):
    first, second = tmp_path / "first", tmp_path / "second"
    if overwrite:
        first.write_bytes(b"old first")
        second.write_bytes(b"old second")
    step = "replace" if overwrite else "link"
    original = getattr(os, step)

    def interrupted(source, target):
        at_second = os.path.basename(target) == "second"
        if at_second and when == "before":
            raise error
        original(source, target)
        if at_second and when == "after":
            monkeypatch.undo()
            raise error

    monkeypatch.setattr(os, step, interrupted)
    if not overwrite and isinstance(error, OSError):
        # without hard links the name is reserved and replaced instead: that fails as well
        monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else OutputError):
        write_together([(first, b"new"), (second, b"new")], overwrite=overwrite)
    monkeypatch.undo()
    if overwrite:
        assert first.read_bytes() == b"old first"
        assert second.read_bytes() == b"old second"
    assert names(tmp_path) == (["first", "second"] if overwrite else [])


def test_file_systems_without_hard_links(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "link", unsupported)
    path = tmp_path / "a"
    write_atomically(path, b"1", overwrite=False)
    with pytest.raises(OutputError, match="exists already"):
        write_atomically(path, b"2", overwrite=False)
    other = tmp_path / "b"

    def slow(file):
        other.write_bytes(b"theirs")

    with pytest.raises(OutputError, match="exists already"):
        write_atomically(other, slow, overwrite=False)
    assert other.read_bytes() == b"theirs"
    with pytest.raises(ValueError, match="bad"):
        write_together([(path, b"3"), (tmp_path / "c", failing(ValueError("bad")))], overwrite=True)
    assert path.read_bytes() == b"1"
    write_atomically(path, b"4", overwrite=True)
    assert path.read_bytes() == b"4"
    assert names(tmp_path) == ["a", "b"]


def test_impossible_places_are_refused_early_and_late(tmp_path):
    a_file = tmp_path / "file"
    a_file.touch()
    for path, message in [
        (tmp_path, "is a folder: give the name of a file"),
        (tmp_path / "missing" / "a", "missing does not exist: create it first"),
        (a_file / "a", "file is not a folder"),
        (tmp_path / ("n" * 300), "the name is too long"),
        ("a\0b", "null"),
    ]:
        with pytest.raises(OutputError, match=message):
            check_writable(path, overwrite=True)
        with pytest.raises(OutputError, match=message):
            write_atomically(path, b"1", overwrite=True)
    assert names(tmp_path) == ["file"]


@without_permissions
def test_a_folder_without_write_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="is not writable"):
        check_writable(tmp_path / "a", overwrite=False)


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match="a: no space is left on the device; free some"):
        write_atomically(tmp_path / "a", failing(OSError(errno.ENOSPC, "No space left")), overwrite=False)
    assert names(tmp_path) == []


def test_two_results_need_two_names(tmp_path):
    with pytest.raises(OutputError, match="each needs its own"):
        write_together([(tmp_path / "a", b"1"), (tmp_path / "." / "a", b"2")], overwrite=True)
    assert names(tmp_path) == []


@posix_only
def test_links_are_followed_and_permissions_kept(tmp_path):
    real = tmp_path / "real"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(real)
    write_atomically(link, b"new", overwrite=True)
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


@posix_only
def test_new_files_get_the_permissions_of_the_umask(tmp_path):
    former = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a", b"1", overwrite=False)
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@posix_only
def test_pipes_and_devices_are_written_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    check_writable(pipe, overwrite=False)
    write_atomically(pipe, b"through", overwrite=False)
    reader.join()
    assert received == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_atomically(os.devnull, b"gone", overwrite=True)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_failing_device_keeps_the_other_result_away(tmp_path):
    with pytest.raises(OutputError, match="/dev/full: no space is left"):
        write_together([(tmp_path / "a", b"1"), ("/dev/full", b"2")], overwrite=False)
    assert names(tmp_path) == []
