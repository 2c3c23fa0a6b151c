"""Work on the bands of a picture, one after the other or several at a time, with few of them in memory."""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

import torch

from .device_names import MAX_THREADS
from .errors import InvalidInput
from .nn.blas import float64_products
from .pictures.arguments import plain_number

Progress = Callable[[float, str], None]
"""Called with a fraction in 0..1 and the name of a stage."""

_Begun = TypeVar("_Begun")
_Ended = TypeVar("_Ended")
_Submit = Callable[..., "Future[Any]"]


class SharedProgress:
    """One progress of several bands, which may be worked on at the same time.

    stopped_by: the error that ended all work, None for none.
    """

    def __init__(self, count: int, say: Progress) -> None:
        self._fractions = [0.0] * count
        self._say, self._lock = say, Lock()
        self.stopped_by: BaseException | None = None

    def of(self, number: int) -> Progress:
        """What is called with the progress of a band; raises where all work has been stopped."""

        def say(fraction: float, stage: str) -> None:
            with self._lock:
                if self.stopped_by is not None:
                    raise _Stopped
                self._fractions[number] = fraction
                self._say(sum(self._fractions) / len(self._fractions), stage)

        return say

    def stop(self, error: BaseException) -> None:
        """Ends the work of other threads, which may take minutes, as soon as they tell of their progress."""
        with self._lock:
            self.stopped_by = self.stopped_by or error


class _CallersThreads:
    """PyTorch's number of threads, which work on bands changes, as it was before.

    Several of a program's threads may work on bands at the same time, and what one sets for its own, PyTorch gives to
    all that compute for the first time.
    """

    def __init__(self) -> None:
        self._lock, self._users, self._number = Lock(), 0, 0

    def number(self) -> int:
        """What it is, or was before."""
        with self._lock:
            return self._number if self._users else torch.get_num_threads()

    @contextmanager
    def come_back(self) -> Iterator[None]:
        """Within, it may be changed."""
        with self._lock:
            if not self._users:
                self._number = torch.get_num_threads()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                torch.set_num_threads(self._number)


_callers_threads = _CallersThreads()


class _Stopped(Exception):
    """Ends work whose result nobody waits for."""


def threads_or_default(threads: int | None) -> int:
    """How many threads work: PyTorch's number when left out. Raises InvalidInput for what is no number of them."""
    if threads is None:
        return _callers_threads.number()
    number = plain_number(threads)
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_THREADS:
        raise InvalidInput(f"threads is {threads!r}; it must be a whole number from 1 to {MAX_THREADS}")
    return number


def in_bands(
    count: int,
    wanted: range,
    needed: range,
    begin: Callable[[int], _Begun],
    end: Callable[[int, _Begun | None, _Begun, _Begun | None], _Ended],
    threads: int,
    progress: SharedProgress,
) -> Iterator[tuple[int, _Ended]]:
    """What `end` gives for each of the wanted bands, in order, together with their numbers.

    begin: called for these bands and those of their neighbours that are needed. end: called with the number of a band
    and with what `begin` gave for the one above (None without one), for itself and for the one below. Several bands are
    worked on by one thread each, so that the number of threads changes nothing that is computed; a single one by all of
    them. progress: that of the work, which is stopped when something fails here or is interrupted.
    """
    workers = min(threads, count)
    if count > 1:
        begin, end = _giving_back(begin), _giving_back(end)
    threads_each = threads if count == 1 else 1
    with float64_products(threads_each), _workers(workers, threads_each, progress) as submit:
        following = iter(needed)
        begun: dict[int, Future[_Begun]] = {}
        ended: deque[tuple[int, Future[_Ended]]] = deque()
        for number in wanted:
            while max(begun, default=-1) < number + workers and (ahead := next(following, None)) is not None:
                begun[ahead] = submit(begin, ahead)
            above, here, below = (begun[n].result() if n in begun else None for n in range(number - 1, number + 2))
            ended.append((number, submit(end, number, above, here, below)))
            del above, here, below
            begun.pop(number - 1, None)
            while len(ended) >= workers:
                done, future = ended.popleft()
                yield done, future.result()
        for done, future in ended:
            yield done, future.result()


@contextmanager
def _workers(count: int, threads_each: int, progress: SharedProgress) -> Iterator[_Submit]:
    """What gives work to so many threads, each of which computes with so many."""
    if count == 1 and threads_each == torch.get_num_threads():
        yield _at_once
        return
    pool = ThreadPoolExecutor(count, "stereocodec", torch.set_num_threads, (threads_each,))

    def done(work: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return work(*arguments)
        except BaseException as error:
            progress.stop(error)
            raise

    with _callers_threads.come_back():
        try:
            yield lambda work, *arguments: pool.submit(done, work, *arguments)
        except BaseException as error:
            progress.stop(error)
            raise progress.stopped_by or error from None
        finally:
            pool.shutdown(cancel_futures=True)


def _at_once(work: Callable[..., Any], *arguments: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(work(*arguments))
    return future


def _giving_back(work: Callable[..., _Ended]) -> Callable[..., _Ended]:
    """Work after which the system has the memory back that it took on its way.

    glibc keeps what is freed in pieces, of which the work on the next band needs others: without this, they add up.
    """

    def done(*arguments: Any) -> _Ended:
        result = work(*arguments)
        give_memory_back()
        return result

    return done


def give_memory_back() -> None:
    """Lets the C library give the system what is free, where it is glibc, which else does not."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
