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
MAX_PPM = 10**6  # parts per million of a depth that the error of it may have
DEFAULT_MAX_ERROR = "0.1%"
"""The bound where none is asked for; docs/rgbd.md compares it with what depth cameras state of their own errors."""
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
        yield from _problems_of_samples(self.bits, self.metres_per_step, self.invalid)
        if not 0 <= self.near <= self.far < 2**self.bits:
            yield False, f"depths from {self.near} to {self.far}, they must be samples of {self.bits} bits in order"
        if self.mode is DepthMode.INVERSE and self.near < 1:
            yield False, "inverse depths from 0, they must be above"
        if len(self.mask) > MAX_STREAM_BYTES:
            yield True, f"a mask of {len(self.mask)} bytes, the limit is {MAX_STREAM_BYTES}"


@dataclass(frozen=True)
class BoundedDepth:
    """A depth map whose every measurement comes back within a bound, on every machine.

    bits, metres_per_step, invalid, mask: as of `DepthView`. max_steps, max_ppm: of a measurement s, the most that its
    decoded sample differs by is max_steps, or floor(s * max_ppm / 10^6) where that is more; without loss if both are 0.
    samples: the stream of the measurements, empty when there are none.
    """

    bits: int
    metres_per_step: float
    invalid: int
    max_steps: int = 0
    max_ppm: int = 0
    mask: bytes = b""
    samples: bytes = b""

    @property
    def lossless(self) -> bool:
        """Whether every measurement comes back as it was."""
        return not (self.max_steps or self.max_ppm)

    @property
    def promise(self) -> str:
        """The bound in words, e.g. "within 5 mm"."""
        if self.lossless:
            return "without loss"
        steps = f"{self.max_steps * self.metres_per_step * 1000:.6g} mm" if self.max_steps else ""
        share = f"{self.max_ppm / 10000:.6g} % of the distance" if self.max_ppm else ""
        return "within " + (f"{steps} or {share}, whichever is more" if steps and share else steps or share)

    def to_bytes(self) -> bytes:
        """The record as it stands in the file."""
        head = bytes((self.bits,)) + struct.pack("<d", self.metres_per_step)
        numbers = self.invalid, self.max_steps, self.max_ppm, len(self.mask), len(self.samples)
        return head + b"".join(map(write_varint, numbers)) + self.mask + self.samples

    def problems(self) -> Iterator[tuple[bool, str]]:
        """What is wrong with the fields; True marks a limit of this reader rather than an inconsistency."""
        yield from _problems_of_samples(self.bits, self.metres_per_step, self.invalid)
        if not 0 <= self.max_steps < 2**self.bits:
            yield False, f"depth within {self.max_steps} steps, it must be a sample of {self.bits} bits"
        if not 0 <= self.max_ppm <= MAX_PPM:
            yield False, f"depth within {self.max_ppm} parts per million, the most is {MAX_PPM}"
        for name, stream in (("mask", self.mask), ("depth stream", self.samples)):
            if len(stream) > MAX_STREAM_BYTES:
                yield True, f"a {name} of {len(stream)} bytes, the limit is {MAX_STREAM_BYTES}"


def _problems_of_samples(bits: int, metres_per_step: float, invalid: int) -> Iterator[tuple[bool, str]]:
    """What is wrong with what every record has."""
    if bits not in _BITS:
        yield False, f"a depth map of {bits} bits, it must be 8 or 16"
    if not (math.isfinite(metres_per_step) and 0 < metres_per_step <= MAX_METRES_PER_STEP):
        yield False, f"a depth map of {metres_per_step} metres per step, it must be above 0 and at most 1e6"
    if not 0 <= invalid < 2**bits:
        yield False, f"invalid depth {invalid}, it must be a sample of {bits} bits"


def read_bounded_depth(reader: Reader) -> BoundedDepth:
    """Takes the record of a depth map within a bound off the front of what is left of a file."""
    bits = reader.byte("the bits of a depth")
    (metres_per_step,) = struct.unpack("<d", reader.take(8, "the metres per step"))
    names = "the invalid depth", "the largest error", "the largest share", "the length of the mask", "that of the depth"
    invalid, steps, ppm, mask, samples = (reader.varint(name) for name in names)
    return BoundedDepth(
        bits, metres_per_step, invalid, steps, ppm, reader.take(mask, "the mask"), reader.take(samples, "the depth")
    )


def read_depth(reader: Reader, version: tuple[int, int]) -> DepthView:
    """Takes the record off the front of what is left of a file."""
    bits = reader.byte("the bits of a depth")
    mode = DepthMode(reader.known(reader.byte("the depth mode"), tuple(DepthMode), "depth mode", version))
    (metres_per_step,) = struct.unpack("<d", reader.take(8, "the metres per step"))
    names = "the invalid depth", "the least depth", "the greatest depth", "the length of the mask"
    invalid, near, far, length = (reader.varint(name) for name in names)
    return DepthView(bits, metres_per_step, invalid, near, far, mode, reader.take(length, "the mask"))
