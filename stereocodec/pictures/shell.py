"""Commands that messages name as ways out."""

from __future__ import annotations

import os
import shlex

from PIL import Image


def command(image: Image.Image, settings: str = "", *, frame: int | None = None, output: str = "OUT.png") -> str:
    """A command of ImageMagick that makes another picture of an image's file, or of one of its frames."""
    source = file_of(image) + ("" if frame is None else f"[{frame}]")
    return " ".join(filter(None, ("magick", shlex.quote(source), settings, output)))


def file_of(image: Image.Image) -> str:
    """The path that an image was opened from; IN where it has none, or none that fits into one line."""
    path = os.fsdecode(getattr(image, "filename", "") or "")
    return path if path and path.isprintable() else "IN"
