"""Signals that end a program, handled as Ctrl-C is: what was begun is taken back first."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")  # of which Windows has the first


class Stopped(KeyboardInterrupt):
    """Raised where the program is when a signal comes. signal: its name. status: what a shell reports of it."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = signal.Signals(number).name
        self.status = 128 + number


def stop_on_signals() -> None:
    """Lets SIGTERM and SIGHUP raise Stopped, unless they are ignored, as under `nohup`, or handled already."""
    if threading.current_thread() is not threading.main_thread():
        return
    process = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:  # forked from this one, and has nothing to take back
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
            return
        for each in handled:  # one is enough: the next would end what takes back
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    found = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    handled = [number for number in found if signal.getsignal(number) == signal.SIG_DFL]
    for number in handled:
        signal.signal(number, stop)
