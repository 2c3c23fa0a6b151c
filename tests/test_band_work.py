"""Work on several bands at a time: what waits for what, and what ends it."""

from __future__ import annotations

import threading
from functools import partial

import pytest
import torch

from stereocodec.band_work import SharedProgress, in_bands, threads_or_default
from stereocodec.coding import silent
from stereocodec.errors import CorruptFile


def test_work_on_bands_waits_for_what_it_needs_and_keeps_little():
    count, lock, alive, most = 9, threading.Lock(), set(), []

    def begin(number):
        with lock:
            alive.add(number)
            most.append(len(alive))
        return number

    def end(number, above, here, below):
        with lock:
            alive.discard(number - 1)
        return above, here, below

    for threads in (1, 3):
        alive.clear()
        done = list(in_bands(count, range(2, 7), range(1, 8), begin, end, threads, SharedProgress(count, silent)))
        assert done == [(number, (number - 1, number, number + 1)) for number in range(2, 7)]
        whole = list(in_bands(count, range(count), range(count), begin, end, threads, SharedProgress(count, silent)))
        assert whole[0] == (0, (None, 0, 1))
        assert whole[-1] == (8, (7, 8, None))
    assert max(most) <= 3 + 2 * 3


def test_bands_compute_with_one_thread_each_and_later_threads_with_the_callers_number(torch_threads):
    torch_threads(3)
    seen = []

    def begin(number):
        return seen.append(torch.get_num_threads())

    every = range(4)
    list(in_bands(4, every, every, begin, lambda *them: None, 2, SharedProgress(4, silent)))
    assert seen == [1] * 4
    later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert (seen[-1], torch.get_num_threads()) == (3, 3)


def test_work_at_the_same_time_leaves_the_callers_number(torch_threads):
    torch_threads(3)
    seen, every = [], range(4)

    def work(meanwhile):
        done = in_bands(
            4, every, every, lambda number: torch.zeros(1), lambda *them: None, 2, SharedProgress(4, silent)
        )
        next(done)
        meanwhile()
        list(done)

    def other():
        started, ended = threading.Event(), threading.Event()
        finish = partial(work, lambda: (seen.append(threads_or_default(None)), started.set(), ended.wait()))
        thread = threading.Thread(target=finish)
        thread.start()
        started.wait()
        return thread, ended

    running = []
    work(lambda: running.append(other()))  # begins while this is at work, and ends after it
    (thread, ended), *_ = running
    ended.set()
    thread.join()
    later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert (*seen, torch.get_num_threads()) == (3, 3, 3)


def test_an_error_in_a_band_ends_the_work():
    def begin(number):
        if number == 3:
            raise CorruptFile("three")
        return number

    with pytest.raises(CorruptFile, match="three"):
        list(in_bands(8, range(8), range(8), begin, lambda *them: them, 2, SharedProgress(8, silent)))


def test_an_error_ends_long_work_on_other_bands():
    progress, told = SharedProgress(2, silent), []

    def begin(number):
        if number == 1:
            raise CorruptFile("one")
        for told_so_far in range(10**7):
            told.append(told_so_far)
            progress.of(number)(0.5, "refinement")
        raise AssertionError("nobody stopped it")

    with pytest.raises(CorruptFile, match="one"):
        # The first band is waited for first.
        list(in_bands(2, range(1, 2), range(2), begin, lambda *them: them, 2, progress))
    assert len(told) < 10**7


@pytest.mark.parametrize("threads", [1, 2])
def test_memory_is_given_back_after_every_piece_of_work_on_bands(threads, monkeypatch):
    given = []
    monkeypatch.setattr("stereocodec.band_work.give_memory_back", lambda: given.append(None))
    for count, times in ((3, 6), (1, 0)):  # that of a single band goes with all else
        given.clear()
        every = range(count)
        list(in_bands(count, every, every, abs, lambda *them: them, threads, SharedProgress(count, silent)))
        assert len(given) == times
