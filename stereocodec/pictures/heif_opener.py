"""HEIC for Pillow, by pillow-heif, which is an extra: it is imported when the first such file is seen."""

from __future__ import annotations

import os
from typing import IO

from PIL import Image, UnidentifiedImageError

from ..errors import InvalidInput
from .heif_items import is_avif, is_heif

_HEAD_BYTES = 4096


def open_file(source: str | os.PathLike[str] | IO[bytes], name: str) -> Image.Image:
    """`Image.open`, of HEIC too; name: of the file.

    Raises what `Image.open` raises, and InvalidInput for HEIC where pillow-heif is missing or cannot read it.
    """
    try:
        return Image.open(source)
    except UnidentifiedImageError:
        head = _head(source)
        if not is_heif(head) or is_avif(head):
            raise
        _register(name)
        try:
            return Image.open(source)
        except UnidentifiedImageError as error:
            raise InvalidInput(
                f"{name} is a HEIC that cannot be decoded: it is damaged, or of a kind that libheif does not know"
            ) from error


def _head(source: str | os.PathLike[str] | IO[bytes]) -> bytes:
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            return file.read(_HEAD_BYTES)
    try:
        source.seek(0)
        return source.read(_HEAD_BYTES)
    except (AttributeError, OSError, ValueError):  # a pipe, of which Pillow has read what there was
        return b""


def _register(name: str) -> None:
    try:
        import pillow_heif

        pillow_heif.register_heif_opener()
    except ImportError as error:
        raise InvalidInput(f"{name} is a HEIC: reading it needs pip install 'stereocodec[heif]'") from error
