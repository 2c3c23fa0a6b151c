"""Both views in one HEIC or AVIF file: spatial photos of phones and headsets, and files of two pictures."""

from __future__ import annotations

import io
from dataclasses import replace

from ..container.layouts import MPO_LAYOUT, Layout
from ..errors import InvalidInput
from .heif_cameras import apple_xmp_calibration, heif_calibration
from .heif_items import HeifItems, StereoViews, is_avif, is_heif, read_items
from .picture import Picture, StereoPair, as_pair
from .pil import load_picture
from .source import PairSource

_MAX_BYTES = 2**30  # of a file; a pair of the largest views in 8-bit RGB takes a fifth


def read_heif(source: PairSource) -> StereoPair | None:
    """The pair of a HEIC or AVIF file whose pictures are grouped as a stereo pair, or are said to be one by `layout`.

    Thumbnails, and auxiliary pictures such as gain maps and depth maps, count as no pictures. The calibration has what
    the file says of the cameras. A file of one picture is left to be read as such.

    Raises InvalidInput: damaged, several pictures that do not say that they are a pair, more than 8 bits per channel,
    or HEIC where pillow-heif is missing.
    """
    if not is_heif(source.head) or isinstance(source.layout, Layout):
        return None
    try:
        return _read(source, read_items(_bytes(source)))
    except InvalidInput:
        raise
    except ValueError as error:
        raise InvalidInput(f"{source.name} is damaged: {error}") from error


def _read(source: PairSource, items: HeifItems | None) -> StereoPair | None:
    """The pair; raises ValueError, too, where what describes the pictures is damaged."""
    if items is None:
        return None
    views = items.stereo_views() or _two_pictures(items, source)
    if views is None:
        return None
    calibration = heif_calibration(items, views, upright=not is_avif(source.head))
    pair = as_pair(_picture(items, views.left, "left", source), _picture(items, views.right, "right", source))
    if pair.metadata.xmp is not None:
        calibration = apple_xmp_calibration(pair.metadata.xmp) | calibration
    return replace(pair, metadata=replace(pair.metadata, calibration=calibration or None))


def _bytes(source: PairSource) -> bytes:
    with source.open() as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise InvalidInput(f"{source.name} is larger than {_MAX_BYTES} bytes: cut out one picture")
    return data


def _two_pictures(items: HeifItems, source: PairSource) -> StereoViews | None:
    """The pictures of a file without a stereo group, if it has several; `layout` has to say that they are a pair."""
    pictures = items.pictures()
    if len(pictures) < 2:
        return None
    if len(pictures) > 2:
        raise InvalidInput(f"{source.name} holds {len(pictures)} pictures, no pair: take out the two views first")
    if source.layout != MPO_LAYOUT:
        raise InvalidInput(
            f"{source.name} holds 2 pictures and does not say what they are: if they are the left and the right view, "
            f"give --layout {MPO_LAYOUT}, or layout='{MPO_LAYOUT}' in Python"
        )
    return StereoViews(*pictures)


def _picture(items: HeifItems, item: int, side: str, source: PairSource) -> Picture:
    return load_picture(io.BytesIO(items.alone(item)), f"the {side} view of {source.name}", source.background)
