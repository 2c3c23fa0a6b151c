"""How `fuzz.py` changes valid `.bsc` files."""

from __future__ import annotations

import dataclasses
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stereocodec.container import Band, Chunk, Container, Streams
from stereocodec.container.chunks import write_chunks
from stereocodec.container.depth import BoundedDepth, DepthView
from stereocodec.container.limits import LAYOUT, METADATA_CHUNKS
from stereocodec.container.packing import pack, unpack

SIDE = 64
"""Of the pictures of the files, in pixels."""


@dataclass(frozen=True)
class Seed:
    """A valid file, what it holds, and the pictures that it decodes to."""

    data: bytes
    container: Container
    pictures: tuple[Any, Any]


def _with_crc(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(4, "little")


def _edited(rng: random.Random, data: bytes, first: int = 0, last: int | None = None) -> bytes:
    """With one to four bytes changed, left out or added between two places."""
    out, last = bytearray(data), len(data) if last is None else min(last, len(data))
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(first, max(first + 1, last))
        kind = rng.randrange(4)
        if kind == 0 and place < len(out):
            out[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and place < len(out):
            out[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif kind == 2:
            del out[place : place + rng.randint(1, 4)]
        else:
            out[place:place] = rng.randbytes(rng.randint(1, 4))
    return bytes(out)


def _flipped(rng: random.Random, seed: Seed, other: Seed) -> bytes:
    return _edited(rng, seed.data)


def _cut(rng: random.Random, seed: Seed, other: Seed) -> bytes:
    end = rng.randrange(len(seed.data))
    return rng.choice((seed.data[:end], _with_crc(seed.data[:end]), seed.data + rng.randbytes(end % 50 + 1)))


def _spliced(rng: random.Random, seed: Seed, other: Seed) -> bytes:
    return _with_crc(seed.data[: rng.randrange(len(seed.data))] + other.data[rng.randrange(len(other.data)) : -4])


def _head(rng: random.Random, seed: Seed, other: Seed) -> bytes:
    """The header, the depth record, the guard list and the lengths are in the first bytes."""
    return _with_crc(_edited(rng, seed.data[:-4], 8, rng.choice((20, 60, 100))))


def _any_place(rng: random.Random, seed: Seed, other: Seed) -> bytes:
    """Lengths are wrong where bytes come or go, and right where they only change."""
    return _with_crc(_edited(rng, seed.data[:-4], 8))


def _unseen(rng: random.Random, seed: Seed, other: Seed) -> bytes:
    """Other optional chunks, which decoding does not need."""
    chunks = tuple(Chunk(f"f{rng.randrange(1000):03d}", rng.randbytes(rng.randrange(40))) for _ in range(3))
    return dataclasses.replace(seed.container, chunks=chunks, version=(0, 0)).to_bytes()


def _metadata(rng: random.Random, seed: Seed, other: Seed) -> bytes:
    """Metadata of which the packed or the unpacked bytes are changed; whether they are valid does not matter here."""
    held = [chunk for chunk in (*seed.container.chunks, *other.container.chunks) if chunk.name in METADATA_CHUNKS]
    chunk = rng.choice(held or [Chunk("EXIF", pack(b"II*\0\x08\0\0\0" + rng.randbytes(60)))])
    if chunk.name == LAYOUT or rng.randrange(3) == 0:
        payload = _edited(rng, chunk.payload)
    else:
        payload = pack(_edited(rng, unpack(chunk.payload)))
    others = [kept for kept in seed.container.chunks if kept.name != chunk.name]
    chunks = (*others, Chunk(chunk.name, payload))
    unchecked = dataclasses.replace(
        seed.container, chunks=tuple(Chunk("f000", b"") for _ in chunks), version=max((1, 3), seed.container.version)
    )
    plain = write_chunks(unchecked.chunks)
    return _with_crc(unchecked.to_bytes()[:-4].replace(plain, write_chunks(chunks), 1))


def _fields(rng: random.Random, seed: Seed, other: Seed) -> bytes:
    """A field of another value, of which the file is valid as far as its container goes."""
    container, far = seed.container, other.container
    choices: list[dict[str, Any]] = [
        {"quality": rng.randint(0, 100)},
        {"orientation": rng.randint(1, 8), "version": (0, 0)},
        {"width": rng.randint(1, 2 * SIDE), "height": rng.randint(1, 2 * SIDE)},
        {"bands": tuple(rng.sample(container.bands, len(container.bands))), "version": (0, 0)},
        {"bands": (*container.bands, *far.bands)[: rng.randint(1, 3)], "version": (0, 0)},
        *({"bands": _one_band(rng, container, far)} for _ in range(5)),
    ]
    if container.depth is not None:
        choices += [{"depth": depth} for depth in _depths(rng, container.depth)]
    return dataclasses.replace(container, **rng.choice(choices)).to_bytes()


def _depths(rng: random.Random, depth: DepthView | BoundedDepth) -> list[DepthView | BoundedDepth]:
    """Records of a depth map with a field of another value."""
    mask = dataclasses.replace(depth, mask=rng.randbytes(4 * rng.randrange(9)))
    sample = rng.randrange(1, 2**depth.bits)
    if isinstance(depth, DepthView):
        return [mask, dataclasses.replace(depth, near=sample, far=2**depth.bits - 1)]
    edited = _edited(rng, depth.samples)
    return [
        mask,
        dataclasses.replace(depth, max_steps=sample),
        dataclasses.replace(depth, max_ppm=rng.randint(0, 10**6)),
        dataclasses.replace(depth, invalid=sample),
        dataclasses.replace(depth, samples=edited),
        dataclasses.replace(depth, samples=edited[: len(edited) // 4 * 4]),
    ]


def _one_band(rng: random.Random, container: Container, far: Container) -> tuple[Band, ...]:
    """The bands, one of them with a part of another value."""
    bands, place = list(container.bands), rng.randrange(len(container.bands))
    band, other = bands[place], rng.choice(far.bands)
    views = container.view_kind.coded_views
    choices: list[dict[str, Any]] = [
        {"guard": rng.randbytes(rng.randrange(9))},
        {"guard": other.guard},
        {"latent_checksum": rng.getrandbits(32)},
        {"streams": Streams.of(other.streams.in_file_order(views))},
        {"streams": Streams.of(rng.sample(band.streams.in_file_order(views), 2 * views))},
        {"streams": _one_stream(rng, band.streams, views)},
    ]
    bands[place] = dataclasses.replace(band, **rng.choice(choices))
    return tuple(bands)


def _one_stream(rng: random.Random, streams: Streams, views: int) -> Streams:
    """One stream of so many views changed in some bytes, in whole words."""
    parts = list(streams.in_file_order(views))
    place = rng.randrange(len(parts))
    edited = _edited(rng, parts[place])
    parts[place] = edited[: len(edited) // 4 * 4]
    return Streams.of(parts)


# How often each is drawn in a thousand. Most are refused at once; the last three run the networks.
MUTATIONS: dict[str, tuple[int, Callable[[random.Random, Seed, Seed], bytes]]] = {
    "flipped": (210, _flipped),
    "cut": (200, _cut),
    "spliced": (160, _spliced),
    "head": (290, _head),
    "any place": (40, _any_place),
    "unseen": (10, _unseen),
    "metadata": (40, _metadata),
    "fields": (50, _fields),
}
