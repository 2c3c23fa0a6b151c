"""What the fields of a `.bsc` container may hold: limits, names of chunks, and the rules for values.

`docs/format.md` states the same rules. This module needs the standard library alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .file import Chunk, Container

VERSION = (1, 1)  # newest major and minor version that this reader knows
FIRST_VERSION = (1, 0)  # what a writer states of files that need nothing newer
DEPTH_VERSION = (1, 1)  # the first with depth maps
REPOSITORY_VERSION = (1, 1)  # what a writer states of files that name a repository on the Hub

MAX_SIDE = 65535  # pixels
MAX_PIXELS = 2**25  # of one view
MAX_GUARD_BYTES = 2**24
MAX_STREAM_BYTES = 2**28 - 1  # each of the four; the largest length that is a varint of four bytes
MAX_CHUNKS = 256
MAX_CHUNK_BYTES = 2**26  # payloads of all optional chunks together
MODEL_ID_BYTES = 6
MAX_MODEL_NAME_BYTES = 255

MODEL_NAME = "MODL"  # UTF-8, one printable line of 1 to 255 bytes: the release's name, e.g. "bisic-rt"
HUB_REPOSITORY = "REPO"  # since 1.1; ASCII, "org/name@commit": where on the Hub the release is
ICC_PROFILE = "ICCP"  # the ICC profile of both views
EXIF = "EXIF"  # Exif data, beginning with the TIFF header
XMP = "XMP_"  # an XMP packet
CALIBRATION = "CALB"  # UTF-8, a JSON object: the calibration of the two cameras
TEXT = "TEXT"  # UTF-8, free text
KNOWN_CHUNKS = frozenset({MODEL_NAME, HUB_REPOSITORY, ICC_PROFILE, EXIF, XMP, CALIBRATION, TEXT})

_UTF8_CHUNKS = frozenset({MODEL_NAME, CALIBRATION, TEXT})
# Names of repositories as the Hub allows them; a commit is a whole one, never a branch, which may move.
REPOSITORY = re.compile(
    r"(?!.{97})(?!.*(?:--|\.\.))[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
)
COMMIT = re.compile(r"[0-9a-f]{40}")
_CHUNK_NAME = re.compile(r"[A-Za-z0-9_]{4}")


def problems(container: Container) -> Iterator[tuple[bool, str]]:
    """What is wrong with the fields; True marks a limit of this reader rather than an inconsistency."""
    width, height = container.width, container.height
    if width < 1 or height < 1:
        yield False, f"views of {width}x{height} pixels, both sides must be at least 1"
    if width > MAX_SIDE or height > MAX_SIDE:
        yield True, f"views of {width}x{height} pixels, the limit is {MAX_SIDE} per side"
    if width * height > MAX_PIXELS:
        yield True, f"views of {width}x{height} pixels, the limit is {MAX_PIXELS} pixels per view"
    if not 0 <= container.quality <= 100:
        yield False, f"quality {container.quality}, it must be 0 to 100"
    if len(container.model_id) != MODEL_ID_BYTES:
        yield False, f"a model id of {len(container.model_id)} bytes, it must have {MODEL_ID_BYTES}"
    if len(container.guard) > MAX_GUARD_BYTES:
        yield True, f"a guard list of {len(container.guard)} bytes, the limit is {MAX_GUARD_BYTES}"
    largest = max(map(len, container.streams.in_file_order()))
    if largest > MAX_STREAM_BYTES:
        yield True, f"a stream of {largest} bytes, the limit is {MAX_STREAM_BYTES}"
    if not 0 <= container.latent_checksum < 2**32:
        yield False, f"latent checksum {container.latent_checksum}, it must be 0 to 2^32 - 1"
    if not (len(container.version) == 2 and container.version[0] == VERSION[0]):
        yield False, f"version {container.version}, the major version must be {VERSION[0]}"
    elif container.version[1] not in range(16):
        yield False, f"version {container.version}, the minor version must be 0 to 15"
    yield from _depth_problems(container)
    yield from _chunk_problems(container.chunks)


def _depth_problems(container: Container) -> Iterator[tuple[bool, str]]:
    has_depth = container.view_kind.name == "RGB8_DEPTH"
    if has_depth != (container.depth is not None):
        yield False, "views of colour and depth need a description of the depth, and no others have one"
    if has_depth and container.version < DEPTH_VERSION:
        yield False, f"a depth map in a file of version {container.version}, it must be {DEPTH_VERSION} or newer"
    if container.depth is not None:
        yield from container.depth.problems()


def _chunk_problems(chunks: tuple[Chunk, ...]) -> Iterator[tuple[bool, str]]:
    if len(chunks) > MAX_CHUNKS:
        yield True, f"{len(chunks)} optional chunks, the limit is {MAX_CHUNKS}"
    total = sum(len(chunk.payload) for chunk in chunks)
    if total > MAX_CHUNK_BYTES:
        yield True, f"optional chunks of {total} bytes together, the limit is {MAX_CHUNK_BYTES}"
    seen: set[str] = set()
    for name, payload in ((chunk.name, chunk.payload) for chunk in chunks):
        if not _CHUNK_NAME.fullmatch(name):
            yield (
                False,
                f"chunk name {ascii(name)[:40]}, it must be four ASCII letters, digits or underscores",
            )
        if name in seen and name in KNOWN_CHUNKS:
            yield False, f"chunk {name} occurs more than once"
        seen.add(name)
        if name == HUB_REPOSITORY and not _names_a_commit(payload):
            yield False, f"chunk {name} must be the name of a repository, @ and a commit of 40 hexadecimal digits"
        if name in _UTF8_CHUNKS:
            try:
                text = payload.decode("utf-8")
            except UnicodeDecodeError:
                yield False, f"chunk {name} is not UTF-8 text"
                continue
            # The name is shown on terminals: no control characters, no line breaks.
            if name == MODEL_NAME and not (0 < len(payload) <= MAX_MODEL_NAME_BYTES and text.isprintable()):
                yield False, f"chunk {name} must be one printable line of 1 to {MAX_MODEL_NAME_BYTES} bytes"


def _names_a_commit(payload: bytes) -> bool:
    repository, at, commit = payload.decode("latin-1").partition("@")
    return bool(at and REPOSITORY.fullmatch(repository) and COMMIT.fullmatch(commit))
