"""Small films, made by PyAV without loss, and what tests look at in them."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest
from av.stream import Disposition

from stereocodec.errors import InvalidInput
from stereocodec.pictures.open_pair import open_pair

RANDOM = np.random.default_rng(0)
FRAMES = RANDOM.integers(0, 256, (5, 32, 64, 3), dtype=np.uint8)
GREY = FRAMES[..., 1]
MOVING = [np.roll(FRAMES[0] // 4 * np.uint8(2), 3 * number, axis=1) for number in range(12)]
IDENTITY = struct.pack(">9i", 2**16, 0, 0, 0, 2**16, 0, 0, 0, 2**30)


def film(*streams, form="matroska", codec="ffv1", pixels="bgr0", metadata=(), options=None, set_up=None, covers=0):
    """The bytes of a film. streams: frames of each, uint8: (H, W, 3), or planes as `pixels` has them.

    metadata: of each stream. set_up: called with the codec's context before anything is coded.
    covers: how many of the last streams are one picture for the whole film.
    """
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        outputs = [_output(container, frames[0], codec, pixels, options or {}, set_up) for frames in streams]
        for output, entries in zip(outputs, metadata, strict=False):
            output.metadata.update(entries)
        for output in outputs[len(outputs) - covers :]:
            output.disposition = Disposition.attached_pic
        for number in range(max(map(len, streams))):
            for output, frames in zip(outputs, streams, strict=True):
                if number < len(frames):
                    container.mux(output.encode(_frame(frames[number], pixels)))
        for output in outputs:
            container.mux(output.encode(None))
    return file.getvalue()


_PLANES = ("gray", "yuv444p", "yuvj444p")  # of full size, (H, W) and (3, H, W)


def _output(container, first, codec, pixels, options, set_up):
    output = container.add_stream(codec, rate=25, options=options)
    output.height, output.width = first.shape[-2:] if pixels in _PLANES else first.shape[:2]
    output.pix_fmt = pixels
    if set_up is not None:
        set_up(output.codec_context)
    return output


def _frame(array, pixels):
    """From RGB, (H, W, 3), or from planes."""
    if pixels in _PLANES:
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(array), format=pixels)
    return av.VideoFrame.from_ndarray(array, format="rgba" if array.shape[-1] == 4 else "rgb24").reformat(format=pixels)


def opened(data, **settings):
    return open_pair(io.BytesIO(data), name="x", **settings)


def refusal(data, **settings):
    with pytest.raises(InvalidInput) as caught:
        opened(data, **settings)
    return str(caught.value)


def assert_views(pair, left, right):
    np.testing.assert_array_equal(pair.left.shown(), left)
    np.testing.assert_array_equal(pair.right.shown(), right)


def box(kind, content):
    return struct.pack(">I4s", len(content) + 8, kind) + content


def with_boxes(data, *boxes):
    """A film in MOV or MP4 with boxes in the description of its stream of video."""
    added = b"".join(boxes)
    place = data.index(b"stsd")
    entry = place + 4 + 8  # behind version, flags and the number of entries
    end = entry + struct.unpack_from(">I", data, entry)[0]
    changed = bytearray(data[:end] + added + data[end:])
    for start in (
        *(data.rindex(kind, 0, place) - 4 for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl")),
        place - 4,
        entry,
    ):
        struct.pack_into(">I", changed, start, struct.unpack_from(">I", data, start)[0] + len(added))
    return bytes(changed)


MOV = {"form": "mov", "codec": "png", "pixels": "rgb24"}
