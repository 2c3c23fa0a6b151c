"""Processes that are started anew, so that the one that starts them keeps its threads and memory."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from .errors import StereoCodecError
from .text import reason_of


def spawned_processes(count: int, start: Callable[..., object], *arguments: Any) -> ProcessPoolExecutor:
    """As many processes, each of which first calls `start(*arguments)`, which are picklable.

    Raises StereoCodecError where the system has no semaphores, which they share.
    """
    try:
        return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=start, initargs=arguments)
    except (OSError, ImportError, NotImplementedError) as error:
        raise StereoCodecError(
            f"processes cannot be started ({reason_of(error)}): they share semaphores, which Linux keeps in /dev/shm: "
            "mount it writable, in a container with: --tmpfs /dev/shm"
        ) from error
