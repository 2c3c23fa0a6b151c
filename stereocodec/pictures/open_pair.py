"""Both views of a pair from one file, in whatever form people have it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import IO

from ..container.layouts import INPUT_LAYOUTS, LAYOUT_NAMES, MPO_LAYOUT, Layout
from ..errors import InvalidInput
from .alpha import Background
from .heif import read_heif
from .jps import read_jps
from .layout_hints import which_layout
from .mpo import read_mpo
from .packed import split
from .picture import StereoPair
from .source import PairSource, Reader
from .vr180 import read_vr180

# Asked in this order; the first that knows the form of the file reads it.
_READERS: tuple[Reader, ...] = (read_heif, read_vr180, read_mpo, read_jps)


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
        frame: which picture of a film, from 0.
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
    return replace(pair, left=pair.right, right=pair.left) if swap else pair


def _source(
    source: str | os.PathLike[str] | IO[bytes],
    layout: str | None,
    frame: int | None,
    background: Background | None,
    name: str | None,
) -> PairSource:
    if layout is not None and layout not in INPUT_LAYOUTS:
        raise InvalidInput(f"layout is {layout!r}; use one of {', '.join(INPUT_LAYOUTS)}")
    known = Layout(layout) if layout in LAYOUT_NAMES else layout
    if isinstance(source, str | os.PathLike):
        return PairSource(Path(source), None, name or str(Path(source)), known, frame, background)
    return PairSource(None, source.read(), name or "the picture", known, frame, background)


def _read(source: PairSource) -> StereoPair:
    for reader in _READERS:
        pair = reader(source)
        if pair is not None:
            return pair
    picture = source.picture(views=2)
    if source.layout == MPO_LAYOUT:
        raise InvalidInput(f"{source.name} is no MPO file of several pictures: leave the layout out")
    if isinstance(source.layout, Layout):
        return split(picture, source.layout, source.name)
    raise InvalidInput(which_layout(picture, source))
