"""MPO files (Multi-Picture Format, CIPA DC-007): the pictures of a stereo camera, one JPEG behind the other."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..container.layouts import MPO_LAYOUT, Layout
from ..errors import InvalidInput
from .jpeg_segments import APP2, JPEG_START, Segment, find_segment, jpeg_segments
from .mp_format import MP_MARK, MpAttributes, MpEntry, mp_attributes, mp_entries
from .picture import Picture, StereoPair, as_pair
from .pil import load_picture
from .several import MAY_BE_VIEWS, disparity_views, has_gain_map, mpo_refusal
from .shell import shown_path
from .source import PairSource

_MAX_VIEW_BYTES = 2**28  # of a JPEG; the largest view takes 100 MB without compression


@dataclass(frozen=True)
class _View:
    """One picture of the file: what it shows, and what is said of it."""

    picture: Picture
    attributes: MpAttributes


def read_mpo(source: PairSource) -> StereoPair | None:
    """The pair of an MPO file whose pictures are of the type disparity, or are said to be views by `layout`.

    The view with the lower number is the left one, and the first one where they have none. The calibration has what
    the file says of `baseline` and `convergence_angle`. Files whose other pictures serve the first one, and those that
    do not say what they are, are left to be read as one picture, or refused.

    Raises InvalidInput: damaged; more than two views; no second view of the same size; a `layout` of one picture where
    there are two views.
    """
    if not source.head.startswith(JPEG_START):
        return None
    with source.open() as file:
        index = find_segment(file, APP2, MP_MARK)
        end = file.seek(0, io.SEEK_END)
    entries = _entries(index)
    if index is None or len(entries) < 2:
        return None
    numbers = disparity_views(entries)
    if not numbers:
        if source.layout != MPO_LAYOUT:
            return None
        numbers = _undefined_views(entries)
    if len(numbers) != 2:
        raise InvalidInput(mpo_refusal(entries, source.name, shown_path(source.path)))
    if isinstance(source.layout, Layout):
        raise InvalidInput(f"{source.name} holds both views as pictures of their own (MPO): leave the layout out")
    starts = [0, *(index.start + len(MP_MARK) + entry.offset for entry in entries[1:])]
    first, second = (_view(source, number, starts, end) for number in numbers)
    return _pair(first, second)


def _entries(index: Segment | None) -> list[MpEntry]:
    """The list of pictures; none where it is damaged, as Pillow has it."""
    try:
        return [] if index is None else mp_entries(index.content[len(MP_MARK) :])
    except ValueError:
        return []


def _undefined_views(entries: Sequence[MpEntry]) -> list[int]:
    return [number for number, entry in enumerate(entries) if entry.kind in MAY_BE_VIEWS]


def _view(source: PairSource, number: int, starts: Sequence[int], end: int) -> _View:
    """The picture of a number, from 0, which reaches to where the next one begins."""
    name = f"picture {number + 1} of {source.name}"
    start = starts[number]
    stop = min((place for place in starts if place > start), default=end)
    with source.open() as file:
        file.seek(start)
        data = bytearray(file.read(min(stop - start, _MAX_VIEW_BYTES) if stop > start else 0))
    if not data.startswith(JPEG_START):
        raise InvalidInput(f"{name} is missing or damaged: the file was cut off or changed")
    if source.layout == MPO_LAYOUT and has_gain_map(segment.content for segment in jpeg_segments(io.BytesIO(data))):
        raise InvalidInput(f"{source.name} holds one picture and its gain map, no second view: leave the layout out")
    own = find_segment(io.BytesIO(data), APP2, MP_MARK)
    attributes = MpAttributes()
    if own is not None:
        attributes = mp_attributes(own.content[len(MP_MARK) :], first=number == 0)
        data[own.start : own.start + len(MP_MARK)] = bytes(len(MP_MARK))  # for Pillow it is one picture then
    return _View(load_picture(io.BytesIO(data), name, source.background), attributes)


def _pair(first: _View, second: _View) -> StereoPair:
    numbers = first.attributes.number, second.attributes.number
    left, right = first, second
    if numbers[0] is not None and numbers[1] is not None and numbers[0] > numbers[1]:
        left, right = second, first
    pair = as_pair(left.picture, right.picture)
    calibration = _calibration(left.attributes, right.attributes)
    return replace(pair, metadata=replace(pair.metadata, calibration=calibration)) if calibration else pair


def _calibration(left: MpAttributes, right: MpAttributes) -> dict[str, Any]:
    """What the attributes say, in metres and degrees; those of a base viewpoint refer to itself and say less."""
    is_base = right.number is not None and right.number == right.base
    views = (left, right) if is_base else (right, left)
    baselines = [view.baseline for view in views if view.baseline is not None and view.baseline > 0]
    angles = [view.convergence_angle for view in views if view.convergence_angle is not None]
    known = {"baseline": baselines[:1], "convergence_angle": angles[:1]}
    return {key: values[0] for key, values in known.items() if values}
