"""Large pictures are read, matched, compared and turned some rows at a time, with the results of whole ones."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import sample_crop
from PIL import Image

from stereocodec.codec import _is_sharper
from stereocodec.errors import InvalidInput
from stereocodec.pictures import strips as module
from stereocodec.pictures.pil import pil_picture
from stereocodec.pictures.rgb import psnr, to_picture
from stereocodec.pictures.strips import mirror, strips
from stereocodec.pictures.view_errors import ViewErrors
from stereocodec.pictures.view_match import match_views


@pytest.fixture
def low(monkeypatch):
    """Strips of a few rows."""
    monkeypatch.setattr(module, "_PIXELS_AT_ONCE", 500)


def test_strips_are_all_rows_in_order_and_about_as_large_as_said():
    found = list(strips(4320, 7680))
    assert np.concatenate([np.r_[rows] for rows in found]).tolist() == list(range(4320))
    assert {rows.stop - rows.start for rows in found[:-1]} == {2**18 // 7680}
    assert [rows.stop - rows.start for rows in strips(100, 2**17, 3)] == [3] * 33 + [1]
    assert list(strips(3, 2**20)) == [slice(0, 1), slice(1, 2), slice(2, 3)]
    assert list(strips(3, 5)) == [slice(0, 3)]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA"])
def test_pictures_of_every_mode_are_read_alike(mode, low):
    image = Image.fromarray(sample_crop(64, 96)[0]).convert(mode)
    picture = pil_picture(image, "x")
    assert picture.pixels.flags.c_contiguous
    np.testing.assert_array_equal(picture.pixels, np.asarray(image.convert("RGB")))


def test_a_match_is_that_of_whole_views(monkeypatch):
    views = sample_crop(323, 481)
    whole = match_views(*views)
    assert whole.rows is not None
    monkeypatch.setattr(module, "_PIXELS_AT_ONCE", 5000)
    assert match_views(*views) == whole


def test_the_sharper_view_is_that_of_whole_views(low):
    left, right = sample_crop(64, 96)
    steps = [np.abs(np.diff(view[..., 1].astype(int))).sum() for view in (left, right)]
    assert _is_sharper(left, right) == (steps[0] > steps[1])
    assert _is_sharper(right, left) == (steps[1] > steps[0])
    assert not _is_sharper(left, left)


@pytest.mark.parametrize("shape", [(40, 31, 3), (40, 31)])
def test_a_mirrored_picture_stays_where_it_is(shape, low):
    before = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    picture = before.copy()
    mirror(picture)
    np.testing.assert_array_equal(picture, before[:, ::-1])


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("grey", [False, True])
def test_errors_of_rows_add_up_to_the_psnr(swapped, grey):
    rng = np.random.default_rng(0)
    views = rng.integers(0, 256, (2, 50, 30, *(() if grey else (3,))), dtype=np.uint8)
    decoded = (views // 16 * 16).astype(np.uint8)
    decoded[1] //= 2
    pictures = [to_picture(view, "view") for view in views]
    errors = ViewErrors([picture.pixels for picture in pictures], pictures[0].channels)
    coded = decoded[::-1, :, ::-1] if swapped else decoded
    for first in (20, 0, 40):
        errors.add(first, coded[:, first : first + (10 if first == 40 else 20)], swapped=swapped)
    assert errors.psnr() == tuple(psnr(view, seen) for view, seen in zip(views, decoded, strict=True))
    assert errors.psnr()[0] > errors.psnr()[1] + 3


def test_transparent_parts_are_still_refused(low):
    image = Image.fromarray(sample_crop(64, 96)[0]).convert("RGBA")
    image.putpixel((3, 60), (1, 2, 3, 4))
    with pytest.raises(InvalidInput, match="alpha channel"):
        pil_picture(image, "x")
