"""Imported before numpy and PyTorch by a benchmark, it lets threads wait as `bisic` does, where it is the program."""

from __future__ import annotations

import sys
from pathlib import Path

from stereocodec.processor import let_waiting_threads_sleep

if Path(sys.argv[0]).resolve().parent == Path(__file__).resolve().parent:
    let_waiting_threads_sleep()
