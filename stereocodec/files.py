"""Writing results so that a reader never meets half of one, and reading no more than a valid file can hold.

A result is written under a temporary name in the folder where it shall stand and appears under its own
name only when it is complete; several results appear together or not at all. After a failure, Ctrl-C
included, the folder is as it was before. Devices and pipes (`/dev/null`, a named pipe) cannot be
exchanged for a file and are written directly.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

from .errors import OutputError

PathLike: TypeAlias = str | os.PathLike[str]
Data: TypeAlias = bytes | Callable[[BinaryIO], object]

_REASONS = {
    errno.ENOSPC: "no space is left on the device; free some or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EACCES: "permission denied; choose another folder or change its permissions",
    errno.EPERM: "the operation is not permitted there; choose another folder",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


def check_writable(path: PathLike, overwrite: bool) -> None:
    """Refuse, before long work, a result that `write_atomically` could not write; creates nothing.

    Raises:
        OutputError: the file exists and `overwrite` is false, it is a folder, or its folder is missing or
            not writable.
    """
    try:
        mode = _mode(path)
    except (OSError, ValueError) as error:
        raise _failure(path, error) from error
    if mode is not None and stat.S_ISDIR(mode):
        raise OutputError(f"{os.fspath(path)} is a folder: give the name of a file")
    if mode is not None and not stat.S_ISREG(mode):
        if not os.access(path, os.W_OK):
            raise OutputError(f"cannot write {os.fspath(path)}: {_REASONS[errno.EACCES]}")
        return
    if mode is not None and not overwrite:
        raise _exists(path)
    folder = _resolved(path).parent
    if not folder.is_dir():
        state = "is not a folder" if folder.exists() else "does not exist: create it first"
        raise OutputError(f"cannot write {os.fspath(path)}: the folder {folder} {state}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {os.fspath(path)}: the folder {folder} is not writable")


def write_atomically(path: PathLike, data: Data, *, overwrite: bool) -> None:
    """Write one file completely or not at all; see `write_together`."""
    write_together([(path, data)], overwrite=overwrite)


def write_together(outputs: Sequence[tuple[PathLike, Data]], *, overwrite: bool) -> None:
    """Write several files, each completely, or none of them.

    Args:
        outputs: pairs of a path and its content: bytes, or a function that writes to the binary file
            object it is given.
        overwrite: replace existing files, which keep their permissions. When false, a file that another
            program creates in the meantime is not replaced either.

    Raises:
        OutputError: see `check_writable`; also when the disk is full, or two paths name one file. What a
            content function raises, other than OSError, is passed on.
    """
    for path, _ in outputs:
        check_writable(path, overwrite)
    if len({_resolved(path) for path, _ in outputs}) < len(outputs):
        raise OutputError("two results were given one name: each needs its own")
    pending = [_Pending(path, overwrite) for path, _ in outputs]
    try:
        for output, (_, data) in zip(pending, outputs, strict=True):
            output.write(data)
        for output in pending:
            output.publish()
    except BaseException:
        for output in reversed(pending):
            output.take_back()
        raise
    finally:
        for output in pending:
            output.clean_up()


def open_regular(path: PathLike, limit: int) -> BinaryIO:
    """Opens a regular file of at most `limit` bytes for reading; never waits for whoever writes into a pipe.

    Raises OSError, whose `strerror` says why not: also for a folder, a device, a pipe, and a longer file.
    """
    file = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115
    try:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is a device or a pipe; name a regular file")
        if status.st_size > limit:
            raise OSError(errno.EFBIG, f"it has {status.st_size:,} bytes, and at most {limit:,} can be of use")
    except BaseException:
        file.close()
        raise
    return file


def read_regular(path: PathLike, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes; raises OSError as `open_regular` does."""
    with open_regular(path, limit) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(size + 1)  # one more shows a file that grows, or whose size the system does not know
        if len(data) != size:
            raise OSError(errno.EIO, "it changed while it was read; try again")
        return data


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class _Pending:
    """One result on its way to its name.

    Whether it arrived is asked of the folder (is the file there ours?), not remembered, so that an
    interrupt between an action and its record cannot make taking it back wrong.
    """

    def __init__(self, path: PathLike, overwrite: bool) -> None:
        self._path = path
        self._target = _resolved(path)
        mode = _mode(path)
        self._direct = mode is not None and not stat.S_ISREG(mode)
        self._overwrite = overwrite
        token = secrets.token_hex(8)
        self._complete = self._target.with_name(f".stereocodec-{token}.tmp")
        self._former = self._target.with_name(f".stereocodec-{token}.old")
        self._identity: tuple[int, int] | None = None  # device and inode of our file

    def write(self, data: Data) -> None:
        """Write the content under the temporary name."""
        try:
            # Opening for exclusive creation gives the permissions that the user's umask asks for.
            with open(self._path if self._direct else self._complete, "wb" if self._direct else "xb") as file:
                if not self._direct:
                    status = os.fstat(file.fileno())
                    self._identity = (status.st_dev, status.st_ino)
                if callable(data):
                    data(file)
                else:
                    file.write(data)
        except OSError as error:
            raise _failure(self._path, error) from error

    def publish(self) -> None:
        """Let the complete file appear under its own name."""
        if self._direct:
            return
        try:
            if self._overwrite:
                self._replace()
            else:
                self._create()
        except FileExistsError as error:
            raise _exists(self._path) from error
        except OSError as error:
            raise _failure(self._path, error) from error

    def _create(self) -> None:
        try:
            os.link(self._complete, self._target)
        except FileExistsError:
            raise
        except OSError:
            # A file system without hard links: reserve the name, which fails if it is taken.
            with open(self._target, "xb"):
                pass
            try:
                os.replace(self._complete, self._target)
            except BaseException:
                self._target.unlink()
                raise

    def _replace(self) -> None:
        if self._target.exists():
            with suppress(OSError):
                shutil.copymode(self._target, self._complete)
            try:
                os.link(self._target, self._former)
            except OSError:
                shutil.copy2(self._target, self._former)
        os.replace(self._complete, self._target)

    def take_back(self) -> None:
        """Undo `publish`, as far as it got."""
        with suppress(OSError):
            status = os.stat(self._target)
            if (status.st_dev, status.st_ino) != self._identity:
                return
            if self._former.exists():
                os.replace(self._former, self._target)
            else:
                self._target.unlink()

    def clean_up(self) -> None:
        """Remove the temporary names."""
        for path in (self._complete, self._former):
            with suppress(OSError):
                path.unlink()


def _resolved(path: PathLike) -> Path:
    # A link is followed, so that it goes on pointing to the file instead of being replaced by it.
    return Path(os.path.realpath(path))


def _mode(path: PathLike) -> int | None:
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _exists(path: PathLike) -> OutputError:
    return OutputError(
        f"{os.fspath(path)} exists already: choose another name or allow to overwrite it "
        "(-f on the command line, overwrite=True in Python)"
    )


def _failure(path: PathLike, error: OSError | ValueError) -> OutputError:
    code = error.errno if isinstance(error, OSError) else None
    reason = _REASONS.get(code) if code is not None else None
    text = reason or (error.strerror if isinstance(error, OSError) else None) or str(error)
    return OutputError(f"cannot write {os.fspath(path)}: {' '.join(text.split())}")
