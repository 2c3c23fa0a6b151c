"""Reading no more of a file than a valid one can hold, and waiting for nobody."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO


def open_regular(path: str | os.PathLike[str], limit: int) -> BinaryIO:
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


def read_regular(path: str | os.PathLike[str], limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes; raises OSError as `open_regular` does."""
    with open_regular(path, limit) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(size + 1)  # one more shows a file that grows, or whose size the system does not know
        if len(data) != size:
            raise OSError(errno.EIO, "it changed while it was read; try again")
        return data


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
