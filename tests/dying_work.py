"""Work of a batch in which one job ends its process, for tests of processes that are started anew."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

from stereocodec.batch.jobs import EncodeJob, Report


def work(deadly: str, job: EncodeJob) -> Report:
    if job.name == deadly:
        os._exit(9)
    return Report(job.name, "done", model=str(os.getpid()))


def make(deadly: str):
    return partial(work, deadly)


class DyingOnce:
    """Does what `make()` does, but ends its process when it first meets a job."""

    def __init__(self, make, deadly: str, mark: Path) -> None:
        self._work, self._deadly, self._mark = make(), deadly, mark

    def __call__(self, job: EncodeJob) -> Report:
        if job.name == self._deadly and not self._mark.exists():
            self._mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self._work(job)
