"""In which files and in what form a pair is written, which a name and a layout tell."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ..container.layouts import LAYOUT_NAMES, Layout
from ..errors import InvalidInput, OutputError
from ..files import names_folder
from .formats import FORMATS, JPEG, PNG, SUFFIXES, PictureFormat, check_quality, check_side
from .pixel_shape import SQUARE, pixel_aspect, reshaped_size


class Single(enum.Enum):
    """What one file can hold of a pair but for both views in one picture."""

    LEFT = "left"
    RIGHT = "right"
    ANAGLYPH = "anaglyph"
    MPO = "mpo"

    @property
    def words(self) -> str:
        """The same for people."""
        return {"anaglyph": "red-cyan anaglyph", "mpo": "two pictures (MPO)"}.get(self.value, f"{self.value} view")


Content: TypeAlias = Layout | Single

TWO_FILES, STEREO_JPEG = "two", "jps"
OUTPUT_LAYOUTS = (TWO_FILES, *LAYOUT_NAMES, STEREO_JPEG, *(single.value for single in Single))
"""What `save_pair` and `bisic decode --layout` take."""

_VIEWS = (Single.LEFT, Single.RIGHT)
_STEREO_SUFFIXES = {".jps": (STEREO_JPEG, JPEG), ".pns": (STEREO_JPEG, PNG), ".mpo": (Single.MPO.value, JPEG)}
# What is more likely meant as a picture than as the name of a folder.
_OTHER_PICTURES = frozenset(
    (".apng", ".bsc", ".dng", ".exr", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".mkv", ".mov", ".mp4", ".npy", ".npz")
)


@dataclass(frozen=True)
class Part:
    """One file of a pair.

    path: None for a stream. is_labelled: whether it says how it holds both views, as stereo JPEG and PNG do.
    """

    path: Path | None
    content: Content
    form: PictureFormat
    is_labelled: bool = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return "the picture" if self.path is None else str(self.path)

    @property
    def aspect(self) -> tuple[int, int]:
        """Of its pixels."""
        return pixel_aspect(self.content) if isinstance(self.content, Layout) else SQUARE

    def size(self, view: tuple[int, int], stored: Layout | None) -> tuple[int, int]:
        """Its width and height in pixels; view: those of the views, stored: the layout they came in."""
        width, height = reshaped_size(view, pixel_aspect(stored), self.aspect)
        if not isinstance(self.content, Layout):
            return width, height
        return (2 * width, height) if self.content.beside else (width, 2 * height)


@dataclass(frozen=True)
class OutputForm:
    """What was asked for.

    target: a file, a folder, or None for a stream. layout: one of OUTPUT_LAYOUTS, or None where the pair tells.
    form: of the files. stem: how the names of those in a folder begin.
    """

    target: Path | None
    is_folder: bool
    layout: str | None
    form: PictureFormat
    stem: str = ""

    def parts(self, stored: Layout | None, *, grey: bool) -> tuple[Part, ...]:
        """The files of a pair; stored: the layout of the one picture that its views came in. grey: of one channel."""
        layout = self.layout or self._usual(stored)
        suffix = ".pgm" if grey and self.form.suffixes[0] == ".ppm" else self.form.suffixes[0]
        if layout == TWO_FILES:
            return tuple(Part(self._path_of(view, suffix), view, self.form) for view in _VIEWS)
        path = self.target
        if self.is_folder and path is not None:
            own = {STEREO_JPEG: ".jps" if self.form is JPEG else ".pns", Single.MPO.value: ".mpo"}.get(layout)
            path /= f"{self.stem or 'pair'}{own}" if own else file_name(self.stem, layout, suffix)
        is_labelled = layout == STEREO_JPEG or self._suffix in (".jps", ".pns")
        return (Part(path, _content(layout), self.form, is_labelled),)

    def _usual(self, stored: Layout | None) -> str:
        """Where no layout is asked for: what the name says, or else what the views came in, if that can be."""
        if self._suffix in _STEREO_SUFFIXES:
            return _STEREO_SUFFIXES[self._suffix][0]
        if self.is_folder:
            return stored.value if stored is not None and stored.half else TWO_FILES
        return Layout.SBS.value if stored is None else stored.value

    @property
    def _suffix(self) -> str:
        return "" if self.target is None or self.is_folder else self.target.suffix.lower()

    def _path_of(self, view: Single, suffix: str) -> Path:
        assert self.target is not None  # a stream holds one picture
        if self.is_folder:
            return self.target / file_name(self.stem, view.value, suffix)
        return self.target.with_name(f"{self.target.stem}_{view.value}{self.target.suffix}")


def output_form(
    target: str | os.PathLike[str] | None,
    *,
    layout: str | None = None,
    format: str | None = None,
    quality: int | None = None,
    stem: str = "",
) -> OutputForm:
    """What is asked for by a name and a layout; see `save_pair`.

    Raises InvalidInput for what cannot be: a suffix that stands for no format, or that does not go with the layout or
    the format, and a quality of a format that has none.
    """
    if layout is not None and layout not in OUTPUT_LAYOUTS:
        raise InvalidInput(f"layout is {layout!r}; use one of {', '.join(OUTPUT_LAYOUTS)}")
    if format is not None and format not in FORMATS:
        raise InvalidInput(f"format is {format!r}; use one of {', '.join(FORMATS)}")
    path = None if target is None else Path(target)
    is_folder = target is not None and _is_folder(os.fspath(target))
    if path is None and layout == TWO_FILES:
        raise InvalidInput("a stream holds one picture: choose another layout, e.g. sbs")
    form = _form_of_new_files(layout, format) if path is None or is_folder else _form_of_file(path, layout, format)
    check_quality(quality, form)
    return OutputForm(path, is_folder, layout, form, stem)


def file_name(stem: str, what: str, suffix: str) -> str:
    """Of a file in a folder, such as `pair_left.png`; without a stem `left.png`."""
    return "_".join(filter(None, (stem, what))) + suffix


def view_part(view: Single, path: Path | None, *, format: str | None = None, quality: int | None = None) -> Part:
    """One view in a file, or in a stream as PNG or another format; raises InvalidInput as `output_form` does."""
    form = FORMATS[format or "png"] if path is None else _form_of_file(path, view.value, format)
    check_quality(quality, form)
    return Part(path, view, form)


def check_parts(parts: Iterable[Part], view: tuple[int, int], stored: Layout | None, *, grey: bool) -> None:
    """Raises OutputError for files that cannot hold views of a width and height, before long work."""
    for part in parts:
        size = part.size(view, stored)
        check_side(max(size), size, part.form, part.name)
        is_colour = not grey or part.content is Single.ANAGLYPH
        if is_colour and part.path is not None and part.path.suffix.lower() == ".pgm":
            raise OutputError(f"{part.name} would be in colour, and PGM is grey: use .ppm")


def _content(layout: str) -> Content:
    if layout == STEREO_JPEG:
        return Layout.SBS_CROSS
    return Layout(layout) if layout in LAYOUT_NAMES else Single(layout)


def _is_folder(target: str) -> bool:
    if names_folder(target):
        return True
    suffix = Path(target).suffix.lower()
    if suffix in _OTHER_PICTURES:
        raise InvalidInput(f"{target} cannot be written: use {' '.join((*SUFFIXES, *_STEREO_SUFFIXES))}, or a folder")
    return suffix not in SUFFIXES and suffix not in _STEREO_SUFFIXES


def _form_of_new_files(layout: str | None, format: str | None) -> PictureFormat:
    """Of files whose names we choose, and of streams."""
    usual = JPEG if layout in (Single.MPO.value, STEREO_JPEG) else PNG
    form = usual if format is None else FORMATS[format]
    if layout == Single.MPO.value and form is not JPEG:
        raise InvalidInput(f"MPO holds JPEG pictures, not {form.name}: leave the format out")
    if layout == STEREO_JPEG and form not in (JPEG, PNG):
        raise InvalidInput(f"stereo JPEG (jps) is JPEG or PNG, not {form.name}: leave the format out, or use sbs-cross")
    return form


def _form_of_file(path: Path, layout: str | None, format: str | None) -> PictureFormat:
    suffix = path.suffix.lower()
    meant, form = _STEREO_SUFFIXES.get(suffix, (None, SUFFIXES.get(suffix)))
    if form is None:
        known = " ".join(SUFFIXES)
        raise InvalidInput(
            f"{path}: the extension {suffix or '(none)'} stands for no known picture format; use one of {known}"
        )
    if format is not None and FORMATS[format] is not form:
        raise InvalidInput(f"{path} is {form.name} by its name, not {FORMATS[format].name}: leave the format out")
    fitting = {
        ".jps": (None, STEREO_JPEG, *LAYOUT_NAMES),
        ".pns": (None, STEREO_JPEG, Layout.SBS_CROSS.value),
        ".mpo": (None, Single.MPO.value),
    }.get(suffix)
    if fitting is not None and layout not in fitting:
        raise InvalidInput(f"{path} holds both views as {meant}, not {layout}: give another suffix, e.g. .png")
    if layout == Single.MPO.value and form is not JPEG:
        raise InvalidInput(f"{path}: MPO holds JPEG pictures, give it the suffix .mpo")
    if layout == STEREO_JPEG and form not in (JPEG, PNG):
        raise InvalidInput(f"{path}: stereo JPEG has the suffix .jps, stereo PNG .pns")
    return form
