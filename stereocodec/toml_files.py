"""Settings from TOML files, with the standard library where it reads them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .errors import InvalidInput
from .regular_files import read_regular
from .text import reason_of

_MAX_BYTES = 2**24


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; raises InvalidInput with the reason when it cannot be read."""
    try:
        text = read_regular(path, _MAX_BYTES).decode("utf-8")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {reason_of(error)}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not a TOML file: {error}") from error
    return parse_toml(text, f"{path}")


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """The tables of a text; raises InvalidInput, which calls it by a name, for what is no TOML."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        try:
            import tomli as tomllib
        except ImportError as error:
            raise InvalidInput("Python 3.10 needs tomli: pip install tomli") from error
    try:
        tables: dict[str, Any] = tomllib.loads(text)
        return tables
    except (ValueError, RecursionError) as error:  # numbers of too many digits, too
        raise InvalidInput(f"{name} is not a TOML file: {' '.join(str(error).split())[:300]}") from error
