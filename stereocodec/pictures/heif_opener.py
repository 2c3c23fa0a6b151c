"""HEIC for Pillow, by pillow-heif, which is an extra: it is imported when the first such file is seen."""

from __future__ import annotations

from ..errors import InvalidInput


def register_heif_opener(name: str) -> None:
    """Lets `Image.open` read HEIC; name: of the file. Raises InvalidInput where pillow-heif is missing."""
    try:
        import pillow_heif

        pillow_heif.register_heif_opener()
    except ImportError as error:
        raise InvalidInput(f"{name} is a HEIC: reading it needs pip install 'stereocodec[heif]'") from error
