"""A file that holds both views of a pair, for the readers of its possible forms."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from ..container.layouts import Layout
from ..errors import InvalidInput
from ..text import reason_of
from .alpha import Background
from .picture import Picture, StereoPair
from .pil import load_picture

_HEAD_BYTES = 4096
_MAX_PIPED_BYTES = 2**30  # 8-bit RGB of the largest pair is a fifth of that


@dataclass(frozen=True)
class PairSource:
    """One file, and what the caller says of it.

    path: None where the bytes are given instead. name: what messages call it. layout: a `Layout`, MPO_LAYOUT, or None
    where the file has to tell. frame: of a film, from 0. background: what transparent parts are laid onto.
    """

    path: Path | None
    data: bytes | None
    name: str
    layout: Layout | str | None = None
    frame: int | None = None
    background: Background | None = None

    @property
    def suffix(self) -> str:
        """The end of its name in lower case, such as .jps."""
        return "" if self.path is None else self.path.suffix.lower()

    @cached_property
    def head(self) -> bytes:
        """Its first bytes, by which readers know their form."""
        with self.open() as file:
            return file.read(_HEAD_BYTES)

    def open(self) -> IO[bytes]:
        """The file from its beginning, which can be moved in; raises InvalidInput."""
        if self.path is None:
            return io.BytesIO(self.data or b"")
        try:
            return io.BytesIO(self._piped) if self.path.is_fifo() else self.path.open("rb")
        except FileNotFoundError as error:
            raise InvalidInput(f"{self.name}: no such file") from error
        except IsADirectoryError as error:
            raise InvalidInput(f"{self.name} is a folder: name a picture") from error
        except OSError as error:
            raise InvalidInput(f"{self.name} cannot be read: {reason_of(error)}") from error

    @cached_property
    def _piped(self) -> bytes:
        """What comes through the pipe that the path names, which can be read but once."""
        assert self.path is not None
        with self.path.open("rb") as pipe:
            return pipe.read(_MAX_PIPED_BYTES)

    def picture(self, views: int = 1) -> Picture:
        """All of it as one picture that holds some views; raises InvalidInput."""
        with self.open() as file:
            return load_picture(file, self.name, self.background, views=views)


def beyond_the_end(name: str, count: int, number: int) -> InvalidInput:
    """The error for frame `number` of a file that has `count` of them."""
    return InvalidInput(f"{name} has {count} frames: --frame (in Python frame=) takes 0 to {count - 1}, not {number}")


Reader = Callable[[PairSource], StereoPair | Picture | None]
"""Reads one form of file: the pair, or one picture, which the layout takes apart.

None for a file of another form, which costs no more than a look at its head.
"""
