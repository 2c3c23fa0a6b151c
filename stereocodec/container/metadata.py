"""What a `.bsc` file says beside its pictures: profile, Exif, XMP, calibration, and the layout the views came in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from ..errors import InvalidInput
from ..strict_json import parse_json
from .chunks import Chunk
from .layouts import Layout
from .limits import (
    CALIBRATION,
    EXIF,
    ICC_PROFILE,
    LAYOUT,
    MAX_CALIBRATION_BYTES,
    MAX_CALIBRATION_DEPTH,
    MAX_METADATA_BYTES,
    METADATA_CHUNKS,
    METADATA_VERSION,
    VERSION,
    XMP,
)
from .packing import TooLong, UnknownMethod, check_packed, pack, unpack

PACKED_CHUNKS = METADATA_CHUNKS - {LAYOUT}
EXIF_MARK = b"Exif\x00\x00"
"""Stands before Exif data in JPEG files, and in what Pillow gives."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class Metadata:
    """What is known of a pair beside its pixels; anything may be missing.

    icc_profile: of both views. exif: from its TIFF header on, which may be given with EXIF_MARK before it; orientation
    is not told here but by the file's header.
    xmp: one packet. calibration: see `docs/format.md` for its keys. layout: of the one picture that the views were
    taken from; of half layouts, pixels of the views are not square.

    Raises InvalidInput for what no file can hold: another type, more than 16 MiB of bytes, or a calibration that is no
    JSON object of finite numbers, takes more than 1 MiB, or has more than 32 levels.
    """

    icc_profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    calibration: Mapping[str, Any] | None = None
    layout: Layout | None = None

    def __post_init__(self) -> None:
        for name in ("icc_profile", "exif", "xmp"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, bytes):
                raise InvalidInput(f"{name} is {type(value).__name__}: give its bytes, or None")
            if value is not None and len(value) > MAX_METADATA_BYTES:
                raise InvalidInput(f"{name} has {len(value)} bytes, a .bsc file holds up to {MAX_METADATA_BYTES}")
        if self.exif is not None:
            object.__setattr__(self, "exif", self.exif.removeprefix(EXIF_MARK))
        if self.layout is not None and not isinstance(self.layout, Layout):
            raise InvalidInput(f"layout is {self.layout!r}: give a member of stereocodec.container.Layout, or None")
        if self.calibration is not None:
            try:
                _read_calibration(pack(_json_bytes(self.calibration)))
            except (TypeError, ValueError, RecursionError) as error:
                raise InvalidInput(f"the calibration cannot be kept: {error}") from error

    def __bool__(self) -> bool:
        """Whether there is any."""
        return any(getattr(self, field.name) is not None for field in fields(self))

    def filled_from(self, other: Metadata) -> Metadata:
        """This, with what is missing from another one."""
        taken = {field.name: getattr(other, field.name) for field in fields(self) if getattr(self, field.name) is None}
        return replace(self, **taken)

    def layout_alone(self) -> Metadata:
        """The layout, which tells what pixels are, without what is known beside it."""
        return Metadata(layout=self.layout)

    def to_chunks(self) -> tuple[Chunk, ...]:
        """The chunks of a file that hold it."""
        calibration = None if self.calibration is None else _json_bytes(self.calibration)
        layout = None if self.layout is None else self.layout.value.encode()
        contents = {ICC_PROFILE: self.icc_profile, EXIF: self.exif, XMP: self.xmp, CALIBRATION: calibration}
        packed = tuple(Chunk(name, pack(content)) for name, content in contents.items() if content is not None)
        return packed if layout is None else (*packed, Chunk(LAYOUT, layout))

    @classmethod
    def of_chunks(cls, chunks: Sequence[Chunk], version: tuple[int, int]) -> Metadata:
        """That of a file with these chunks, of which `metadata_problems` finds nothing wrong.

        Files of versions before 1.3, which no program wrote with such chunks, have none; what newer versions may pack
        in another way is not there either.
        """
        if version < METADATA_VERSION:
            return cls()
        held = {chunk.name: chunk.payload for chunk in chunks if chunk.name in METADATA_CHUNKS}
        profile, exif, xmp = (_known(unpack, held.get(name)) for name in (ICC_PROFILE, EXIF, XMP))
        metadata = cls(profile, exif, xmp, layout=_layout(held.get(LAYOUT)))
        # Not as an argument, of which is checked how long it gets: 1e15 is longer when it is written again.
        object.__setattr__(metadata, "calibration", _known(_read_calibration, held.get(CALIBRATION)))
        return metadata


NO_METADATA = Metadata()


def metadata_problems(chunks: Sequence[Chunk], version: tuple[int, int]) -> Iterator[tuple[bool, str]]:
    """What is wrong with the metadata chunks of a file, as `chunks.chunk_problems` has it.

    What is unpacked for that is not kept: a small file can hold 64 MiB, of which its reader may need nothing.
    """
    if version < METADATA_VERSION:
        return
    for chunk in chunks:
        if chunk.name in PACKED_CHUNKS:
            try:
                check = _read_calibration if chunk.name == CALIBRATION else check_packed
                check(chunk.payload)
            except UnknownMethod as error:
                if version <= VERSION:
                    yield False, f"chunk {chunk.name}: {error}"
            except ValueError as error:  # UnicodeDecodeError and JSONDecodeError as well
                yield isinstance(error, TooLong), f"chunk {chunk.name}: {error}"


def _known(read: Callable[[bytes], _T], payload: bytes | None) -> _T | None:
    """What is in a payload, if there is one; None also for one that is packed as later versions may define."""
    try:
        return None if payload is None else read(payload)
    except UnknownMethod:
        return None


def _json_bytes(value: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _read_calibration(payload: bytes) -> dict[str, Any]:
    """What the packed JSON of a calibration says; raises ValueError."""
    value = parse_json(unpack(payload, MAX_CALIBRATION_BYTES))
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    _check_values(value, MAX_CALIBRATION_DEPTH)
    return value


def _check_values(value: Any, levels: int) -> None:
    """Raises ValueError for more levels of objects and lists, and for halves of characters, which no text has."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, dict | list):
        if not levels:
            raise ValueError(f"its values are nested more than {MAX_CALIBRATION_DEPTH} levels deep")
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            _check_values(item, levels - 1)


def _layout(payload: bytes | None) -> Layout | None:
    """None also for what later versions may define."""
    try:
        return None if payload is None else Layout(payload.decode("ascii"))
    except ValueError:
        return None
