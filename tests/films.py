"""Small films, made by PyAV without loss."""

from __future__ import annotations

import io

import av
import numpy as np
from av.stream import Disposition


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
