"""Views in NumPy's files: `.npy` of one array, and `.npz`, a ZIP archive of several."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..container.layouts import Layout
from ..errors import InvalidInput
from ..text import reason_of
from .alpha import Background
from .npy import NPY_MAGIC, NpyHeader, read_header, read_samples
from .picture import Picture, StereoPair, as_pair
from .pil import load_picture
from .rgb import array_picture, check_array
from .source import PairSource

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # of an archive, and of one without entries
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those of savez; others take memory without a bound
_READ_BYTES = 2**24  # most that is read at once, such as an archive's list of entries
_SHOWN_KEYS = 8

# Names of arrays in lower case: of the left view, and of the right one.
_KEYS = (
    ("left", "right"),
    ("l", "r"),
    ("im0", "im1"),
    ("image0", "image1"),
    ("image_left", "image_right"),
    ("left_image", "right_image"),
    ("img_left", "img_right"),
    ("left_img", "right_img"),
    ("im_left", "im_right"),
    ("view_left", "view_right"),
    ("left_view", "right_view"),
    ("rgb_left", "rgb_right"),
    ("left_rgb", "right_rgb"),
    ("arr_0", "arr_1"),  # of savez without names
)


def read_arrays(source: PairSource) -> StereoPair | Picture | None:
    """A pair of a `.npy` or `.npz` file, or the one picture in it; views are arrays as of `rgb.to_picture`.

    A `.npy` file, and an archive of one array, hold both views on the first axis, (2, H, W, 3), (2, H, W, 1) or
    (2, H, W); an array that is one picture is left to the caller. Of several arrays the views are those of which the
    names tell it; others, such as matrices of cameras, are passed over.

    Raises InvalidInput: truncated or damaged, names that do not tell which arrays the views are, and what
    `to_picture` refuses; sizes are checked before the samples are read.
    """
    if source.head.startswith(NPY_MAGIC):
        with source.open() as file:
            return _array_pair(file, source.name, source.layout)
    if not source.head.startswith(_ZIP_MAGIC):
        return None
    with source.open() as file:
        return _archived(_InSmallPieces(file), source)


def load_view(source: str | os.PathLike[str] | IO[bytes], name: str, background: Background | None = None) -> Picture:
    """One view from a `.npy` file, or from one that Pillow reads; arguments and errors as of `pil.load_picture`."""
    # A pipe can be read but once, and Pillow takes none.
    if isinstance(source, str | os.PathLike):
        if os.path.isfile(source):
            with PairSource(Path(source), None, name).open() as file:
                if file.read(len(NPY_MAGIC)) == NPY_MAGIC:
                    file.seek(0)
                    return _picture(file, name)
        return load_picture(source, name, background)
    is_array = source.read(len(NPY_MAGIC)) == NPY_MAGIC
    source.seek(0)
    return _picture(source, name) if is_array else load_picture(source, name, background)


def _picture(file: IO[bytes], name: str) -> Picture:
    """The picture that is an array."""
    header = read_header(file, name)
    if _holds_both(header.shape):
        raise InvalidInput(f"{name} holds two views on its first axis, {header.shape}: give it alone, without a RIGHT")
    return _samples(file, header, name)


def _samples(file: IO[bytes], header: NpyHeader, name: str, views: int = 1) -> Picture:
    check_array(header.shape, header.dtype, name, views)
    return array_picture(read_samples(file, header, name), name)


def _array_pair(file: IO[bytes], name: str, layout: Layout | str | None) -> StereoPair | Picture:
    """What the one array of a file holds."""
    header = read_header(file, name)
    if not _holds_both(header.shape):
        return _samples(file, header, name, views=2)
    if isinstance(layout, Layout):
        raise InvalidInput(f"{name} holds two views on its first axis, {header.shape}: leave the layout out")
    check_array(header.shape[1:], header.dtype, _part(name, "left"))
    left, right = read_samples(file, header, name)
    return as_pair(array_picture(left, _part(name, "left")), array_picture(right, _part(name, "right")))


def _holds_both(shape: tuple[int, ...]) -> bool:
    """Whether the first axis is that of two views; an array of one picture has 2 axes, or ends in its channels."""
    return shape[:1] == (2,) and (len(shape) == 4 or (len(shape) == 3 and shape[2] not in (1, 3)))


def _part(name: str, key: str) -> str:
    return f"{name}: {key}"


class _InSmallPieces:
    """A file for `zipfile`, which reads as much at once as an archive says that its list of entries has."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > _READ_BYTES:
            raise zipfile.BadZipFile(f"a list of entries of {size} bytes")
        return self._file.read(_READ_BYTES if size < 0 else size)


@dataclass(frozen=True)
class _Archive:
    """The arrays of an archive by their names."""

    zip: zipfile.ZipFile
    entries: dict[str, zipfile.ZipInfo]

    def open(self, key: str) -> IO[bytes]:
        entry = self.entries[key]
        if entry.flag_bits & 1:
            raise zipfile.BadZipFile("it is encrypted")
        if entry.compress_type not in _METHODS:
            raise zipfile.BadZipFile(f"compression method {entry.compress_type}, which NumPy does not write")
        return self.zip.open(entry)


def _archived(file: _InSmallPieces, source: PairSource) -> StereoPair | Picture:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = {entry.filename[:-4]: entry for entry in archive.infolist() if entry.filename.endswith(".npy")}
            return _views(_Archive(archive, entries), source.name, source.layout)
    except (MemoryError, InvalidInput):
        raise
    except Exception as error:  # zipfile and zlib raise whatever comes up where an archive is damaged
        raise InvalidInput(f"{source.name} is truncated or damaged: {reason_of(error)}") from error


def _views(archive: _Archive, name: str, layout: Layout | str | None) -> StereoPair | Picture:
    keys = list(archive.entries)
    if not keys:
        raise InvalidInput(f"{name} is a ZIP archive without arrays (.npy): save the views with numpy.savez")
    if len(keys) == 1:
        with archive.open(keys[0]) as file:
            return _array_pair(file, name, layout)
    chosen = _chosen(keys, name)
    if isinstance(layout, Layout):
        raise InvalidInput(f"{name} holds two views, {' and '.join(chosen)}: leave the layout out")
    views = []
    for key in chosen:
        with archive.open(key) as file:
            views.append(_picture(file, _part(name, key)))
    return as_pair(*views)


def _chosen(keys: Sequence[str], name: str) -> tuple[str, str]:
    """The names of the arrays that are the left and the right view."""
    found = {key.lower(): key for key in keys}
    pairs = [(found[left], found[right]) for left, right in _KEYS if left in found and right in found]
    if len(pairs) == 1 and (pairs[0][0] != "arr_0" or len(keys) == 2):
        return pairs[0]
    which = "more than one pair of them could be the views" if pairs else "none are named left and right"
    raise InvalidInput(
        f"{name} holds {len(keys)} arrays, {_listed(keys)}: {which}, save two alone with "
        "numpy.savez(path, left=left, right=right)"
    )


def _listed(keys: Sequence[str]) -> str:
    shown = [key if len(key) <= 40 else key[:37] + "..." for key in keys[:_SHOWN_KEYS]]
    return ", ".join(shown) + (", ..." if len(keys) > _SHOWN_KEYS else "")
