"""The segments of a JPEG file before its samples, in which programs say what Pillow does not read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

JPEG_START = b"\xff\xd8"
APP1, APP2, APP3 = 0xE1, 0xE2, 0xE3
_LAST = (0xDA, 0xD9)  # start of scan and end of image
_WITHOUT_CONTENT = {0x01, *range(0xD0, 0xD9)}


@dataclass(frozen=True)
class Segment:
    """marker: the second byte of its marker. start: where in the file its content is. content: at most 65533 bytes."""

    marker: int
    start: int
    content: bytes


def jpeg_segments(file: IO[bytes]) -> Iterator[Segment]:
    """Those of the JPEG picture that begins where a file is, up to its samples or to damage; none of other files."""
    if file.read(2) != JPEG_START:
        return
    while (marker := _next_marker(file)) is not None and marker not in _LAST:
        if marker in _WITHOUT_CONTENT:
            continue
        length = int.from_bytes(file.read(2), "big") - 2
        start = file.tell()
        content = file.read(max(length, 0))
        if length < 0 or len(content) < length:
            return
        yield Segment(marker, start, content)


def find_segment(file: IO[bytes], marker: int, mark: bytes) -> Segment | None:
    """The first segment of a kind whose content begins with a mark."""
    found = (segment for segment in jpeg_segments(file) if segment.marker == marker)
    return next((segment for segment in found if segment.content.startswith(mark)), None)


def segment_bytes(marker: int, content: bytes) -> bytes:
    """A segment as it stands in a file, from its marker on; content: at most 65533 bytes."""
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _next_marker(file: IO[bytes]) -> int | None:
    """None where the file ends, or has something else."""
    if file.read(1) != b"\xff":
        return None
    byte = b"\xff"
    while byte == b"\xff":  # of which there may be several
        byte = file.read(1)
    return byte[0] if byte else None
