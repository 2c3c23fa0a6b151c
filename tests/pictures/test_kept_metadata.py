"""What is kept of the metadata of pictures' files, what is left out with a warning, and what decoded images get."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from exif_data import EXIF_DIRECTORY, MAKER_NOTE, NOTE, Block, camera_exif
from icc_profiles import DISPLAY_P3, SRGB, grey_profile, matrix_profile
from PIL import ExifTags, Image

from stereocodec.container import Channels, Metadata
from stereocodec.container.limits import MAX_METADATA_BYTES
from stereocodec.errors import InvalidInput, MetadataLeftOut
from stereocodec.pictures.exif import exif_facts, exif_orientation, kept_exif
from stereocodec.pictures.picture import Picture, as_pair
from stereocodec.pictures.picture_metadata import kept, orientation_in, with_metadata
from stereocodec.pictures.pil import load_picture
from stereocodec.pictures.rgb import to_picture

RGB = np.random.default_rng(0).integers(0, 256, (8, 16, 3), dtype=np.uint8)
P3, GREY = matrix_profile(DISPLAY_P3, "Display P3"), grey_profile(2.2)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="%d" tiff:Make="A"/></x:xmpmeta>'
KEPT = Metadata(P3, kept_exif(camera_exif()), XMP % 1)


def written(image_format, array=RGB, **settings):
    file = io.BytesIO()
    Image.fromarray(array).save(file, image_format, **settings)
    file.seek(0)
    return file


def loaded(file):
    """A picture and the warnings of reading it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        picture = load_picture(file, "left")
    assert all(warning.category is MetadataLeftOut for warning in caught)
    return picture, [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("image_format", "settings"), [("PNG", {}), ("WEBP", {"lossless": True}), ("JPEG", {}), ("MPO", {})]
)
def test_files_keep_all_and_are_turned_once(image_format, settings):
    exif = b"Exif\0\0" + camera_exif(orientation=6)
    if image_format == "PNG":  # Pillow writes no XMP there
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", (XMP % 6).decode())
        settings = {"pnginfo": info}
    else:
        settings = {**settings, "xmp": XMP % 6}
    picture, said = loaded(written(image_format, icc_profile=P3, exif=exif, **settings))
    assert said == []
    assert picture.orientation == 6
    assert picture.metadata == KEPT


def test_avif_keeps_all_and_is_turned_once():
    from PIL import features

    if not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    exif = b"Exif\0\0" + camera_exif(orientation=6, thumbnail=b"")
    picture, said = loaded(written("AVIF", icc_profile=P3, exif=exif, xmp=XMP % 6))
    assert said == []
    assert picture.orientation == 6
    assert picture.metadata.icc_profile == P3
    assert picture.metadata.xmp == XMP % 1
    assert exif_orientation(picture.metadata.exif) == 1
    assert exif_facts(picture.metadata.exif) == exif_facts(KEPT.exif)


@pytest.mark.parametrize("orientation", [1, 6])
def test_tiff_files_keep_what_their_tags_say_of_the_picture(orientation):
    exif = Image.Exif()
    exif.load(camera_exif(orientation=orientation, thumbnail=b""))
    picture, said = loaded(written("TIFF", icc_profile=P3, exif=exif))
    assert said == []
    np.testing.assert_array_equal(picture.pixels, RGB)
    assert (picture.orientation, picture.metadata.icc_profile) == (orientation, P3)
    found = Image.Exif()
    found.load(picture.metadata.exif)
    assert found.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] == NOTE
    assert exif_facts(picture.metadata.exif) == exif_facts(KEPT.exif)
    storage = (
        "Orientation",
        "ImageWidth",
        "StripOffsets",
        "StripByteCounts",
        "Compression",
        "BitsPerSample",
        "InterColorProfile",
    )
    assert not {ExifTags.Base[name] for name in storage} & set(found)


def test_tiff_files_leave_out_where_their_interoperability_stood():
    block, exif = Block("<"), Image.Exif()
    first = block.directory([(EXIF_DIRECTORY, 4, 1, 0)])
    block.point(first[EXIF_DIRECTORY])
    inner = block.directory([(MAKER_NOTE, 7, len(NOTE), NOTE), (ExifTags.IFD.Interop, 4, 1, 0)])
    block.point(inner[ExifTags.IFD.Interop])
    block.directory([(1, 2, 4, b"R98\0")])
    exif.load(bytes(block.data))
    file = written("TIFF", exif=exif)
    with Image.open(file) as image:
        assert ExifTags.IFD.Interop in image.getexif().get_ifd(ExifTags.IFD.Exif)
    found = Image.Exif()
    found.load(loaded(file)[0].metadata.exif)
    assert found.get_ifd(ExifTags.IFD.Exif).keys() == {ExifTags.Base.MakerNote}


def test_messages_on_tiff_files_with_tags_name_the_file(tmp_path):
    path = tmp_path / "half transparent.tif"
    Image.new("RGBA", (4, 4)).save(path, tiffinfo={271: "maker"})
    with pytest.raises(InvalidInput, match=r"half transparent\.tif' -background white"):
        load_picture(path)


def test_xmp_of_tiff_files_is_kept():
    picture, said = loaded(written("TIFF", tiffinfo={700: XMP % 3, 274: 3}))
    assert (picture.orientation, said) == (3, [])
    mark = b'tiff:Orientation="1"'  # which Pillow takes away
    assert picture.metadata.xmp.replace(mark, b"") == (XMP % 1).replace(mark, b"")


def test_tiff_files_without_such_tags_have_no_exif():
    assert loaded(written("TIFF"))[0].metadata == Metadata()
    assert loaded(written("TIFF", tiffinfo={274: 6}))[0].metadata == Metadata()


def test_exif_in_the_text_of_png_files_is_kept():
    from PIL.PngImagePlugin import PngInfo

    info, data = PngInfo(), b"Exif\0\0" + camera_exif(orientation=8)
    info.add_text("Raw profile type exif", f"\nexif\n{len(data)}\n{data.hex()}\n")
    picture, said = loaded(written("PNG", pnginfo=info))
    assert (picture.orientation, picture.metadata, said) == (8, Metadata(exif=KEPT.exif), [])


@pytest.mark.parametrize(("stated", "orientation"), [(0, None), (1, 1), (8, 8), (9, None)])
def test_orientations_that_there_are_not_are_none(stated, orientation):
    assert orientation_in(b"Exif\0\0" + camera_exif(orientation=stated)) == orientation


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'tiff:Orientation="6"', b'tiff:Orientation="1"'),
        (b"tiff:Orientation = '8'", b"tiff:Orientation = '1'"),
        (b"<tiff:Orientation>3</tiff:Orientation>", b"<tiff:Orientation>1</tiff:Orientation>"),
        (b"<tiff:Orientation> 3 <", b"<tiff:Orientation> 1 <"),
        (b'tiff:OrientationX="6"', b'tiff:OrientationX="6"'),
    ],
)
def test_orientations_in_xmp_become_one(before, after):
    assert kept(Channels.RGB, "left", xmp=b"<a " + before + b"\xff").xmp == b"<a " + after + b"\xff"


def test_xmp_is_never_read_as_xml():
    entities = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    bomb = b'<!DOCTYPE x [<!ENTITY a0 SYSTEM "file:///etc/passwd">' + entities + b"]><x>&a11;</x>"
    assert kept(Channels.RGB, "left", xmp=bomb).xmp == bomb
    assert with_metadata(Image.fromarray(RGB), Metadata(xmp=bomb)).info == {"xmp": bomb}
    spaces = b"tiff:Orientation" + b" " * 10**6 + b"=" + b" " * 10**6
    assert kept(Channels.RGB, "left", xmp=spaces).xmp == spaces


def test_an_orientation_in_xmp_alone_is_applied_once():
    picture, _ = loaded(written("JPEG", xmp=XMP % 6))
    assert picture.orientation == 6
    image = with_metadata(Image.fromarray(picture.shown()), picture.metadata)
    assert image.size == (8, 16)
    assert to_picture(image, "left").orientation == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"icc_profile": b"no profile"}, "left: its ICC profile is no ICC profile; it is left out"),
        ({"icc_profile": GREY}, "left: its ICC profile is for GRAY, and the picture is RGB; it is left out"),
        ({"icc_profile": P3[:140]}, "left: its ICC profile is damaged; it is left out"),
        (
            {"exif": b"Exif\0\0no header"},
            "left: its Exif is damaged: it does not begin with a TIFF header; it is left out",
        ),
    ],
)
def test_what_is_damaged_is_left_out_and_the_picture_is_read(settings, message):
    picture, said = loaded(written("PNG", **settings))
    assert said == [message]
    assert picture.metadata == Metadata()
    np.testing.assert_array_equal(picture.pixels, RGB)


def test_exif_that_is_damaged_behind_its_orientation_is_applied_and_kept():
    image = Image.fromarray(RGB)
    image.info["exif"] = b"Exif\0\0" + camera_exif(orientation=6)
    image.getexif = lambda: 1 // 0
    picture = to_picture(image, "left")
    assert (picture.orientation, picture.metadata.exif) == (6, KEPT.exif)


def test_tags_of_tiff_files_that_cannot_be_read_leave_the_orientation(monkeypatch):
    file = written("TIFF", tiffinfo={274: 6, 271: "maker"})
    with Image.open(file) as image:
        found = Image.Exif.__getitem__
        monkeypatch.setattr(
            Image.Exif, "__getitem__", lambda self, tag: 1 // 0 if tag == ExifTags.Base.Make else found(self, tag)
        )
        with pytest.warns(
            MetadataLeftOut, match=r"^left: what its TIFF tags say is damaged \(.*zero\); it is left out$"
        ):
            picture = to_picture(image, "left")
    assert picture.orientation == 6
    np.testing.assert_array_equal(picture.pixels, RGB)


def test_what_is_larger_than_a_file_may_hold_is_left_out():
    with pytest.warns(MetadataLeftOut, match=f"^a b: its XMP has {MAX_METADATA_BYTES + 1} bytes, a .bsc file holds"):
        assert not kept(Channels.RGB, "a b", xmp=bytes(MAX_METADATA_BYTES + 1))


def test_warnings_speak_of_the_line_that_called():
    with pytest.warns(MetadataLeftOut) as caught:
        load_picture(written("PNG", icc_profile=b"x"), "a\nb")
    assert caught[0].filename == __file__
    assert str(caught[0].message).startswith(r"a\nb: its ICC profile")


def test_an_image_that_the_caller_opened_is_left_as_it_was():
    with Image.open(written("TIFF", tiffinfo={274: 6}, icc_profile=P3)) as image:
        before = dict(image.info)
        to_picture(image, "left")
        assert image.info.items() <= before.items()


def test_a_palette_of_greys_with_a_profile_of_colours_keeps_both():
    palette = Image.fromarray(RGB[..., 0]).convert("P")
    for profile, channels in ((P3, Channels.GREY_RGB), (None, Channels.GREY)):
        file = io.BytesIO()
        palette.save(file, "PNG", icc_profile=profile)
        picture = load_picture(file)
        assert (picture.channels, picture.metadata.icc_profile) == (channels, profile)


def view(profile=None, exif=None, channels=Channels.RGB):
    return Picture(RGB, channels, metadata=Metadata(profile, exif))


def test_a_pair_has_the_profile_of_its_left_view_and_one_alone():
    standard = matrix_profile(SRGB, "sRGB")
    pair = as_pair(view(P3), view(standard, b"exif"))
    assert pair.metadata == Metadata(P3, b"exif")
    assert [one.metadata.icc_profile for one in pair] == [P3, P3]
    np.testing.assert_array_equal(pair.left.pixels, RGB)
    assert np.abs(pair.right.pixels.astype(int) - RGB).max() > 5
    assert as_pair(view(), view(P3)).metadata.icc_profile == P3


def test_a_profile_of_grey_is_not_that_of_a_pair_in_colour():
    grey = Picture(RGB[..., :1].repeat(3, -1), Channels.GREY, metadata=Metadata(GREY))
    assert as_pair(grey, view()).metadata == Metadata()
    assert as_pair(grey, grey).metadata == Metadata(GREY)


def test_profiles_that_cannot_be_brought_together_are_one_line():
    broken = P3[:132] + b"xxxx" + P3[136:]
    broken = broken.replace(b"rXYZ", b"xxxx")
    with pytest.raises(InvalidInput, match="convert both to sRGB first"):
        as_pair(view(broken), view(P3))


def test_decoded_images_have_what_pillows_own_formats_have():
    image = with_metadata(Image.fromarray(RGB), Metadata(P3, camera_exif(orientation=6), XMP % 6))
    assert image.info == {"icc_profile": P3, "exif": b"Exif\0\0" + KEPT.exif, "xmp": XMP % 1}
    again = io.BytesIO()
    image.save(again, "JPEG", **image.info)
    assert load_picture(again).metadata == KEPT


def test_decoded_images_have_nothing_that_no_reader_could_use():
    turned_alone = Image.Exif()
    turned_alone[ExifTags.Base.Orientation] = 6
    assert with_metadata(Image.fromarray(RGB), Metadata(exif=turned_alone.tobytes())).info == {}
    hostile = Metadata(GREY, b"no Exif", b"\x00\xff")
    assert with_metadata(Image.fromarray(RGB), hostile).info == {"xmp": b"\x00\xff"}
    assert with_metadata(Image.fromarray(RGB[..., 0]), hostile).info == {"icc_profile": GREY, "xmp": b"\x00\xff"}
