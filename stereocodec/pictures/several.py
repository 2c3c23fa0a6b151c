"""Files of several pictures: which of them are one picture with what serves it, and the ways out of the others."""

from __future__ import annotations

import io
import shlex
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from PIL import Image

from ..errors import InvalidInput
from .mp_format import DISPARITY, MULTI_ANGLE, PANORAMA, MpClass, MpEntry, mp_entries
from .shell import command, file_of

# What the segments of a JPEG hold whose file has a gain map: of ISO 21496-1, Ultra HDR and Apple.
_GAIN_MAPS = (b"urn:iso:std:iso:ts:21496:-1", b"hdrgm:Version", b"hdrgainmap")
MAY_BE_VIEWS = (MpClass.UNDEFINED, MpClass.PRIMARY)
"""What is left undefined may be anything; a photograph in front often says nothing of the pictures behind it."""


def check_is_single(image: Image.Image, name: str) -> None:
    """Raises InvalidInput for a file of several pictures or frames, with the way out.

    A camera's JPEG with a preview, a gain map or a depth map behind it is its first picture.
    """
    frames = getattr(image, "n_frames", 1)
    if frames == 1 or _is_served_by_others(image):
        return
    if image.format == "MPO":
        if image.tell():
            raise InvalidInput(f"{name} is at one of the {frames} pictures of an MPO file: pass a copy, image.copy()")
        raise InvalidInput(mpo_refusal(mp_entries(image.info["mp"]), name, file_of(image)))
    if image.format == "HEIF":
        encode = f"bisic encode {shlex.quote(file_of(image))} -o pair.bsc"
        raise InvalidInput(
            f"{name} holds {frames} pictures (HEIC): if they are the views of a pair, name this file alone, {encode}, "
            "or open_pair in Python"
        )
    raise InvalidInput(
        f"{name} holds {frames} frames ({image.format or 'animated'}): take out one for each view, e.g. with "
        f"{command(image, frame=0, output='left.png')} and {command(image, frame=1, output='right.png')}"
    )


def mpo_refusal(entries: Sequence[MpEntry], name: str, file: str) -> str:
    """Why an MPO file is not one picture, with the way out; file: its path, or IN."""
    file = shlex.quote(file)
    encode = f"bisic encode {file} -o pair.bsc"
    if len(disparity_views(entries)) == 2:
        return f"{name} holds both views of a pair (MPO): name this file alone, {encode}, or open_pair in Python"
    apart = f"magick {file} left.png and exiftool -b -MPImage2 {file} > right.jpg"
    if len(entries) == 2 and all(entry.kind in MAY_BE_VIEWS for entry in entries):
        return (
            f"{name} holds 2 pictures (MPO) and does not say what they are: if they are the left and the right view, "
            f"{encode} --layout mpo, or layout='mpo' in Python; otherwise take them apart, {apart}"
        )
    types = {entry.type for entry in entries}
    what = " of a panorama" if PANORAMA in types else " from several angles" if MULTI_ANGLE in types else ""
    return f"{name} holds {len(entries)} pictures{what} (MPO), no pair of two views: take them apart, e.g. with {apart}"


def disparity_views(entries: Sequence[MpEntry]) -> list[int]:
    """Numbers, from 0, of the pictures that an MPO file calls views of a stereo pair; none, or at least two.

    Where it says so of one alone, the only one that may be a view, too, is the other: some programs leave the first
    picture that of a photograph.
    """
    views = [number for number, entry in enumerate(entries) if entry.type == DISPARITY]
    if len(views) == 1:
        views = sorted(views + [number for number, entry in enumerate(entries) if entry.kind in MAY_BE_VIEWS])
        return views if len(views) == 2 else []
    return views


def has_gain_map(contents: Iterable[bytes]) -> bool:
    """Whether contents of a JPEG's segments say that it has, or is, a gain map."""
    return any(mark in content for content in contents for mark in _GAIN_MAPS)


def _is_served_by_others(image: Any) -> bool:
    """Whether the other pictures of an MPO file are a preview, gain map or depth map of the first one.

    The types of its list tell views and previews; for others, which cameras leave undefined, size and channels tell.
    """
    if image.format != "MPO" or image.tell() != 0:
        return False
    kinds = [entry.kind for entry in mp_entries(image.info["mp"])]
    if MpClass.VIEWS in kinds:
        return False
    if _is_gain_map(image):
        return True
    numbers = [number for number, kind in enumerate(kinds) if number and kind in MAY_BE_VIEWS]
    try:
        place = image._fp.tell()
        image._fp.seek(0)
        data = image._fp.read()
        image._fp.seek(place)
    except (OSError, ValueError):  # closed
        return False
    with warnings.catch_warnings():
        # Pillow warns of very large pictures; nothing of these is decoded.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data)) as twin:  # a seek that fails would leave the caller's image damaged
            return not any(_is_view_beside(twin, number, (image.size, image.mode)) for number in numbers)


def _is_view_beside(image: Any, number: int, first: tuple[tuple[int, int], str]) -> bool:
    try:
        image.seek(number)
    except MemoryError:
        raise
    except Exception:  # a list whose places are not those of pictures, as when others were cut off: nothing is there
        return False
    return (image.size, image.mode) == first and not _is_gain_map(image)


def _is_gain_map(image: Any) -> bool:
    return has_gain_map(content for _, content in image.applist)
