"""Work that Ctrl-C and other signals wait for."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable


def uninterrupted(action: Callable[[], object]) -> None:
    """Does `action()`, which is short and needs no thread of its own, wholly or not at all; raises what it raises.

    Python runs handlers of signals, and so raises KeyboardInterrupt, in the main thread alone: `action` runs in another
    one while the main thread waits for it. An exception that a handler raises meanwhile is passed on when the action is
    done; before the action has begun, it keeps it from beginning. (Blocking signals would not do: another thread of the
    process, such as one of PyTorch's, takes them, and the main thread runs their handlers.)
    """
    if threading.current_thread() is not threading.main_thread():
        action()
        return
    begun, done = _thread.allocate_lock(), _thread.allocate_lock()
    done.acquire()
    finished: list[BaseException | None] = []

    def run() -> None:
        if not begun.acquire(blocking=False):
            return
        failure: BaseException | None = None
        try:
            action()
        except BaseException as error:
            failure = error
        finished.append(failure)
        done.release()

    # Plain locks, each taken by one call: those of `threading` are left in the middle by an exception within them.
    try:
        _thread.start_new_thread(run, ())
        done.acquire()
    except BaseException as error:
        if not begun.acquire(blocking=False):
            if not finished:
                done.acquire()
        elif isinstance(error, RuntimeError):  # no more threads, or the interpreter is about to end
            action()
            return
        raise
    if finished[0] is not None:
        raise finished[0]
