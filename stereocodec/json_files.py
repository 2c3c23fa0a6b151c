"""Settings from JSON files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .regular_files import read_regular
from .strict_json import parse_json

MAX_SETTINGS_BYTES = 2**24


def read_json(path: Path) -> Any:
    """What a JSON file of settings holds.

    Raises OSError as `read_regular` does, and ValueError as `parse_json` does.
    """
    return parse_json(read_regular(path, MAX_SETTINGS_BYTES))
