"""Small files and their pictures, and the pages that show them; no network decodes anything here."""

from __future__ import annotations

import re
from html import unescape

import numpy as np
from icc_profiles import SRGB, matrix_profile

from stereocodec.container import Band, Container, Metadata, Streams, ViewKind
from stereocodec.container.depth import DepthMode, DepthView
from stereocodec.pictures.depth import DepthMap
from stereocodec.pictures.picture import as_pair
from stereocodec.pictures.rgb import to_picture
from stereocodec.viewer import frame_page, pair_page

HEIGHT, WIDTH = 30, 40


def container(height=HEIGHT, width=WIDTH, *, metadata=None, **fields):
    """What a file of such pictures holds, but for the pictures."""
    return Container(
        width=width,
        height=height,
        quality=50,
        model_id=bytes(range(6)),
        bands=(Band(b"", Streams(b"", b"", bytes(100), b""), 7),),
        chunks=() if metadata is None else metadata.to_chunks(),
        **fields,
    )


def noise(seed, height=HEIGHT, width=WIDTH):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def views():
    """The left and the right view as they were decoded."""
    return noise(1), noise(2)


def originals():
    """What was encoded: a few levels off, so that eight times as much is in range in most places."""
    steps = np.random.default_rng(3).integers(-40, 41, (2, HEIGHT, WIDTH, 3))
    return tuple(np.clip(view + step, 0, 255).astype(np.uint8) for view, step in zip(views(), steps, strict=True))


def original_pair():
    return as_pair(*(to_picture(view, name) for view, name in zip(originals(), ("left", "right"), strict=True)))


def page_of_pair(*, name="pair.bsc", metadata=None, pair=None, **settings):
    return pair_page(container(metadata=metadata), pair or views(), name=name, model="raw", **settings)


def depth_samples():
    """From 1 m to 2.2 m, with a hole in the corner."""
    samples = (1000 + np.arange(HEIGHT * WIDTH)).reshape(HEIGHT, WIDTH).astype(np.uint16)
    samples[0, 0] = 0
    return samples


def depth_container(mode=DepthMode.LINEAR):
    return container(view_kind=ViewKind.RGB8_DEPTH, depth=DepthView(16, 0.001, 0, 1001, 2199, mode))


def page_of_frame(*, original=False, mode=DepthMode.LINEAR, **settings):
    """original: a picture and depths that are 100 mm farther away."""
    before = None
    if original:
        samples = np.where(depth_samples() == 0, 0, depth_samples() + 100).astype(np.uint16)
        before = to_picture(originals()[0], "color"), DepthMap(samples, 0.001)
    depth = DepthMap(depth_samples(), 0.001)
    return frame_page(
        depth_container(mode), views()[0], depth, name="frame.bsc", model="raw", original=before, **settings
    )


def exchanging_profile():
    """An ICC profile in which red and green are exchanged, so that nobody can show its pictures right without it."""
    return matrix_profile(SRGB[:, [1, 0, 2]], "exchanged")


def with_profile():
    """The page of a pair that is all red, of such a profile."""
    red = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    red[..., 0] = 255
    return page_of_pair(pair=(red, red), metadata=Metadata(icc_profile=exchanging_profile()))


def page_facts(page):
    """The rows of what the page, as text, says of the file."""
    return {unescape(name): unescape(text) for name, text in re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page)}
