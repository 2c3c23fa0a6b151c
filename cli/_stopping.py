"""Ctrl-C and the system's wish that a program ends, as something to ask for between two steps of long work."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any


@dataclass
class StopRequests:
    """number: that of the signal that asked to stop; None as long as none did."""

    number: int | None = None

    def is_stopped(self) -> bool:
        """Whether somebody asked to stop."""
        return self.number is not None


@contextmanager
def stop_requests() -> Iterator[StopRequests]:
    """Within the `with` block SIGINT and SIGTERM ask to stop; a second one does what it did before.

    Signals that are ignored stay so. Where several processes train together, and outside of the main thread, signals
    are left alone.
    """
    requests = StopRequests()
    if threading.current_thread() is not threading.main_thread() or int(os.environ.get("WORLD_SIZE", "1")) > 1:
        yield requests
        return
    former: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def restore() -> None:
        for number, handler in former.items():
            signal.signal(number, handler)

    def ask(number: int, frame: FrameType | None) -> None:
        requests.number = number
        restore()

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            former[number] = signal.signal(number, ask)
    try:
        yield requests
    finally:
        restore()
