"""Grey and turned pictures through the codecs: what goes in comes out as people see it."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
import torch
from conftest import sample_crop
from PIL import ExifTags, Image
from rgbd_frames import frame, save_small

import stereocodec.pillow  # noqa: F401
from stereocodec import RgbdCodec
from stereocodec.container import Channels, Container
from stereocodec.errors import InvalidInput
from stereocodec.pictures.picture import Picture, turned
from stereocodec.pictures.rgb import psnr

HEIGHT, WIDTH = 40, 56


def with_orientation(array, orientation):
    """A PIL image as of a file of a camera that was held otherwise."""
    image, exif = Image.fromarray(array), Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image.info["exif"] = exif.tobytes()
    return image


def is_grey(image):
    return np.ptp(np.asarray(image).astype(int), axis=-1).max() == 0


@pytest.fixture(scope="module")
def views():
    return sample_crop(HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def grey_views(views):
    return tuple(view[..., 1] for view in views)


@pytest.fixture(scope="module")
def plain(tiny_codec, views):
    return tiny_codec.encode(*views, quality=60)


@pytest.fixture(scope="module")
def decoded(tiny_codec, plain):
    return tiny_codec.decompress(plain, output="numpy")


@pytest.fixture(scope="module")
def rgbd(tmp_path_factory):
    return RgbdCodec.from_pretrained(save_small(tmp_path_factory.mktemp("rgbd") / "small"), device="cpu")


def test_pictures_in_colour_as_stored_need_no_new_version(plain):
    assert (plain.version, plain.channels, plain.orientation) == ((1, 0), Channels.RGB, 1)
    assert plain.to_bytes()[8] == 0x10


def test_an_orientation_changes_two_bytes_of_the_file_and_no_sample(tiny_codec, views, plain, decoded):
    # Whatever is coded is coded as it is stored; only version, flags and CRC differ.
    for orientation in (3, 6):
        data = tiny_codec.compress(*(with_orientation(view, orientation) for view in views), quality=60)
        before = plain.to_bytes()
        assert data[8:10] == bytes((0x12, before[9] | orientation - 1 << 3))
        assert data[:8] + data[10:-4] == before[:8] + before[10:-4]
        assert Container.from_bytes(data).orientation == orientation
        for shown, stored in zip(tiny_codec.decompress(data, output="numpy"), decoded, strict=True):
            np.testing.assert_array_equal(shown, turned(stored, orientation))


def test_every_output_is_upright(tiny_codec, plain, decoded):
    container = dataclasses.replace(plain, orientation=6, version=(1, 2))
    left = turned(decoded[0], 6)
    assert container.shown_size == (HEIGHT, WIDTH)
    np.testing.assert_array_equal(np.asarray(tiny_codec.decompress(container)[0]), left)
    np.testing.assert_array_equal(tiny_codec.decompress(container, output="torch")[0].numpy(), left.transpose(2, 0, 1))


def test_views_that_disagree_are_coded_upright(tiny_codec, views):
    left, right = views
    container = tiny_codec.encode(with_orientation(turned(left, 3), 3), right, quality=60)
    assert container == tiny_codec.encode(left, right, quality=60)
    with pytest.raises(InvalidInput, match="when shown"):
        tiny_codec.encode(with_orientation(left, 6), right)


@pytest.mark.parametrize("quality", [0, 100])
def test_grey_views_come_back_grey(tiny_codec, grey_views, quality):
    container = tiny_codec.encode(*grey_views, quality=quality)
    assert (container.version, container.channels) == ((1, 2), Channels.GREY)
    as_pil, as_arrays, as_tensors = (
        tiny_codec.decompress(container, output=output) for output in ("pil", "numpy", "torch")
    )
    for image, array, tensor in zip(as_pil, as_arrays, as_tensors, strict=True):
        assert image.mode == "L"
        assert (array.shape, array.dtype) == ((HEIGHT, WIDTH), np.uint8)
        assert (tuple(tensor.shape), tensor.dtype) == ((HEIGHT, WIDTH), torch.uint8)
        np.testing.assert_array_equal(np.asarray(image), array)
        np.testing.assert_array_equal(tensor.numpy(), array)


def test_every_form_of_grey_gives_the_same_file(tiny_codec, grey_views):
    forms = [
        grey_views,
        tuple(Image.fromarray(view).convert("LA") for view in grey_views),
        tuple(torch.from_numpy(view.copy())[None] for view in grey_views),
    ]
    assert len({tiny_codec.compress(*form, quality=60) for form in forms}) == 1


def test_three_equal_channels_come_back_equal(tiny_codec, grey_views):
    triples = [np.stack([view] * 3, -1) for view in grey_views]
    container = tiny_codec.encode(*triples, quality=0)
    assert (container.version, container.channels) == ((1, 2), Channels.GREY_RGB)
    arrays = tiny_codec.decompress(container, output="numpy")
    one_channel = tiny_codec.decompress(tiny_codec.encode(*grey_views, quality=0), output="numpy")
    for array, grey in zip(arrays, one_channel, strict=True):
        assert array.shape == (HEIGHT, WIDTH, 3)
        assert is_grey(array)
        np.testing.assert_array_equal(array[..., 0], grey)
    # Without the mark the network's tint would show: that is what this test is worth.
    unmarked = dataclasses.replace(container, channels=Channels.RGB)
    assert not all(is_grey(view) for view in tiny_codec.decompress(unmarked, output="numpy"))


def test_taking_the_tint_away_brings_no_loss(tiny_codec, grey_views):
    triples = [np.stack([view] * 3, -1) for view in grey_views]
    container = tiny_codec.encode(*triples, quality=50)
    marked = tiny_codec.decompress(container, output="numpy")
    tinted = tiny_codec.decompress(dataclasses.replace(container, channels=Channels.RGB), output="numpy")
    for original, grey, tint in zip(triples, marked, tinted, strict=True):
        assert psnr(original, grey) >= psnr(original, tint)


def test_one_grey_view_beside_one_in_colour_is_coded_in_colour(tiny_codec, views, grey_views):
    container = tiny_codec.encode(views[0], grey_views[1], quality=60)
    assert (container.version, container.channels) == ((1, 0), Channels.RGB)
    assert tiny_codec.decompress(container, output="numpy")[1].shape == (HEIGHT, WIDTH, 3)


def test_grey_and_turned_at_once(tiny_codec, grey_views):
    container = tiny_codec.encode(*(with_orientation(view, 8) for view in grey_views), quality=60)
    assert (container.channels, container.orientation) == (Channels.GREY, 8)
    stored = dataclasses.replace(container, orientation=1)
    for shown, view in zip(
        tiny_codec.decompress(container, output="numpy"), tiny_codec.decompress(stored, output="numpy"), strict=True
    ):
        np.testing.assert_array_equal(shown, turned(view, 8))


def test_a_background_is_laid_under_both_views(tiny_codec, views):
    see_through = [Image.fromarray(np.dstack([view, np.full((HEIGHT, WIDTH), 0, np.uint8)])) for view in views]
    with pytest.raises(InvalidInput, match="--background"):
        tiny_codec.compress(*see_through)
    red = np.full((HEIGHT, WIDTH, 3), (255, 0, 0), np.uint8)
    assert tiny_codec.compress(*see_through, background="red") == tiny_codec.compress(red, red)


@pytest.mark.parametrize("orientation", [3, 6])
def test_depth_is_turned_with_its_colour(rgbd, orientation):
    color, depth = frame(20, 26)
    plain = rgbd.encode(color, depth)
    container = rgbd.encode(with_orientation(color, orientation), depth)
    assert container == dataclasses.replace(plain, orientation=orientation, version=(1, 2))
    shown_color, shown_depth = rgbd.decompress(container, output="numpy")
    stored_color, stored_depth = rgbd.decompress(plain, output="numpy")
    np.testing.assert_array_equal(shown_color, turned(stored_color, orientation))
    np.testing.assert_array_equal(shown_depth, turned(stored_depth, orientation))
    np.testing.assert_array_equal(shown_depth == 0, turned(depth, orientation) == 0)


def test_depth_that_is_turned_itself(rgbd):
    color, depth = frame(20, 26)
    alike = rgbd.encode(with_orientation(color, 3), with_orientation(depth, 3))
    assert alike.orientation == 3
    upright = rgbd.encode(with_orientation(turned(color, 3), 3), with_orientation(depth, 1))
    assert upright == rgbd.encode(color, depth)


def test_grey_beside_depth(rgbd):
    color, depth = frame(20, 26)
    for given, mode in [(color[..., 0], "L"), (np.stack([color[..., 0]] * 3, -1), "RGB")]:
        container = rgbd.encode(given, depth)
        assert container.version == (1, 2)
        shown, depth_shown = rgbd.decompress(container)
        assert shown.mode == mode
        assert is_grey(shown.convert("RGB"))
        np.testing.assert_array_equal(np.asarray(depth_shown) == 0, depth == 0)


def test_the_pillow_plug_in_shows_what_a_decoder_gives(tiny_codec, views, grey_views, monkeypatch):
    monkeypatch.setattr("stereocodec.pillow._codec_of", lambda _: tiny_codec)
    for given, mode in [(views, "RGB"), (grey_views, "L")]:
        pair = [
            Picture(np.atleast_3d(view) * np.ones(3, np.uint8), Channels[mode.replace("L", "GREY")], 6)
            for view in given
        ]
        data = tiny_codec.compress(*pair, quality=60)
        with Image.open(io.BytesIO(data)) as image:
            assert (image.mode, image.size) == (mode, (HEIGHT, WIDTH))
            for number, view in enumerate(tiny_codec.decompress(data, output="numpy")):
                image.seek(number)
                np.testing.assert_array_equal(np.asarray(image), view)
            assert image.getexif().get(ExifTags.Base.Orientation, 1) == 1
