"""Work of a batch in which one job ends its process, for tests of processes that are started anew."""

from __future__ import annotations

import os
from functools import partial

from stereocodec.batch.jobs import EncodeJob, Report


def work(deadly: str, job: EncodeJob) -> Report:
    if job.name == deadly:
        os._exit(9)
    return Report(job.name, "done", model=str(os.getpid()))


def make(deadly: str):
    return partial(work, deadly)
