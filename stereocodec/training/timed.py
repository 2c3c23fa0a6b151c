"""Runs that must be over after a given time, on a machine whose speed nobody knows beforehand."""

from __future__ import annotations

import time

from . import distributed
from .loop import Trainer
from .progress import Stop, never

# Parts of the time: until everything has been loaded and compiled, and until the learning rates begin to fall.
_STARTED, _FALLING = 0.15, 0.75
# Of the steps that seem to fit into the rest, so that the last one is made.
_SURE = 0.97
_ENDLESS = 10**7


def train_for(trainer: Trainer, minutes: float, stop: Stop = never) -> None:
    """Trains for about so many minutes, validation included; the learning rates fall to zero over the last quarter.

    Of the settings, `steps` and `decay_steps` become what fits. The speed is that of the run itself until the rates
    begin to fall. When the time is over training stops, even if it became slower meanwhile; it also stops when `stop`
    says so, see `Trainer.run`.
    """
    started = time.monotonic()

    def until(part: float) -> float:
        """How many seconds remain until a part of the time is over."""
        return max(0.0, started + part * 60 * minutes - time.monotonic())

    trainer.reschedule(trainer.step + _ENDLESS, 0)
    trainer.run(until(_STARTED) / 60, stop=stop, minutes_after=(1 - _STARTED) * minutes)
    if stop():
        return
    step, before, planned = trainer.step, time.monotonic(), until(_FALLING)
    trainer.run(planned / 60, stop=stop, minutes_after=(1 - _FALLING) * minutes)
    if stop():
        return
    taken = time.monotonic() - before
    # What the checkpoint and the validation took at the end of that, they will take once more.
    left = until(1) - max(0.0, taken - planned)
    fitting = max(1, int(_SURE * left * (trainer.step - step) / taken))
    fitting = distributed.from_first(fitting)
    trainer.reschedule(trainer.step + fitting, fitting)
    trainer.run(max(left, 1e-3) / 60, stop=stop)
