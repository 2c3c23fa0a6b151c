"""The import of PyTorch in a process that lives for one command."""

from __future__ import annotations

import gc
from importlib import import_module


def import_networks(module: str = "stereocodec.codec") -> None:
    """Imports a module, and PyTorch with it, before it is imported by the code that needs it.

    Python would look for garbage among PyTorch's hundreds of thousands of objects again and again, for a fifth of the
    import's time; so nothing that is there after it is ever looked at again.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        import_module(module)
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
