"""The depth map of a `.bsc` file: what its samples mean, and where there are none.

`docs/format.md` states the same. This module needs the standard library alone.
"""

from __future__ import annotations

import enum
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .limits import MAX_STREAM_BYTES
from .reader import Reader
from .varint import write_varint

MAX_METRES_PER_STEP = 1e6
_BITS = (8, 16)


class DepthMode(enum.IntEnum):
    """What the network codes of a depth, over the coded range."""

    LINEAR = 0  # the depth
    INVERSE = 1  # one over it: errors grow with the square of the distance, as those of stereo cameras do


@dataclass(frozen=True)
class DepthView:
    """What the samples of a depth map mean.

    bits: 8 or 16, of a sample as it was given. metres_per_step: the length that a sample of 1 stands for. invalid: the
    sample that says that there is no measurement. near, far: the least and greatest sample that was coded, both
    included. mask: the stream of where there is no measurement, empty when there is one everywhere.
    """

    bits: int
    metres_per_step: float
    invalid: int
    near: int
    far: int
    mode: DepthMode = DepthMode.LINEAR
    mask: bytes = b""

    def to_bytes(self) -> bytes:
        """The record as it stands in the file."""
        head = bytes((self.bits, self.mode)) + struct.pack("<d", self.metres_per_step)
        numbers = b"".join(map(write_varint, (self.invalid, self.near, self.far, len(self.mask))))
        return head + numbers + self.mask

    def problems(self) -> Iterator[tuple[bool, str]]:
        """What is wrong with the fields; True marks a limit of this reader rather than an inconsistency."""
        if self.bits not in _BITS:
            yield False, f"a depth map of {self.bits} bits, it must be 8 or 16"
        if not (math.isfinite(self.metres_per_step) and 0 < self.metres_per_step <= MAX_METRES_PER_STEP):
            yield False, f"a depth map of {self.metres_per_step} metres per step, it must be above 0 and at most 1e6"
        if not 0 <= self.invalid < 2**self.bits:
            yield False, f"invalid depth {self.invalid}, it must be a sample of {self.bits} bits"
        if not 0 <= self.near <= self.far < 2**self.bits:
            yield False, f"depths from {self.near} to {self.far}, they must be samples of {self.bits} bits in order"
        if self.mode is DepthMode.INVERSE and self.near < 1:
            yield False, "inverse depths from 0, they must be above"
        if len(self.mask) > MAX_STREAM_BYTES:
            yield True, f"a mask of {len(self.mask)} bytes, the limit is {MAX_STREAM_BYTES}"


def read_depth(reader: Reader, version: tuple[int, int]) -> DepthView:
    """Takes the record off the front of what is left of a file."""
    bits = reader.byte("the bits of a depth")
    mode = DepthMode(reader.known(reader.byte("the depth mode"), tuple(DepthMode), "depth mode", version))
    (metres_per_step,) = struct.unpack("<d", reader.take(8, "the metres per step"))
    names = "the invalid depth", "the least depth", "the greatest depth", "the length of the mask"
    invalid, near, far, length = (reader.varint(name) for name in names)
    return DepthView(bits, metres_per_step, invalid, near, far, mode, reader.take(length, "the mask"))
