"""How fast a run goes, and when it will be done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from . import distributed

# Steps after which the time left is told for the first time: on a processor, large networks take minutes for twenty.
_FIRST_ESTIMATE = 3

Stop = Callable[[], bool]


def never() -> bool:
    """What a run asks that nobody can stop."""
    return False


class Pace:
    """The time of one call of `Trainer.run`.

    steps: how many it will make. max_minutes: when it will stop at the latest. minutes_after: how long the run will go
    on after this call.
    """

    def __init__(self, steps: int, max_minutes: float | None, minutes_after: float = 0.0) -> None:
        self._started = time.monotonic()
        self._after = 60 * minutes_after
        self._deadline = None if max_minutes is None else self._started + 60 * max_minutes
        self._steps, self._done = steps, 0
        self._lap_steps, self._lap_seconds = 0, 0.0

    @property
    def is_first_estimate(self) -> bool:
        """Whether so few steps were made that nothing was told yet, and enough for a first estimate of the time."""
        return self._done == _FIRST_ESTIMATE

    @property
    def seconds(self) -> float:
        """Seconds that have passed since the call."""
        return time.monotonic() - self._started

    @contextmanager
    def step(self) -> Iterator[None]:
        """Counts and times the step that is made in the `with` block."""
        started = time.monotonic()
        yield
        self._lap_seconds += time.monotonic() - started
        self._lap_steps += 1
        self._done += 1

    def lap(self) -> float:
        """Steps per second since the lap before, without what was done between them."""
        speed = self._lap_steps / self._lap_seconds
        self._lap_steps, self._lap_seconds = 0, 0.0
        return speed

    def seconds_left(self) -> float:
        """How long it takes to the end of the run, if everything, validation too, goes on as it did."""
        left = (self._steps - self._done) * self.seconds / self._done
        if self._deadline is not None:
            left = max(0.0, min(left, self._deadline - time.monotonic()))
        return left + self._after

    def is_over(self) -> bool:
        """Whether the first process's time is over, so that all stop after the same step."""
        return self._deadline is not None and bool(distributed.from_first(time.monotonic() > self._deadline))


def hours(seconds: float) -> str:
    """Writes a time such as `1:05 h`; a minute that has begun counts."""
    minutes = -int(-seconds // 60)
    return f"{minutes // 60}:{minutes % 60:02} h"
