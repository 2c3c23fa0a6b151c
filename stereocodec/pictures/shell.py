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
    return shown_path(getattr(image, "filename", None))


def shown_path(path: str | bytes | os.PathLike[str] | None) -> str:
    """A path as a command names it; IN where there is none, or none that fits into one line."""
    text = os.fsdecode(path or "")
    return text if text and text.isprintable() else "IN"
