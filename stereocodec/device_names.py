"""What devices are called; needs no torch."""

from __future__ import annotations

import re

from .errors import InvalidInput

_NAME = re.compile(r"auto|cpu|mps(:0)?|cuda(:[0-9]{1,3})?")


def check_device_name(name: str) -> str:
    """The name; raises InvalidInput for one that no device has."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"unknown device '{name}'; use auto, cpu, cuda, cuda:N or mps")
    return name
