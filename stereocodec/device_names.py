"""What devices are called, and how many threads may compute; needs no torch."""

from __future__ import annotations

import re

from .errors import InvalidInput

MAX_THREADS = 1024
_NAME = re.compile(r"auto|cpu|mps(:0)?|cuda(:[0-9]{1,3})?")


def check_device_name(name: str) -> str:
    """The name; raises InvalidInput for one that no device has."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"unknown device '{name}'; use auto, cpu, cuda, cuda:N or mps")
    return name
