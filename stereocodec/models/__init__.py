"""The networks; every one of them is a plug-in of the one coding path.

Each folder here is an architecture, or a few that share their parts, and registers itself when it is imported.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from .base import StereoModel
from .registry import ARCHITECTURES, Architecture, OfficialFormat, build_model, register

__all__ = ["ARCHITECTURES", "Architecture", "OfficialFormat", "StereoModel", "build_model", "register"]

for _found in pkgutil.iter_modules(__path__):
    if _found.ispkg:
        import_module(f".{_found.name}", __name__)
