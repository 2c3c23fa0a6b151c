"""Programs that are stopped or killed while they write: both results are new or both old, and nothing is left."""

from __future__ import annotations

import _thread
import errno
import itertools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

import stereocodec.files
import stereocodec.temporary_files
import stereocodec.uninterrupted
from stereocodec.errors import OutputError
from stereocodec.files import write_atomically, write_together

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
WATCHED = {module.__file__ for module in (stereocodec.files, stereocodec.temporary_files, stereocodec.uninterrupted)}
OLD, NEW = [b"old left", b"old right"], [b"new left", b"new right"]
NONE = [None, None]


class At:
    """Does something before the `point`th line or return of the code that writes, in whatever thread."""

    def __init__(self, point, action):
        self.left, self.action = point, action

    def __call__(self, frame, event, argument):
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event in ("line", "return"):
            self.left -= 1
            if self.left == 0:
                # CPython 3.11 repeats a traced instruction of another thread for as long as a signal is pending.
                sys.settrace(None)
                self.action()
                return None
        return self

    def run(self, function):
        start = _thread.start_new_thread

        def traced(run, arguments):
            sys.settrace(self)
            run(*arguments)

        _thread.start_new_thread = lambda run, arguments: start(traced, (run, arguments))
        former = sys.gettrace()
        sys.settrace(self)
        try:
            function()
        finally:
            sys.settrace(former)
            _thread.start_new_thread = start


def prepare(folder, overwrite):
    for name, old in zip(("left", "right"), OLD, strict=True):
        (folder / name).unlink(missing_ok=True)
        if overwrite:
            (folder / name).write_bytes(old)


def write_new(folder, overwrite):
    write_together([(folder / "left", NEW[0]), (folder / "right", NEW[1])], overwrite=overwrite)


def found(folder):
    """The contents of both; None for one that is not there."""
    return [path.read_bytes() if path.exists() else None for path in (folder / "left", folder / "right")]


def names(folder):
    return {path.name for path in folder.iterdir()}


class Stopped(BaseException):
    """What the handler of a signal raises."""


def stop(signum, frame):
    raise Stopped


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_signal_at_any_line_leaves_both_results_or_none(tmp_path, monkeypatch, overwrite):
    monkeypatch.setattr(os, "fsync", lambda _: None)
    former = signal.signal(signal.SIGTERM, stop)
    seen = []
    try:
        for point in itertools.count(1):
            prepare(tmp_path, overwrite)
            tracer = At(point, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM))
            try:
                tracer.run(lambda: write_new(tmp_path, overwrite))
            except Stopped:
                assert names(tmp_path) <= {"left", "right"}, point
                seen.append(found(tmp_path))
                assert seen[-1] in (OLD if overwrite else NONE, NEW), point
            else:
                break
    finally:
        signal.signal(signal.SIGTERM, former)
    assert len(seen) > 100
    assert seen[0] == (OLD if overwrite else NONE)
    assert seen[-1] == found(tmp_path) == NEW


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_signal_does_not_keep_from_taking_back(tmp_path, monkeypatch, overwrite):
    """Where the second result cannot appear, neither does the first, whenever the signal comes."""

    def failing(action):
        def call(source, target):
            if Path(target).name == "right":
                raise OSError(errno.EIO, "the disk has failed")
            action(source, target)

        return call

    for name in ("link", "replace"):
        monkeypatch.setattr(os, name, failing(getattr(os, name)))
    monkeypatch.setattr(os, "fsync", lambda _: None)
    former = signal.signal(signal.SIGTERM, stop)
    try:
        for point in itertools.count(1):
            prepare(tmp_path, overwrite)
            tracer = At(point, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM))
            with pytest.raises((Stopped, OutputError)) as ended:
                tracer.run(lambda: write_new(tmp_path, overwrite))
            assert names(tmp_path) <= {"left", "right"}, point
            assert found(tmp_path) == (OLD if overwrite else NONE), point
            if ended.type is OutputError:
                break
    finally:
        signal.signal(signal.SIGTERM, former)
    assert point > 100


@pytest.mark.slow
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_a_killed_program_leaves_is_removed_by_the_next_one(tmp_path, overwrite):
    subprocess.run([sys.executable, __file__, str(tmp_path), str(int(overwrite))], check=True, timeout=120)


def kill_at_every_line(folder, overwrite):
    """Runs in a process of its own, which is forked for every kill."""
    was_left = False
    for point in itertools.count(1):
        prepare(folder, overwrite)
        child = os.fork()
        if child == 0:
            At(point, lambda: os.kill(os.getpid(), signal.SIGKILL)).run(lambda: write_new(folder, overwrite))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        left, right = found(folder)
        assert left in (OLD[0] if overwrite else None, NEW[0]), point
        assert right in (OLD[1] if overwrite else None, NEW[1]), point
        was_left |= names(folder) > {"left", "right"}
        write_atomically(folder / "other", b"other", overwrite=True)
        assert names(folder) <= {"left", "right", "other"}, point
        if status == 0:
            break
    assert was_left


@pytest.fixture
def machine(monkeypatch):
    """Names this machine."""

    def call(name):
        monkeypatch.setattr("os.uname", lambda: SimpleNamespace(nodename=name))

    return call


def test_what_a_living_program_writes_is_left_alone(tmp_path):
    def meanwhile(file):
        file.write(b"slow")
        before = names(tmp_path)
        write_atomically(tmp_path / "quick", b"quick", overwrite=False)
        assert names(tmp_path) == before | {"quick"}

    write_atomically(tmp_path / "slow", meanwhile, overwrite=False)
    assert (tmp_path / "slow").read_bytes() == b"slow"


def test_what_another_machine_left_is_removed_after_a_day(tmp_path, machine, monkeypatch):
    machine("elsewhere")
    left = stereocodec.temporary_files.TemporaryFile(tmp_path / "a")
    left.create().close()  # as the system does for a process that was killed
    former = tmp_path / ".stereocodec-0123456789abcdef.old"  # by a version that named no machine
    former.touch()
    machine("here")
    write_atomically(tmp_path / "b", b"1", overwrite=False)
    assert names(tmp_path) == {left.complete.name, former.name, "b"}
    now = left.complete.stat().st_ctime
    monkeypatch.setattr("time.time", lambda: now + 25 * 60 * 60)
    write_atomically(tmp_path / "b", b"1", overwrite=True)
    assert names(tmp_path) == {"b"}


def test_without_locks_nothing_is_removed(tmp_path, monkeypatch):
    left = stereocodec.temporary_files.TemporaryFile(tmp_path / "a")
    left.create().close()
    monkeypatch.setattr(stereocodec.temporary_files, "fcntl", None)  # as on Windows
    write_atomically(tmp_path / "b", b"1", overwrite=False)
    assert names(tmp_path) == {left.complete.name, "b"}


def test_names_of_others_are_left_alone(tmp_path):
    (tmp_path / ".stereocodec-mine.tmp").touch()
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    fake = stereocodec.temporary_files.TemporaryFile(tmp_path / "a").complete
    fake.symlink_to(outside)
    write_atomically(tmp_path / "b", b"1", overwrite=False)
    assert names(tmp_path) == {".stereocodec-mine.tmp", "outside", fake.name, "b"}
    assert outside.read_bytes() == b"precious"


def test_contents_are_on_the_disk_before_they_get_their_names(tmp_path, monkeypatch):
    done = []
    real_flush, real_link = os.fsync, os.link

    def flush(descriptor):
        real_flush(descriptor)
        done.append("folder" if os.path.isdir(f"/dev/fd/{descriptor}") else "file")

    def link(source, target):
        real_link(source, target)
        done.append(os.path.basename(target))

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "link", link)
    write_new(tmp_path, False)
    assert done == ["file", "file", "left", "right", "folder"]


if __name__ == "__main__":
    os.fsync = lambda _: None  # the machine goes on
    kill_at_every_line(Path(sys.argv[1]), sys.argv[2] == "1")
