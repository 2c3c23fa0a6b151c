"""Files under temporary names, and how those of programs that were killed are told from those in use.

A writer holds a lock on its temporary file as long as it lives: the system lets go of it with the process, whatever
ended that. Locks of one machine are certain; whether one machine sees another's depends on how a network's file system
is mounted, so that what another machine left is removed only when nothing has happened to it for a day. A file system
without locks, and Windows, keep what a killed program left.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX = ".stereocodec-"
_COMPLETE, _FORMER, _LINK = ".tmp", ".old", ".new"
# Versions before 0.3 named no machine, and held no locks.
_NAME = re.compile(r"(\.stereocodec-(?:(?P<machine>[0-9a-f]{8})-)?[0-9a-f]{16})\.(?:tmp|old|new)")
_DISK_FAILURES = (errno.EIO, errno.ENOSPC, errno.EDQUOT)
_LONG_SECONDS = 24 * 60 * 60


class TemporaryFile:
    """The names that one result has on its way to its place, in the same folder.

    complete: the result itself, whose lock says that the writer lives. former: what it replaces. link: the result once
    more, to be renamed, so that `complete` stays.
    """

    def __init__(self, target: Path) -> None:
        self._folder = target.parent
        self._file: BinaryIO | None = None
        self._name()

    def create(self) -> BinaryIO:
        """Opens `complete` for writing, as ours, until it is removed; raises OSError."""
        while True:
            self._name()
            # Opening for exclusive creation gives the permissions that the user's umask asks for.
            self._file = open(self.complete, "xb")  # noqa: SIM115
            # Another program may have found it abandoned, before it was locked.
            if _lock(self._file.fileno()) is not False and self.complete.exists():
                return self._file
            self.remove()

    def flush(self) -> None:
        """Has what was written to `complete` brought to the disk; raises OSError."""
        assert self._file is not None
        self._file.flush()
        flush(self._file.fileno())
        if fcntl is None:  # Windows does not rename files that are open
            self._file.close()

    def remove(self) -> None:
        """Removes what is there under the three names; may be called at any time."""
        if fcntl is None:
            self._close()
        for path in (self.link, self.former, self.complete):
            with suppress(OSError):
                path.unlink()
        self._close()

    def _close(self) -> None:
        with suppress(OSError):  # of a full disk, once more
            if self._file is not None:
                self._file.close()

    def _name(self) -> None:
        stem = f"{_PREFIX}{_machine()}-{secrets.token_hex(8)}"
        self.complete, self.former, self.link = (self._folder / (stem + end) for end in (_COMPLETE, _FORMER, _LINK))


def flush(descriptor: int) -> None:
    """Has the system bring to the disk what it holds of a file or folder; raises OSError when the disk fails."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in _DISK_FAILURES:  # others say that such a file system has nothing to flush
            raise


def remove_abandoned(folder: Path) -> None:
    """Removes the temporary files in a folder whose writers were killed, as far as that is known and allowed."""
    found: dict[str, list[Path]] = {}
    own: set[str] = set()
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name) if entry.name.startswith(_PREFIX) else None
            if match:
                found.setdefault(match[1], []).append(folder / entry.name)
                if match["machine"] == _machine():
                    own.add(match[1])
    for stem, paths in found.items():
        complete = folder / (stem + _COMPLETE)
        with suppress(OSError):
            if complete in paths:
                _remove_unlocked(complete, paths, certain=stem in own)
            elif all(map(_is_long_ago, paths)):
                _remove(paths)


def _remove_unlocked(complete: Path, paths: list[Path], *, certain: bool) -> None:
    # For writing, which a lock over a network asks for.
    held = os.open(complete, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        if stat.S_ISREG(os.fstat(held).st_mode) and _lock(held) and (certain or _is_long_ago(complete)):
            # The locked one last: when this is interrupted, another run goes on.
            _remove([*(path for path in paths if path != complete), complete])
    finally:
        os.close(held)


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _is_long_ago(path: Path) -> bool:
    # Not the time of the content, which a former file keeps.
    return path.lstat().st_ctime < time.time() - _LONG_SECONDS


def _lock(descriptor: int) -> bool | None:
    """Whether the open file is now locked by us; None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _machine() -> str:
    # Windows, which has no such call, has no locks either.
    name = os.uname().nodename if hasattr(os, "uname") else ""
    return hashlib.sha256(name.encode()).hexdigest()[:8]
