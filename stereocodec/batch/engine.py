"""Runs jobs in several processes, each with its own networks; one that dies takes no other job with it."""

from __future__ import annotations

import _thread
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

from ..spawned import spawned_processes
from .jobs import DecodeJob, EncodeJob, Job, Report, Work

AHEAD = 2
"""Jobs per process that wait in its queue, so that none is idle."""
_work: Work[Any] | None = None
_is_busy = _is_stopped = False


def run(jobs: Sequence[Job], make: Callable[[], Work[Job]], processes: int | None) -> Iterable[Report]:
    """Reports of the jobs as they are done, by this process where one is enough, and else by several.

    processes: one for each core when None.
    """
    processes = min(processes or os.cpu_count() or 1, len(jobs))
    return run_here(jobs, make) if processes < 2 else run_local(jobs, make, processes)


def run_here(jobs: Iterable[Job], make: Callable[[], Work[Job]]) -> Iterator[Report]:
    """Reports of the jobs, in order, done by this process."""
    work = make()
    for job in jobs:
        yield work(job)


def run_local(jobs: Iterable[Job], make: Callable[[], Work[Job]], processes: int) -> Iterator[Report]:
    """Reports of the jobs as they are done, by processes that each call `make` once.

    make: picklable. A job in whose time a process died, as for lack of memory, is tried once more, alone, and then
    fails. Those in work are given up when this process is stopped, or dies. Raises StereoCodecError when processes
    cannot be started.
    """
    waiting = deque(jobs)
    suspects: deque[Job] = deque()  # one of them killed its process
    while waiting or suspects:
        alone = bool(suspects)
        source, count = (suspects, 1) if alone else (waiting, processes)
        lifeline, held = multiprocessing.Pipe(duplex=False)
        with (
            lifeline,
            held,
            spawned_processes(count, _start, make, processes, lifeline) as pool,
            _given_up_on_failure(pool, held),
        ):
            running: dict[Future[Report], Job] = {}
            died = False
            while (source and not died) or running:
                while source and not died and len(running) < (1 if alone else AHEAD * count):
                    try:
                        running[pool.submit(_do, source[0])] = source[0]
                    except BrokenProcessPool:  # one that had done its job
                        died = True
                    else:
                        source.popleft()
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    job = running.pop(future)
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        died = True
                        if alone:
                            yield Report(job.name, "failed", error="its process died, maybe for lack of memory")
                        else:
                            suspects.append(job)


@contextmanager
def _given_up_on_failure(pool: Executor, held: Connection) -> Iterator[None]:
    """Leaves out the jobs that no process has begun, and ends those in work, when something fails within; that
    includes Ctrl-C and signals, of which those to this process alone reach no other."""
    try:
        yield
    except BaseException:
        held.close()
        pool.shutdown(cancel_futures=True)  # and waits until processes have taken back what they began
        raise


def _start(make: Callable[[], Work[Any]], share: int, lifeline: Connection) -> None:
    """Gives a process its share of the cores, and its networks. lifeline: whose other end is closed to stop it."""
    global _work
    signal.signal(signal.SIGINT, _stop)
    threading.Thread(target=_watch, args=(lifeline,), daemon=True).start()
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // share))
    _work = make()


def _watch(lifeline: Connection) -> None:
    """Does what Ctrl-C does when the other end is closed, which the system does, too, for a process that died."""
    with suppress(EOFError, OSError):
        lifeline.recv_bytes()
    _thread.interrupt_main()


def _do(job: EncodeJob | DecodeJob) -> Report:
    global _is_busy
    assert _work is not None
    if _is_stopped:
        raise KeyboardInterrupt
    _is_busy = True
    try:
        return _work(job)
    finally:
        _is_busy = False


def _stop(*_: object) -> None:
    """What Ctrl-C does, which all processes of a terminal get: ends a job, and leaves out those that wait.

    Once is enough: the next would end what takes back.
    """
    global _is_stopped
    was_stopped, _is_stopped = _is_stopped, True
    if _is_busy and not was_stopped:
        raise KeyboardInterrupt
