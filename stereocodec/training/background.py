"""Runs that take only the time that other work leaves."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_LOWEST = 19
_AUTOGROUPS = Path("/proc/sys/kernel/sched_autogroup_enabled")
_OWN_AUTOGROUP = Path("/proc/self/autogroup")


def yield_to_other_work() -> None:
    """Gives this process the lowest priority, where the system knows such a thing.

    To be called before any library starts threads: on Linux those that run already keep their priority. Where Linux
    shares processors between sessions first (autogroup), a process's own niceness counts only within its session, so
    that the session's is lowered too; with it that of whatever else was started in the same terminal.
    """
    if hasattr(os, "nice"):  # which Windows has not
        os.nice(_LOWEST)
    with contextlib.suppress(OSError):  # no Linux, or not allowed: then the run is as nice as it can be
        if _AUTOGROUPS.read_text(encoding="ascii").strip() == "1":
            _OWN_AUTOGROUP.write_text(str(_LOWEST), encoding="ascii")
