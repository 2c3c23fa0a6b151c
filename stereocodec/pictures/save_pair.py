"""Writing a pair of pictures in the form that somebody wants to have: files, one file, or a stream."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..container.layouts import Layout
from ..container.metadata import Metadata
from ..container.shown import Channels
from ..files import Output, write_together
from .anaglyph import anaglyph
from .encoding import EncodedPicture, encode_picture, with_png_chunk
from .formats import JPEG, PictureFormat
from .jpeg_insertion import inserted
from .jpeg_segments import APP2
from .jps import STER, jps_segment, ster_content
from .mpo_bytes import mpo_bytes
from .output_form import Part, Single, check_parts, output_form
from .packed import join, reshaped
from .picture import StereoPair
from .pixel_shape import pixel_aspect
from .rgb import to_views
from .srgb import to_srgb

if TYPE_CHECKING:
    from .rgb import ImageLike


@dataclass(frozen=True)
class SavedPicture:
    """One file that was written.

    path: None for a stream. size: width and height in pixels. words: what it holds, e.g. "side by side". left_out: the
    metadata that it does not hold, each with the reason.
    """

    path: Path | None
    size: tuple[int, int]
    words: str
    left_out: tuple[str, ...] = ()


def save_pair(
    left: ImageLike,
    right: ImageLike,
    target: str | os.PathLike[str] | IO[bytes],
    *,
    layout: str | None = None,
    format: str | None = None,
    quality: int | None = None,
    metadata: Metadata | None = None,
    name: str = "",
    overwrite: bool = False,
) -> tuple[SavedPicture, ...]:
    """Writes two views: into two files of a folder, into one file, or into a stream.

    Args:
        left: a view, as of `StereoCodec.compress`.
        right: the other one.
        target: a path or a file object open for writing bytes. A folder, and a name that ends in / or has no suffix of
            a picture, get two files, `left.png` and `right.png`; a picture's name gets one with both views: `.mpo`,
            `.jps` and `.pns` are stereo files, others have the views side by side, or in the layout of `metadata`.
        layout: what is written: "two" for two files, a layout such as "sbs" or "half-tb-cross", "jps", "mpo",
            "anaglyph", "left" or "right" (`output_form.OUTPUT_LAYOUTS`). When left out, the target tells.
        format: of folders and streams: "png", "webp", "avif", "jpeg", "tiff", "ppm" or "bmp"; PNG when left out.
        quality: 0 to 100 of JPEG, AVIF and what is made of JPEG; 95 when left out. Both are written without
            subsampling; the other formats lose nothing.
        metadata: what the files say beside the pictures, as far as they can; when left out, what PIL images say. Of a
            half layout, the views are squeezed: alone and in full layouts they are stretched to square pixels.
        name: how the names of files in a folder begin: "pair" for `pair_left.png`.
        overwrite: replace existing files.

    Folders that are not there are made. All files appear together, complete, or none does.

    Returns:
        What was written.

    Raises:
        InvalidInput: views, a name, layout, format or quality that cannot be meant so.
        OutputError: what cannot be written: a file that exists, a full disk, a side above the limit of the format.
    """
    path, stream = (target, None) if isinstance(target, str | os.PathLike) else (None, target)
    wanted = output_form(path, layout=layout, format=format, quality=quality, stem=name)
    pair = to_views(left, right)
    if metadata is not None:
        pair = replace(pair, metadata=metadata)
    parts = wanted.parts(pair.metadata.layout, grey=pair.left.channels is Channels.GREY)
    return save_parts(parts, pair, quality=quality, overwrite=overwrite, stream=stream)


def save_parts(
    parts: Sequence[Part],
    pair: StereoPair,
    *,
    quality: int | None = None,
    overwrite: bool = False,
    stream: IO[bytes] | None = None,
    beside: Sequence[Output] = (),
) -> tuple[SavedPicture, ...]:
    """Writes the given files of a pair; the one without a path goes into the stream, when the others are written.

    beside: other files, which appear together with them.

    Raises OutputError as `save_pair`.
    """
    views = pair.left.shown(), pair.right.shown()
    height, width = views[0].shape[:2]
    stored = pair.metadata.layout
    check_parts(parts, (width, height), stored, grey=views[0].ndim == 2)
    encoders = [_Encoder(part, views, pair.metadata, quality) for part in parts]
    # What goes into a stream cannot be taken back: it waits for the others.
    streamed = [encoder.encoded() for encoder in encoders if encoder.part.path is None]
    files: list[Output] = [(each.part.path, each.write) for each in encoders if each.part.path is not None]
    write_together([*files, *beside], overwrite=overwrite, makes_folders=True)
    if stream is not None:
        stream.write(b"".join(streamed))
    return tuple(
        SavedPicture(each.part.path, each.part.size((width, height), stored), each.part.content.words, each.left_out)
        for each in encoders
    )


class _Encoder:
    """Encodes one file of a pair when it is written, so that there is one of them in memory at a time.

    views: both, in the layout of the metadata. left_out: the metadata that the file does not hold, once it is encoded.
    """

    def __init__(
        self, part: Part, views: tuple[NDArray[np.uint8], NDArray[np.uint8]], metadata: Metadata, quality: int | None
    ) -> None:
        self.part, self._views, self._metadata, self._quality = part, views, metadata, quality
        self.left_out: tuple[str, ...] = ()

    def encoded(self) -> bytes:
        """The bytes of the file."""
        found = _encoded(self.part, *self._views, self._metadata, self._quality)
        self.left_out = found.left_out
        return found.data

    def write(self, file: BinaryIO) -> None:
        """Writes it."""
        file.write(self.encoded())


def _encoded(
    part: Part, left: NDArray[np.uint8], right: NDArray[np.uint8], metadata: Metadata, quality: int | None
) -> EncodedPicture:
    """The bytes of one file of a pair, whose views come in the layout of the metadata."""
    shown = [left] if part.content is Single.LEFT else [right] if part.content is Single.RIGHT else [left, right]
    views = [reshaped(view, pixel_aspect(metadata.layout), part.aspect) for view in shown]
    if part.content is Single.MPO:
        return _mpo(views, part.name, metadata, quality)
    picture: NDArray[np.uint8] | Image.Image = views[0]
    if part.content is Single.ANAGLYPH:
        picture = anaglyph(*(to_srgb(view, metadata.icc_profile) for view in views))
        metadata = replace(metadata, icc_profile=None)
    elif isinstance(part.content, Layout):
        picture = join(views[0], views[1], part.content)
    encoded = encode_picture(
        picture, part.form, part.name, quality=quality, metadata=metadata, pixel_aspect=part.aspect
    )
    if not part.is_labelled:
        return encoded
    assert isinstance(part.content, Layout)
    assert isinstance(picture, Image.Image)
    return replace(encoded, data=_labelled(encoded.data, part.form, part.content, picture.width))


def _mpo(views: Sequence[NDArray[np.uint8]], name: str, metadata: Metadata, quality: int | None) -> EncodedPicture:
    """Exif and XMP are of the first picture, the profile of both, as each is a JPEG file."""
    left = encode_picture(views[0], JPEG, name, quality=quality, metadata=metadata)
    colours = Metadata(icc_profile=metadata.icc_profile)
    right = encode_picture(views[1], JPEG, name, quality=quality, metadata=colours)
    return replace(left, data=mpo_bytes(left.data, right.data, metadata.calibration))


def _labelled(data: bytes, form: PictureFormat, layout: Layout, width: int) -> bytes:
    """The file, saying how it holds both views: a JPEG in a segment, a crossed PNG in a chunk, if its width allows."""
    if form is JPEG:
        return inserted(data, jps_segment(layout), behind=APP2)
    content = ster_content(width)
    return data if content is None else with_png_chunk(data, STER, content)
