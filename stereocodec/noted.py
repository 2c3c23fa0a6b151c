"""What this package warns of, collected for those who tell it to people."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import StereoCodecWarning


@contextmanager
def noted() -> Iterator[list[str]]:
    """Within, what this package warns of is collected, each line once; other warnings speak to programmers."""
    lines: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", StereoCodecWarning)
        yield lines
    lines += dict.fromkeys(str(warning.message) for warning in caught)
