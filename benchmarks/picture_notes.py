"""Which weights a picture of the documentation was made with, as text within the PNG file."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

KEY = "Description"


def save_noted(picture: Image.Image, path: Path, name: str, model_id: str) -> None:
    """Writes a PNG file that says which release it shows: its name and its id in hexadecimal digits."""
    note = PngInfo()
    note.add_text(KEY, f"Weights {name} ({model_id})")
    picture.save(path, optimize=True, pnginfo=note)
