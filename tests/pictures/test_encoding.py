"""The formats that pictures are written in: pixels, metadata, the shape of pixels, and what a format cannot hold."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from icc_profiles import DISPLAY_P3, grey_profile, matrix_profile
from PIL import ExifTags, Image

from stereocodec.container.metadata import Metadata
from stereocodec.errors import InvalidInput, OutputError
from stereocodec.pictures.encoding import EncodedPicture, encode_picture
from stereocodec.pictures.formats import FORMATS, check_quality

RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (6, 8, 3), dtype=np.uint8)
GREY = RANDOM.integers(0, 256, (6, 8), dtype=np.uint8)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
WIDE = matrix_profile(DISPLAY_P3, "wide")
LOSSLESS = sorted(FORMATS.keys() - {"jpeg", "avif"})
WITH_METADATA = sorted(FORMATS.keys() - {"ppm", "bmp"})
TAKEN = "2026:11:28 10:03:04"


def exif(**tags):
    data = Image.Exif()
    data[ExifTags.Base.Make] = "Camera"
    data.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = TAKEN
    for name, value in tags.items():
        data[ExifTags.Base[name]] = value
    return data.tobytes().removeprefix(b"Exif\0\0")


def read(encoded):
    image = Image.open(io.BytesIO(encoded.data))
    image.load()
    return image


@pytest.mark.parametrize("pixels", [COLOUR, GREY], ids=["colour", "grey"])
@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_keep_every_pixel(name, pixels):
    image = read(encode_picture(pixels, FORMATS[name], "x"))
    assert image.format == FORMATS[name].name.upper()
    assert image.mode == ("RGB" if pixels.ndim == 3 or name == "webp" else "L")
    expected = pixels if image.mode == "L" or pixels.ndim == 3 else np.dstack([pixels] * 3)
    np.testing.assert_array_equal(np.asarray(image), expected)


@pytest.mark.parametrize("name", ["jpeg", "avif"])
def test_lossy_formats_take_a_quality_and_have_all_colours(name):
    stripes = np.zeros((16, 16, 3), np.uint8)
    stripes[:, ::2] = (200, 40, 40)
    stripes[:, 1::2] = (40, 40, 200)  # of columns of a pixel, which subsampling mixes
    error = np.abs(np.asarray(read(encode_picture(stripes, FORMATS[name], "x"))).astype(int) - stripes)
    assert error.max() < 16
    usual, same, low = (encode_picture(COLOUR, FORMATS[name], "x", quality=value).data for value in (None, 95, 40))
    assert usual == same
    assert len(low) < len(usual)
    grey = np.asarray(read(encode_picture(GREY, FORMATS[name], "x")).convert("L")).astype(int)
    assert np.abs(grey - GREY).max() < 16


def test_a_grey_avif_has_one_channel():
    data = encode_picture(GREY, FORMATS["avif"], "x").data
    assert data[data.index(b"av1C") + 6] & 0x10  # monochrome, of the AV1 configuration
    data = encode_picture(COLOUR, FORMATS["avif"], "x").data
    assert not data[data.index(b"av1C") + 6] & 0x10


@pytest.mark.parametrize("name", WITH_METADATA)
def test_metadata_come_back_of_every_format_that_can_hold_them(name):
    encoded = encode_picture(COLOUR, FORMATS[name], "x", metadata=Metadata(WIDE, exif(), XMP))
    assert encoded.left_out == ()
    image = read(encoded)
    assert image.info["icc_profile"] == WIDE
    assert image.info["xmp"] == XMP
    tags = image.getexif()
    assert tags[ExifTags.Base.Make] == "Camera"
    assert tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == TAKEN
    if not FORMATS[name].lossy:
        np.testing.assert_array_equal(np.asarray(image), COLOUR)


@pytest.mark.parametrize("name", ["ppm", "bmp"])
def test_formats_without_metadata_say_what_they_leave_out(name):
    encoded = encode_picture(COLOUR, FORMATS[name], "x", metadata=Metadata(WIDE, exif(), XMP))
    word = FORMATS[name].name
    assert encoded.left_out == tuple(f"{what} ({word} holds none)" for what in ("ICC profile", "Exif", "XMP"))
    assert "icc_profile" not in read(encoded).info


@pytest.mark.parametrize(
    ("name", "metadata", "left_out"),
    [
        ("jpeg", Metadata(exif=exif(ImageDescription="x" * 70_000)), "Exif (70,"),
        ("jpeg", Metadata(xmp=XMP + b" " * 65_504), "XMP (65,541 bytes, JPEG holds 65,504)"),
        ("png", Metadata(icc_profile=WIDE + bytes(2**20)), "ICC profile (1,"),
        ("webp", Metadata(icc_profile=grey_profile(2.2)), "ICC profile (it is damaged, or does not fit the picture)"),
    ],
)
def test_what_is_too_long_or_does_not_fit_is_left_out(name, metadata, left_out):
    if name == "png":  # its length is stated at its beginning
        profile = bytearray(metadata.icc_profile)
        profile[:4] = len(profile).to_bytes(4, "big")
        metadata = Metadata(icc_profile=bytes(profile))
    encoded = encode_picture(GREY if name == "webp" else COLOUR, FORMATS[name], "x", metadata=metadata)
    (said,) = encoded.left_out
    assert said.startswith(left_out)
    assert read(encoded).size == (8, 6)


def test_as_much_as_jpeg_can_hold_comes_back():
    long = exif(ImageDescription="x" * (65526 - len(exif(ImageDescription="x" * 9)) + 9))
    assert len(long) == 65526  # which is even
    profile = bytearray(WIDE + bytes(200_000))  # in four segments
    profile[:4] = len(profile).to_bytes(4, "big")
    metadata = Metadata(bytes(profile), long, XMP.ljust(65_504))
    encoded = encode_picture(COLOUR, FORMATS["jpeg"], "x", metadata=metadata)
    assert encoded.left_out == ()
    info = read(encoded).info
    assert info["icc_profile"] == metadata.icc_profile
    assert info["exif"].removeprefix(b"Exif\0\0") == long
    assert info["xmp"] == metadata.xmp


def test_exif_of_another_tiff_file_does_not_change_how_samples_lie():
    others = {"DNGVersion": b"\1\4\0\0", "InterColorProfile": b"of another picture"}
    metadata = Metadata(exif=exif(PhotometricInterpretation=0, Predictor=2, TileWidth=16, ColorMap=5, **others))
    image = read(encode_picture(COLOUR, FORMATS["tiff"], "x", metadata=metadata))
    np.testing.assert_array_equal(np.asarray(image), COLOUR)
    assert image.getexif()[ExifTags.Base.Make] == "Camera"
    assert not {ExifTags.Base[name] for name in others} & image.tag_v2.keys()


def test_directories_of_tiff_files_begin_at_even_places():
    for width in range(1, 9):
        profile = WIDE + bytes(width)  # of odd length, the file that Pillow writes has one, too
        profile = len(profile).to_bytes(4, "big") + profile[4:]
        metadata = Metadata(profile, exif(ImageDescription="x" * width), XMP + b" " * (width // 2))
        data = encode_picture(COLOUR[:, :width], FORMATS["tiff"], "x", metadata=metadata).data
        tags = read(EncodedPicture(data)).tag_v2
        (start,) = struct.unpack_from("<I", data, 4)
        assert (data[:2], start % 2, tags[ExifTags.IFD.Exif] % 2) == (b"II", 0, 0)
        assert tags[ExifTags.Base.InterColorProfile] == profile


@pytest.mark.parametrize(("aspect", "shown"), [((2, 1), (1, 2)), ((1, 2), (2, 1))])
def test_the_shape_of_pixels_is_told_as_a_ratio(aspect, shown):
    inches = Metadata(exif=exif(XResolution=72.0, YResolution=72.0, ResolutionUnit=2))  # of another file
    images = {
        name: read(encode_picture(COLOUR, form, "x", metadata=inches, pixel_aspect=aspect))
        for name, form in FORMATS.items()
    }
    assert images["png"].info["aspect"] == shown  # pixels in a unit, across and down
    assert (images["jpeg"].info["jfif_density"], images["jpeg"].info["jfif_unit"]) == (shown, 0)
    tags = images["tiff"].tag_v2
    assert (tags[ExifTags.Base.XResolution], tags[ExifTags.Base.YResolution]) == shown
    assert tags[ExifTags.Base.ResolutionUnit] == 1
    across, down = images["bmp"].info["dpi"]
    assert across / down == pytest.approx(shown[0] / shown[1])
    for name in ("png", "tiff", "bmp"):
        np.testing.assert_array_equal(np.asarray(images[name]), COLOUR)


def test_square_pixels_are_told_of_by_nothing():
    assert "aspect" not in read(encode_picture(COLOUR, FORMATS["png"], "x")).info


@pytest.mark.parametrize(("name", "longest"), [("jpeg", 65500), ("webp", 16383), ("avif", 32768)])
def test_sides_above_the_limit_of_a_format_are_one_line(name, longest):
    form = FORMATS[name]
    assert read(encode_picture(np.zeros((1, longest, 3), np.uint8), form, "x")).size == (longest, 1)
    with pytest.raises(OutputError) as caught:
        encode_picture(np.zeros((longest + 1, 1, 3), np.uint8), form, "x.y")
    assert str(caught.value) == (
        f"x.y would be 1x{longest + 1}, and {form.name} has sides of up to {longest} pixels: "
        "use .png, or two files (--layout two)"
    )


def test_a_format_that_this_pillow_does_not_have_is_one_line(monkeypatch):
    Image.init()
    monkeypatch.delitem(Image.SAVE, "AVIF")
    with pytest.raises(
        OutputError, match=r"^x\.avif cannot be written: this Pillow was built without AVIF; use \.png$"
    ):
        encode_picture(COLOUR, FORMATS["avif"], "x.avif", metadata=Metadata(exif=exif()))


def test_exif_that_a_format_cannot_take_leaves_the_picture(monkeypatch):
    def failing(*_):
        raise ValueError("odd")

    monkeypatch.setattr("stereocodec.pictures.encoding._with_tags", lambda data, told: data if not told else failing())
    encoded = encode_picture(COLOUR, FORMATS["tiff"], "x", metadata=Metadata(exif=exif()))
    assert encoded.left_out == ("Exif (TIFF cannot hold it: odd)",)
    np.testing.assert_array_equal(np.asarray(read(encoded)), COLOUR)


@pytest.mark.parametrize("quality", [-1, 101, True, 9.5, "high"])
def test_a_quality_is_a_whole_number(quality):
    with pytest.raises(InvalidInput, match="must be a whole number from 0 to 100"):
        check_quality(quality, FORMATS["jpeg"])


@pytest.mark.parametrize("name", LOSSLESS)
def test_formats_that_lose_nothing_take_no_quality(name):
    check_quality(None, FORMATS[name])
    with pytest.raises(InvalidInput, match=f"{FORMATS[name].name} loses nothing: leave it out"):
        check_quality(90, FORMATS[name])
