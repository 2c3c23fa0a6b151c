"""The `.bsc` container: bytes <-> the fields and the streams of one stereo pair or frame of colour with depth.

`docs/format.md` specifies every byte. This package needs the standard library alone, so that a file can be examined
where torch is not installed, and it treats the guard list and the streams as opaque bytes.
"""

from __future__ import annotations

from .bounded import metadata_in, read_bounded
from .chunks import Chunk
from .file import Container, Streams
from .header import HEADER_BYTES, Header, ViewKind, peek_header
from .layouts import Layout
from .metadata import Metadata
from .reader import SIGNATURE
from .shown import Channels

__all__ = [
    "HEADER_BYTES",
    "SIGNATURE",
    "Channels",
    "Chunk",
    "Container",
    "Header",
    "Layout",
    "Metadata",
    "Streams",
    "ViewKind",
    "metadata_in",
    "peek_header",
    "read_bounded",
]
