"""One picture that holds both views: the layouts, and what is said where none is given."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from conftest import SAMPLE
from mpo_files import picture
from PIL import Image

from stereocodec import open_pair
from stereocodec.container.layouts import Layout
from stereocodec.errors import InvalidInput
from stereocodec.pictures.layout_hints import layout_in_name
from stereocodec.pictures.packed import join

FIRST, SECOND = (np.asarray(picture(seed)) for seed in (1, 2))


@pytest.fixture(scope="module")
def views():
    """The sample pair at a fifth of its size, 192x128."""
    return [np.asarray(Image.open(SAMPLE / f"{view}.png").convert("RGB").reduce(5)) for view in ("left", "right")]


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return io.BytesIO(file.getvalue())


def refusal(pixels, path=None, **options):
    if path is None:
        source = png(pixels)
    else:
        Image.fromarray(pixels).save(path)
        source = path
    with pytest.raises(InvalidInput) as caught:
        open_pair(source, name="photo", **options)
    return str(caught.value)


@pytest.mark.parametrize("layout", Layout)
def test_each_layout_is_read_as_it_is_named(layout):
    first_is_left = not layout.value.endswith("-cross")
    axis = 1 if "sbs" in layout.value else 0
    pair = open_pair(png(np.concatenate([FIRST, SECOND], axis)), layout=layout.value)
    left, right = (FIRST, SECOND) if first_is_left else (SECOND, FIRST)
    np.testing.assert_array_equal(pair.left.pixels, left)
    np.testing.assert_array_equal(pair.right.pixels, right)
    assert all(view.pixels.flags.c_contiguous for view in pair)
    assert pair.metadata.layout is layout
    np.testing.assert_array_equal(join(left, right, layout), np.concatenate([FIRST, SECOND], axis))


@pytest.mark.parametrize("layout", Layout)
def test_kinds_of_layouts_lead_to_each_other(layout):
    assert layout.exchanged is not layout
    assert layout.exchanged.exchanged is layout
    assert (layout.exchanged.beside, layout.exchanged.half) == (layout.beside, layout.half)
    assert (layout.full.half, layout.full.beside, layout.full.crossed) == (False, layout.beside, layout.crossed)


def test_a_layout_is_about_what_is_seen():
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    both = np.concatenate([FIRST, SECOND], 1)
    Image.fromarray(np.rot90(both)).save(file, "PNG", exif=exif)
    pair = open_pair(io.BytesIO(file.getvalue()), layout="sbs")
    np.testing.assert_array_equal(pair.right.pixels, SECOND)
    assert pair.left.orientation == 1


@pytest.mark.parametrize(
    ("layout", "size", "words"),
    [("sbs", (33, 24), "width of 33 pixels"), ("half-tb-cross", (32, 25), "height of 25 pixels")],
)
def test_sides_that_cannot_be_halved_are_refused(layout, size, words):
    assert f"photo has a {words}, which is not that of two views" in refusal(
        np.asarray(picture(1, size)), layout=layout
    )
    one = np.zeros((24, 1, 3), np.uint8)
    assert "width of 1 pixels" in refusal(one, layout="sbs")


def test_each_view_may_be_as_large_as_the_format_allows(monkeypatch):
    monkeypatch.setattr("stereocodec.pictures.pil.MAX_PIXELS", FIRST.shape[0] * FIRST.shape[1])
    both = np.concatenate([FIRST, SECOND], 1)
    assert open_pair(png(both), layout="sbs").left.pixels.shape == FIRST.shape
    assert "up to 768 pixels per view" in refusal(np.concatenate([both, FIRST[:, :1]], 1), layout="sbs")


def test_an_unknown_layout_names_those_there_are():
    assert refusal(FIRST, layout="sidebyside").startswith("layout is 'sidebyside'; use one of sbs, sbs-cross, tb, ")


@pytest.mark.parametrize(
    ("stem", "layout"),
    [
        ("holiday_SBS", "sbs"),
        ("holiday_HSBS", "half-sbs"),
        ("holiday_Half_SBS", "half-sbs"),
        ("holiday half-sbs", "half-sbs"),
        ("film.3D.HSBS.1080p", "half-sbs"),
        ("holiday-tb", "tb"),
        ("holiday_HTB", "half-tb"),
        ("holiday.ou", "tb"),
        ("holiday HOU", "half-tb"),
        ("holiday_half_ou", "half-tb"),
        ("holiday_LR", "sbs"),
        ("holiday_RL", "sbs-cross"),
        ("holiday_sbs_cross", "sbs-cross"),
        ("holiday_hsbs-crosseyed", "half-sbs-cross"),
        ("sbs", "sbs"),
        ("holiday", None),
        ("absbs", None),
        ("ourtb", None),
        ("half_time", None),
        ("", None),
    ],
)
def test_names_that_speak_of_a_layout(stem, layout):
    found = layout_in_name(stem)
    assert (found and found.value) == layout


def test_a_name_suggests_and_is_not_followed(tmp_path, views):
    squeezed = [np.asarray(Image.fromarray(view).resize((96, 128))) for view in views]
    said = refusal(np.concatenate(squeezed, 1), tmp_path / "photo_HSBS.png")
    assert said == (
        "photo is one picture of 192x128 (1.50:1) that does not say how it holds two views, but looks like half-sbs by "
        "its name: give --layout half-sbs (side by side, half width), in Python layout='half-sbs'"
    )
    crossed = refusal(np.concatenate(views[::-1], 1), tmp_path / "photo_SBS.png")
    assert "looks like sbs by its name, though its views look exchanged: give --layout sbs" in crossed


def test_a_name_that_does_not_fit_is_no_suggestion(tmp_path, views):
    said = refusal(np.concatenate(views, 1), tmp_path / "photo_TB.png")
    assert "by its name" not in said
    assert "give --layout sbs (two of 192x128), in Python layout='sbs'" in said
    assert "by its name" not in refusal(np.asarray(picture(1, (33, 24))), tmp_path / "photo_SBS.png")


@pytest.mark.parametrize(
    ("layout", "options"),
    [
        ("sbs", "--layout sbs (two of 192x128)"),
        ("sbs-cross", "--layout sbs-cross (two of 192x128)"),
        ("tb", "--layout tb (two of 192x128)"),
        ("tb-cross", "--layout tb-cross (two of 192x128)"),
    ],
)
def test_halves_tell_which_layout_fits(views, layout, options):
    said = refusal(np.asarray(join(*views, Layout(layout))))
    python = re.escape(f", in Python layout={layout!r}")
    assert re.search(rf"but its halves look like the two views of one scene: give {re.escape(options)}{python}$", said)


@pytest.mark.parametrize(
    ("layout", "size", "options"),
    [
        ("half-sbs", (96, 128), "--layout sbs (two of 96x128) or half-sbs (if they look squeezed)"),
        ("half-tb", (192, 64), "--layout tb (two of 192x64) or half-tb (if they look squeezed)"),
    ],
)
def test_narrow_and_wide_views_may_be_squeezed(views, layout, size, options):
    squeezed = [np.asarray(Image.fromarray(view).resize(size)) for view in views]
    assert options in refusal(np.asarray(join(*squeezed, Layout(layout))))


def test_one_view_alone_is_no_pair(views):
    said = refusal(views[0])
    assert said.startswith(
        "photo is one picture of 192x128 (1.50:1) that does not say how it holds two views, and its halves do "
    )
    assert "name the file of the other view, too" in said


def test_where_halves_tell_nothing_all_that_fit_are_named():
    flat = np.full((32, 64, 3), 90, np.uint8)
    assert "give --layout sbs (two of 32x32) or tb (two of 64x16) or half-tb (if they look squeezed)" in refusal(flat)
    assert "-cross behind it if the right view comes first" in refusal(flat)
    assert "--layout tb" in refusal(flat[:, 1:])
    assert "sbs" not in refusal(flat[:, 1:])
    assert "both sides are odd" in refusal(flat[1:, 1:])
