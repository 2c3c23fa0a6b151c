"""The `.bsc` container: bytes <-> the fields and the streams of one stereo pair or frame of colour with depth.

`docs/format.md` specifies every byte. This package needs the standard library alone, so that a file can be examined
where torch is not installed, and it treats guard lists and streams as opaque bytes.
"""

from __future__ import annotations

from .bands import Band, Streams, band_name, rows_of_bands
from .bounded import metadata_in, read_bounded
from .chunks import Chunk
from .file import Container
from .header import HEADER_BYTES, Header, ViewKind, peek_header
from .layouts import Layout
from .metadata import Metadata
from .reader import SIGNATURE
from .shown import Channels

__all__ = [
    "HEADER_BYTES",
    "SIGNATURE",
    "Band",
    "Channels",
    "Chunk",
    "Container",
    "Header",
    "Layout",
    "Metadata",
    "Streams",
    "ViewKind",
    "band_name",
    "metadata_in",
    "peek_header",
    "read_bounded",
    "rows_of_bands",
]
