"""Pairs that are coded in bands, as much larger ones are."""

from __future__ import annotations

from unittest import mock

from tracing import traced_decode

from stereocodec.coding import ReleaseCoder
from stereocodec.container import Container


def encoded_in_bands(codec, pair, count=3, **arguments):
    """What the file holds of a pair in so many bands."""
    with mock.patch.object(ReleaseCoder, "band_count", return_value=count):
        return codec.encode(*pair, **arguments)


def trace_of(codec, data):
    """The trace of a complete, successful decoding, band by band."""
    in_bands = len(Container.from_bytes(data).bands) > 1
    return traced_decode(codec, data, **({"threads": 1} if in_bands else {}))
