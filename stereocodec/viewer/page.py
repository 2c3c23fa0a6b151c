"""The page: its parts put together, with everything that it needs inside of it.

It asks nothing of any network, and its policy (Content-Security-Policy) has the browser refuse whatever would: only its
own script and style, named by their hashes, and pictures within the page.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from string import Template
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..container import Container
from ..container.depth import DepthMode, DepthView
from ..errors import InvalidInput
from ..pictures.anaglyph import DUBOIS_LEFT, DUBOIS_RIGHT
from ..pictures.depth import DepthMap, depth_errors
from ..pictures.picture import Picture, StereoPair
from ..pictures.pixel_shape import SQUARE, pixel_aspect
from ..pictures.rgb import psnr
from .embedded import data_uri, packed_samples, scaled_down
from .facts import Facts, file_facts, level_text

DEFAULT_MAX_SIDE = 4096
"""Longest side of the pictures in a page, in pixels: browsers show larger ones slowly, or not at all."""

_SCRIPTS = "stage.js", "depth.js", "drawing.js", "controls.js"
_Pixels: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class _Shown:
    """A picture of the page. kind: "decoded" or "original"."""

    kind: str
    name: str
    pixels: _Pixels
    profile: bytes | None

    def html(self) -> str:
        """The element of the page."""
        title = escape(f"{self.name}, {self.kind}")
        uri = data_uri(self.pixels, self.profile)
        return (
            f'<figure><img data-kind="{self.kind}" alt="{title}" src="{uri}"><figcaption>{title}</figcaption></figure>'
        )


@dataclass(frozen=True)
class _Contents:
    """What differs between the pages of pairs and of frames."""

    views: tuple[str, str]
    pictures: Sequence[_Shown]
    facts: Facts
    summary: Sequence[str]
    data: Mapping[str, Any] = field(default_factory=dict)


def pair_page(
    container: Container,
    views: tuple[_Pixels, _Pixels],
    *,
    name: str,
    model: str,
    original: StereoPair | None = None,
    max_side: int = DEFAULT_MAX_SIDE,
) -> bytes:
    """The page of a stereo pair, HTML in UTF-8.

    Args:
        container: what the file holds.
        views: what was decoded of it, the left and the right view, (H, W, 3) uint8, or (H, W) for grey ones.
        name: what the page calls the file.
        model: what it calls the weights.
        original: the pair that was encoded; the page then compares, and has the PSNR.
        max_side: pictures with a longer side are scaled down to it in the page.

    Raises InvalidInput for an original of another size.
    """
    profile = container.metadata.icc_profile
    left, right = (scaled_down(view, max_side) for view in views)
    pictures = [_Shown("decoded", "Left", left, profile), _Shown("decoded", "Right", right, profile)]
    facts = file_facts(container, model)
    levels: list[str] = []
    if original is not None:
        uncoded = [view.upright().pixels for view in original]
        check_original_size(container, original.left)
        left_level, right_level = map(psnr, uncoded, map(_in_colour, views))
        levels = [f"PSNR {level_text((left_level + right_level) / 2)}"]
        facts["PSNR"] = f"left {level_text(left_level)}, right {level_text(right_level)}"
        pictures += [
            _Shown("original", name_of_view, scaled_down(view.shown(), max_side), original.metadata.icc_profile)
            for name_of_view, view in zip(("Left", "Right"), original, strict=True)
        ]
    matrices = {"left": DUBOIS_LEFT, "right": DUBOIS_RIGHT}
    data = {"aspect": pixel_aspect(container.metadata.layout), "anaglyph": matrices}
    return _page(container, name, _Contents(("Left", "Right"), pictures, facts, levels, data), max_side)


def frame_page(
    container: Container,
    color: _Pixels,
    depth: DepthMap,
    *,
    name: str,
    model: str,
    original: tuple[Picture, DepthMap] | None = None,
    max_side: int = DEFAULT_MAX_SIDE,
) -> bytes:
    """The page of colour with depth; arguments as of `pair_page`, with what `RgbdCodec.decode` gives.

    original: both pictures as they were encoded, stored alike.
    """
    assert container.depth is not None
    profile = container.metadata.icc_profile
    pictures = [_Shown("decoded", "Color", scaled_down(color, max_side), profile)]
    maps = [depth]
    facts = file_facts(container, model)
    levels: list[str] = []
    if original is not None:
        picture, uncoded = original[0].upright(), original[1].turned(original[0].orientation)
        check_original_size(container, picture)
        level, (rmse, largest) = psnr(picture.pixels, _in_colour(color)), depth_errors(uncoded, depth)
        levels = [f"PSNR {level_text(level)}", f"depth RMSE {rmse:.2f} mm"]
        facts["PSNR of colour"] = level_text(level)
        facts["Errors of depth"] = f"RMSE {rmse:.2f} mm, largest {largest:.2f} mm"
        pixels = scaled_down(picture.shown(), max_side)
        pictures.append(_Shown("original", "Color", pixels, picture.metadata.icc_profile))
        maps.append(uncoded)
    samples = [scaled_down(map_.samples.astype(np.uint16), max_side) for map_ in maps]
    described = {
        "metresPerStep": depth.metres_per_step,
        "invalid": depth.invalid,
        "inverse": isinstance(container.depth, DepthView) and container.depth.mode is DepthMode.INVERSE,
        "maps": list(map(packed_samples, samples)),
    }
    data = {"aspect": SQUARE, "depth": described}
    return _page(container, name, _Contents(("Color", "Depth"), pictures, facts, levels, data), max_side)


def check_original_size(container: Container, original: Picture) -> None:
    """Raises InvalidInput for an original that has not the size of what is decoded, as both are shown."""
    height, width = original.upright().pixels.shape[:2]
    shown = container.shown_size
    if (width, height) != shown:
        raise InvalidInput(
            f"the original is {width}x{height}, and the file holds {shown[0]}x{shown[1]}: "
            "give the pictures that it was made of"
        )


def _page(container: Container, name: str, contents: _Contents, max_side: int) -> bytes:
    """The parts put together."""
    height, width = contents.pictures[0].pixels.shape[:2]
    shown = (width, height)
    facts = {"File": name, **contents.facts}
    if shown != container.shown_size:
        facts["In this page"] = f"{width}\u00d7{height} pixels, scaled down to sides of at most {max_side}"
    summary = [
        "{}\u00d7{}".format(*container.shown_size),
        facts["Size"],
        f"{facts['Bits per pixel']} bpp",
        *contents.summary,
    ]
    data = {
        "size": shown,
        "views": contents.views,
        "original": any(picture.kind == "original" for picture in contents.pictures),
        "profile": container.metadata.icc_profile is not None,
        **contents.data,
    }
    style = _part("page.css")
    script = '"use strict";\n(() => {\n' + "\n".join(map(_part, _SCRIPTS)) + "})();\n"
    rows = (f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in facts.items())
    page = Template(_part("page.html")).substitute(
        policy=_policy(script, style),
        version=__version__,
        title=escape(name),
        summary=escape(" \u00b7 ".join(summary)),
        style=style,
        pictures="\n".join(picture.html() for picture in contents.pictures),
        facts="\n".join(rows),
        data=json.dumps(data).replace("<", "\\u003c"),  # so that nothing ends the element that holds it
        script=script,
    )
    return page.encode()


def _policy(script: str, style: str) -> str:
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style))
    allowed = "default-src 'none'; img-src data:; script-src 'sha256-{}'; style-src 'sha256-{}'".format(*hashes)
    return f"{allowed}; base-uri 'none'; form-action 'none'"


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _in_colour(pixels: _Pixels) -> _Pixels:
    """(H, W, 3) also of a grey picture."""
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=-1)
