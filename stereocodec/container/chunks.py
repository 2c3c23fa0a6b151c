"""Optional chunks of a `.bsc` file: data that decoding does not need, each with a name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import LimitExceeded
from .limits import (
    COMMIT,
    HUB_REPOSITORY,
    KNOWN_CHUNKS,
    MAX_CHUNK_BYTES,
    MAX_CHUNKS,
    MAX_MODEL_NAME_BYTES,
    MODEL_NAME,
    REPOSITORY,
    TEXT,
)
from .reader import Reader, corrupt
from .varint import write_varint

_UTF8_CHUNKS = frozenset({MODEL_NAME, TEXT})
_CHUNK_NAME = re.compile(r"[A-Za-z0-9_]{4}")


@dataclass(frozen=True)
class Chunk:
    """Optional data that decoding does not need: a name of four ASCII letters, digits or `_`, and bytes."""

    name: str
    payload: bytes


def write_chunks(chunks: Sequence[Chunk]) -> bytes:
    """The chunks as they stand in a file; nothing when there are none."""
    if not chunks:
        return b""
    records = (chunk.name.encode("ascii") + write_varint(len(chunk.payload)) + chunk.payload for chunk in chunks)
    return write_varint(len(chunks)) + b"".join(records)


def read_chunks(reader: Reader) -> tuple[Chunk, ...]:
    """Takes the chunks off the front of what is left of a file that says that it has some."""
    count = reader.varint("the number of optional chunks")
    if count == 0:
        raise corrupt("damaged: it announces optional chunks and has none")
    if count > MAX_CHUNKS:
        # Checked here because the objects of many empty chunks would take far more memory than the file.
        raise LimitExceeded(f"the file claims {count} optional chunks, the limit is {MAX_CHUNKS}")
    chunks = []
    for index in range(count):
        # Latin-1 maps every byte to a character; names that are not ASCII are refused with the others.
        name = reader.take(4, f"the name of chunk {index}").decode("latin-1")
        length = reader.varint(f"the length of chunk {index}")
        chunks.append(Chunk(name, reader.take(length, f"chunk {index}")))
    return tuple(chunks)


def chunk_problems(chunks: Sequence[Chunk]) -> Iterator[tuple[bool, str]]:
    """What is wrong with them; True marks a limit of this reader rather than an inconsistency."""
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
