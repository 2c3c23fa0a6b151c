"""Imports of PyTorch in a process that lives for one command."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Within, what is imported is taken to be needed until the process ends.

    Python would look for garbage among PyTorch's hundreds of thousands of objects again and again, for a fifth of the
    import's time; so nothing that is there when the context ends is ever looked at again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
