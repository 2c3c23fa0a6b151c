"""Both views of a pair from one file, in whatever form people have it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import IO

from ..container import SIGNATURE
from ..container.layouts import INPUT_LAYOUTS, LAYOUT_NAMES, MPO_LAYOUT, Layout
from ..errors import InvalidInput
from .alpha import Background
from .animation import read_animation
from .arguments import plain_number
from .array_files import read_arrays
from .film import read_film
from .heif import read_heif
from .jps import read_jps
from .layout_hints import which_layout
from .mpo import read_mpo
from .packed import split
from .picture import Picture, StereoPair
from .source import PairSource, Reader
from .vr180 import read_vr180

# Asked in this order; the first that knows the form of the file reads it.
_READERS: tuple[Reader, ...] = (
    read_heif,
    read_vr180,
    read_mpo,
    read_jps,
    read_arrays,
    read_film,
    read_animation,
)
_WITH_FRAMES = (read_film, read_animation)


def open_pair(
    source: str | os.PathLike[str] | IO[bytes],
    *,
    layout: str | None = None,
    frame: int | None = None,
    swap: bool = False,
    background: Background | None = None,
    name: str | None = None,
) -> StereoPair:
    """The pair that one file holds.

    Args:
        source: a path, or a file object open for reading bytes.
        layout: how one picture holds both views, one of INPUT_LAYOUTS; needed where the file does not tell.
        frame: which picture of a film or animation, from 0.
        swap: exchange the two views.
        background: what transparent parts are laid onto, as of `StereoCodec.compress`.
        name: what error messages call the file; the path when not given.

    Returns:
        A pair for `StereoCodec.compress`, with the metadata of the file.

    Raises:
        InvalidInput: missing, unreadable or damaged; no pair; or one picture without a layout: the error says which
            would fit.
    """
    pair = _read(_source(source, layout, frame, background, name))
    return _exchanged(pair) if swap else pair


def _exchanged(pair: StereoPair) -> StereoPair:
    """The other view is the left one, and its camera the left camera."""
    metadata = pair.metadata
    if metadata.calibration is not None:
        sides = {"left": "right", "right": "left"}
        calibration = {sides.get(key, key): value for key, value in metadata.calibration.items()}
        metadata = replace(metadata, calibration=calibration)
    return replace(pair, left=pair.right, right=pair.left, metadata=metadata)


def _source(
    source: str | os.PathLike[str] | IO[bytes],
    layout: str | None,
    frame: int | None,
    background: Background | None,
    name: str | None,
) -> PairSource:
    if layout is not None and layout not in INPUT_LAYOUTS:
        raise InvalidInput(f"layout is {layout!r}; use one of {', '.join(INPUT_LAYOUTS)}")
    frame = plain_number(frame)
    if frame is not None and (isinstance(frame, bool) or not isinstance(frame, int) or frame < 0):
        raise InvalidInput(f"frame is {frame!r}; it must be a whole number from 0")
    known = Layout(layout) if layout in LAYOUT_NAMES else layout
    if isinstance(source, str | os.PathLike):
        return PairSource(Path(source), None, name or str(Path(source)), known, frame, background)
    return PairSource(None, source.read(), name or "the picture", known, frame, background)


def _read(source: PairSource) -> StereoPair:
    if source.head.startswith(SIGNATURE):
        raise InvalidInput(f"{source.name} is a .bsc file already: bisic decode gives its pair")
    for reader in _READERS if source.frame is None else _WITH_FRAMES:
        found = reader(source)
        if isinstance(found, StereoPair):
            return found
        if found is not None:
            return _taken_apart(found, source)
    if source.frame is not None:
        raise InvalidInput(f"{source.name} is no film or animation of several frames: leave --frame out")
    return _taken_apart(source.picture(views=2), source)


def _taken_apart(picture: Picture, source: PairSource) -> StereoPair:
    """The pair in one picture, by the layout that was given."""
    if source.layout == MPO_LAYOUT:
        raise InvalidInput(f"{source.name} does not hold two pictures: leave the layout out")
    if isinstance(source.layout, Layout):
        return split(picture, source.layout, source.name)
    raise InvalidInput(which_layout(picture, source))
