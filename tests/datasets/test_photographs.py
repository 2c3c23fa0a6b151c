"""Where single photographs are found."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from stereocodec.errors import InvalidInput
from stereocodec.training.examples import load_photos


def test_photographs_are_found_in_folders_below(tmp_path):
    pixels = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    (tmp_path / "deep").mkdir()
    Image.fromarray(pixels).save(tmp_path / "deep" / "b.PNG")
    Image.fromarray(pixels[::-1].copy()).save(tmp_path / "a.webp", lossless=True)
    (tmp_path / "manifest.csv").touch()
    first, second = load_photos([tmp_path])
    assert (first.name, second.name) == ("a", "b")
    assert np.array_equal(second.pixels.numpy(), pixels)
    assert [p.name for p in load_photos([tmp_path / "a.webp"])] == ["a"]


def test_folders_without_photographs_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="nowhere is not a folder"):
        load_photos([tmp_path / "nowhere"])
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InvalidInput, match="no photographs in"):
        load_photos([tmp_path])
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InvalidInput, match=r"a.png"):
        load_photos([tmp_path])
