"""What a `.bsc` file says beside its pictures: profile, Exif, XMP, calibration, and the layout the views came in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from .chunks import Chunk
from .layouts import Layout
from .limits import CALIBRATION, EXIF, ICC_PROFILE, LAYOUT, METADATA_CHUNKS, XMP
from .packing import pack, unpack


@dataclass(frozen=True)
class Metadata:
    """What is known of a pair beside its pixels; anything may be missing.

    icc_profile: of both views. exif: from its TIFF header on; orientation is not told here but by the file's header.
    xmp: one packet. calibration: see `docs/format.md` for its keys. layout: of the one picture that the views were
    taken from; of half layouts, pixels of the views are not square.
    """

    icc_profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    calibration: Mapping[str, Any] | None = None
    layout: Layout | None = None

    def __bool__(self) -> bool:
        """Whether there is any."""
        return any(getattr(self, field.name) is not None for field in fields(self))

    def filled_from(self, other: Metadata) -> Metadata:
        """This, with what is missing from another one."""
        taken = {field.name: getattr(other, field.name) for field in fields(self) if getattr(self, field.name) is None}
        return replace(self, **taken)

    def to_chunks(self) -> tuple[Chunk, ...]:
        """The chunks of a file that hold it."""
        calibration = None if self.calibration is None else _json_bytes(self.calibration)
        layout = None if self.layout is None else self.layout.value.encode()
        contents = {ICC_PROFILE: self.icc_profile, EXIF: self.exif, XMP: self.xmp, CALIBRATION: calibration}
        packed = tuple(Chunk(name, pack(content)) for name, content in contents.items() if content is not None)
        return packed if layout is None else (*packed, Chunk(LAYOUT, layout))

    @classmethod
    def of_chunks(cls, chunks: Sequence[Chunk]) -> Metadata:
        """That of a file of version 1.3 or newer with these chunks, among others; they are without problems."""
        payloads = {chunk.name: chunk.payload for chunk in chunks if chunk.name in METADATA_CHUNKS}
        contents = {
            name: None if (payload := payloads.get(name)) is None else unpack(payload)
            for name in (ICC_PROFILE, EXIF, XMP, CALIBRATION)
        }
        calibration = contents[CALIBRATION]
        return cls(
            contents[ICC_PROFILE],
            contents[EXIF],
            contents[XMP],
            None if calibration is None else json.loads(calibration),
            _layout(payloads.get(LAYOUT)),
        )


NO_METADATA = Metadata()


def metadata_problems(chunks: Sequence[Chunk]) -> Iterator[tuple[bool, str]]:
    """What is wrong with the metadata chunks of a file of version 1.3 or newer, as `chunks.chunk_problems` has it."""
    for chunk in chunks:
        if chunk.name in METADATA_CHUNKS - {LAYOUT}:
            try:
                data = unpack(chunk.payload)
                if chunk.name == CALIBRATION and not isinstance(json.loads(data.decode("utf-8")), dict):
                    raise ValueError("it is no JSON object")
            except RecursionError:
                yield False, f"chunk {chunk.name}: its JSON is nested too deeply"
            except ValueError as error:  # UnicodeDecodeError and JSONDecodeError as well
                yield False, f"chunk {chunk.name}: {error}"


def _json_bytes(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _layout(payload: bytes | None) -> Layout | None:
    """None also for what later versions may define."""
    try:
        return None if payload is None else Layout(payload.decode("ascii"))
    except ValueError:
        return None
