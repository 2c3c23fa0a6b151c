"""What docs/format.md says of depth samples decodes them; the decoder here is written from that page alone."""

import numpy as np
import pytest
from plain_decoder import decode
from test_samples import maps

from stereocodec.depth_coding import DepthBound, decode_depth, encode_depth


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("holes", DepthBound()),
        ("holes", DepthBound(3)),
        ("steps", DepthBound()),
        ("bytes", DepthBound(ppm=30_000)),
        ("two", DepthBound()),
        ("row", DepthBound(1)),
    ],
    ids=str,
)
def test_a_decoder_of_plain_numbers_finds_the_same_samples(name, bound):
    samples = dict(maps())[name][:17, :21]
    holes = samples == 0
    data = encode_depth(samples, holes, bound, 0)
    decoded = decode_depth(data, holes, 8 * samples.itemsize, bound, 0)
    plain = decode(data, holes.tolist(), bound.steps, bound.ppm, 0)
    np.testing.assert_array_equal([[value or 0 for value in row] for row in plain], decoded)
