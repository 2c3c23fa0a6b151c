"""Running other programs: found on PATH, their failures in one line, the memory that they took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ..errors import StereoCodecError
from ..text import reason_of

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in a unit of `ru_maxrss`."""


class ToolError(StereoCodecError):
    """Another program that failed."""


class _Peak:
    """The largest resident memory of a program that this process ran, since the last `reset`."""

    def __init__(self) -> None:
        self.bytes: int | None = None

    def reset(self) -> None:
        self.bytes = None

    def take(self, found: int) -> None:
        self.bytes = max(self.bytes or 0, found)


tool_peak = _Peak()
"""Updated by `run_tool` where the system tells (not on Windows)."""


def run_tool(command: Sequence[str], cwd: Path | None = None) -> None:
    """Runs a program to its end; what it prints is only seen when it fails.

    Raises ToolError: it is not there, or ends with another status than zero.
    """
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd)
        except OSError as error:
            raise ToolError(f"{command[0]} cannot be run: {reason_of(error)}") from error
        try:
            status = _wait(process)
        except BaseException:
            process.kill()
            raise
        if status != 0:
            output.seek(0)
            lines = output.read().decode(errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
            raise ToolError(f"{Path(command[0]).name} failed (exit status {status}): {last[:300]}")


def _wait(process: subprocess.Popen[bytes]) -> int:
    if sys.platform == "win32":
        return process.wait()
    _, status, usage = os.wait4(process.pid, 0)
    tool_peak.take(usage.ru_maxrss * RSS_UNIT)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode


def first_line(*command: str) -> str:
    """The first line that a program prints, such as its version; empty when it cannot be run."""
    lines = printed(*command).strip().splitlines()
    return lines[0].strip() if lines else ""


@lru_cache
def printed(*command: str) -> str:
    """All that a program prints; empty when it cannot be run."""
    try:
        found = subprocess.run(command, capture_output=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (found.stdout + found.stderr).decode(errors="replace")
