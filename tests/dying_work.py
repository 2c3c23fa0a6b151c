"""Work of a batch in which one job ends its process, or never ends, for tests of processes that are started anew."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import BinaryIO

from stereocodec.batch.jobs import EncodeJob, Report
from stereocodec.files import write_atomically


def work(deadly: str, job: EncodeJob) -> Report:
    if job.name == deadly:
        os._exit(9)
    return Report(job.name, "done", model=str(os.getpid()))


def make(deadly: str):
    return partial(work, deadly)


def endless(folder: Path, job: EncodeJob) -> Report:
    """Writes a file that has no end, and makes `begun` beside it; it gives up after minutes."""

    def write(file: BinaryIO) -> None:
        file.write(b"half")
        (folder / "begun").touch()
        for _ in range(2 * 10**9):
            pass

    if job.name == "endless":
        write_atomically(folder / "file", write, overwrite=True)
    return Report(job.name, "done")


def make_endless(folder: Path):
    return partial(endless, folder)


class DyingOnce:
    """Does what `make()` does, but ends its process when it first meets a job."""

    def __init__(self, make, deadly: str, mark: Path) -> None:
        self._work, self._deadly, self._mark = make(), deadly, mark

    def __call__(self, job: EncodeJob) -> Report:
        if job.name == self._deadly and not self._mark.exists():
            self._mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self._work(job)
