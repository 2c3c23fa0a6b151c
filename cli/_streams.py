"""Standard streams that were closed by who started the program."""

from __future__ import annotations

import os
import sys


def open_standard_streams() -> None:
    """Opens those of the descriptors 0 to 2 that are closed, and gives messages a place to go.

    Otherwise the next file that is opened would get the number, and what a library prints to standard error would stand
    in a picture. Standard input and output stay closed for Python: they are None.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (for the whole run)
