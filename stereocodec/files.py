"""Writing results so that a reader never meets half of one.

A result is written under a temporary name in the folder where it shall stand and appears under its own name only when
it is complete and on the disk; several results appear together or not at all. After a failure, Ctrl-C included, the
folder is as it was before; so it is after another signal whose handler raises an exception, as those of `bisic` do.

A process that is killed outright, and a machine that loses its power, can do nothing any more: each result is then
whole, but some may be new and others old, if it happened in the instant in which they appear; what was left under
temporary names is removed when the next result is written to that folder (`temporary_files`).

Devices and pipes (`/dev/null`, a named pipe) cannot be exchanged for a file and are written directly.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

from .errors import OutputError
from .temporary_files import TemporaryFile, flush, remove_abandoned
from .text import reason_of
from .uninterrupted import uninterrupted

PathLike: TypeAlias = str | os.PathLike[str]
Data: TypeAlias = bytes | Callable[[BinaryIO], object]
Output: TypeAlias = tuple[PathLike, Data]
"""A path and its content: bytes, or a function that writes to the binary file object it is given."""

_REASONS = {
    errno.ENOSPC: "no space is left on the device; free some or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EACCES: "permission denied; choose another folder or change its permissions",
    errno.EPERM: "the operation is not permitted there; choose another folder",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


def check_writable(path: PathLike, overwrite: bool, *, makes_folder: bool = False) -> None:
    """Refuse, before long work, a result that `write_atomically` could not write; creates nothing.

    makes_folder: its folder will be made (`made_folder`), if it is not there.

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
    while makes_folder and not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        state = "is not a folder" if folder.exists() else "does not exist: create it first"
        raise OutputError(f"cannot write {os.fspath(path)}: the folder {folder} {state}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {os.fspath(path)}: the folder {folder} is not writable")


def names_folder(path: str) -> bool:
    """Whether a path, that is there or not, can be that of a folder alone: one that is there, or that ends in /."""
    return path.endswith(("/", os.sep)) or os.path.isdir(path)


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Makes a folder, with those above it, unless it is there; takes back what it made when something fails within.

    Raises OutputError when it cannot be made.
    """
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _failure(folder, error) from error
        yield
    except BaseException:
        for part in missing:
            with suppress(OSError):
                part.rmdir()
        raise


def write_atomically(path: PathLike, data: Data, *, overwrite: bool) -> None:
    """Write one file completely or not at all; see `write_together`."""
    write_together([(path, data)], overwrite=overwrite)


def write_together(outputs: Sequence[Output], *, overwrite: bool, makes_folders: bool = False) -> None:
    """Write several files, each completely, or none of them.

    Args:
        outputs: pairs of a path and its content: bytes, or a function that writes to the binary file
            object it is given.
        overwrite: replace existing files, which keep their permissions. When false, a file that another
            program creates in the meantime is not replaced either.
        makes_folders: make the folders of the files where they are not there (`made_folder`).

    Raises:
        OutputError: see `check_writable`; also when the disk is full, or two paths name one file. What a
            content function raises, other than OSError, is passed on.
    """
    with ExitStack() as folders:
        for folder in dict.fromkeys(Path(path).parent for path, _ in outputs) if makes_folders else ():
            folders.enter_context(made_folder(folder))
        _write_together(outputs, overwrite)


def _write_together(outputs: Sequence[Output], overwrite: bool) -> None:
    for path, _ in outputs:
        check_writable(path, overwrite)
    if len({_resolved(path) for path, _ in outputs}) < len(outputs):
        raise OutputError("two results were given one name: each needs its own")
    pending = [_Pending(path, overwrite) for path, _ in outputs]
    for folder in {output.folder for output in pending if output.folder}:
        remove_abandoned(folder)
    try:
        for output, (_, data) in zip(pending, outputs, strict=True):
            output.write(data)
        uninterrupted(lambda: _publish(pending))
    except BaseException:
        uninterrupted(lambda: _clean_up(pending))
        raise


def _publish(pending: Sequence[_Pending]) -> None:
    """Lets all complete files appear under their own names, or none; leaves nothing else."""
    try:
        for output in pending:
            output.publish()
        for folder in {output.folder for output in pending if output.folder}:
            _flush_folder(folder)
    except BaseException:
        for output in reversed(pending):
            output.take_back()
        raise
    finally:
        _clean_up(pending)


def _clean_up(pending: Iterable[_Pending]) -> None:
    for output in pending:
        output.clean_up()


class _Pending:
    """One result on its way to its name. folder: where that is; None for a device or pipe."""

    def __init__(self, path: PathLike, overwrite: bool) -> None:
        self._path = path
        self._target = _resolved(path)
        mode = _mode(path)
        self._direct = mode is not None and not stat.S_ISREG(mode)
        self._overwrite = overwrite
        self.folder = None if self._direct else self._target.parent
        self._temporary = TemporaryFile(self._target)
        self._identity: tuple[int, int] | None = None  # device and inode of our file

    def write(self, data: Data) -> None:
        """Write the content under the temporary name, or to the device."""
        try:
            if self._direct:
                with open(self._path, "wb") as device:
                    _fill(device, data)
                return
            file = self._temporary.create()
            status = os.fstat(file.fileno())
            self._identity = (status.st_dev, status.st_ino)
            _fill(file, data)
            self._temporary.flush()
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
            os.link(self._temporary.complete, self._target)
        except FileExistsError:
            raise
        except OSError:
            # A file system without hard links: reserve the name, which fails if it is taken.
            with open(self._target, "xb"):
                pass
            try:
                os.replace(self._temporary.complete, self._target)
            except BaseException:
                self._target.unlink()
                raise

    def _replace(self) -> None:
        complete, former, link = self._temporary.complete, self._temporary.former, self._temporary.link
        if self._target.exists():
            with suppress(OSError):
                shutil.copymode(self._target, complete)
            try:
                os.link(self._target, former)
            except OSError:
                shutil.copy2(self._target, former)
        try:
            os.link(complete, link)
        except OSError:
            link = complete
        os.replace(link, self._target)

    def take_back(self) -> None:
        """Undo `publish`, as far as it got."""
        with suppress(OSError):
            status = os.stat(self._target)
            if (status.st_dev, status.st_ino) != self._identity:
                return
            if self._temporary.former.exists():
                os.replace(self._temporary.former, self._target)
            else:
                self._target.unlink()

    def clean_up(self) -> None:
        """Remove the temporary names."""
        self._temporary.remove()


def _fill(file: BinaryIO, data: Data) -> None:
    if callable(data):
        data(file)
    else:
        file.write(data)


def _flush_folder(folder: Path) -> None:
    """Has the names in a folder brought to the disk, where the system knows such a thing."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows, or a folder in which one may write but not read
        return
    try:
        flush(descriptor)
    except OSError as error:
        raise _failure(folder, error) from error
    finally:
        os.close(descriptor)


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
    text = reason or reason_of(error)
    return OutputError(f"cannot write {os.fspath(path)}: {text}")
