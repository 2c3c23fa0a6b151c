"""VR photos: the right view out of the XMP of a JPEG, and what stays of the XMP."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from heif_files import HEIGHT, WIDTH, alike, opened, view
from mpo_files import jpeg
from PIL import Image
from vr_photos import MAIN, PANORAMA, packet, pieces, vr_photo, with_segments

from stereocodec.errors import InvalidInput
from stereocodec.pictures.xmp import XmpPacket

GPANO, GIMAGE, GAUDIO = (f"http://ns.google.com/photos/1.0/{name}/" for name in ("panorama", "image", "audio"))
TITLE = "<dc:title>a place</dc:title>"
LEFT, RIGHT = view(0), view(1)
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (160, 200, 3), np.uint8))


def photo(right=None, **options):
    return vr_photo(jpeg(LEFT), jpeg(RIGHT) if right is None else right, **options)


def inline(right, base):
    """A VR photo whose right view fits into the main packet, in a form of base64."""
    text = base(base64.b64encode(right).decode())
    main = packet(f"{PANORAMA}<GImage:Data>{text}</GImage:Data><GImage:Mime>image/jpeg</GImage:Mime>")
    return with_segments(jpeg(LEFT), [MAIN + main])


def test_both_views_and_the_panorama_are_kept_and_the_sound_is_not():
    pair = opened(photo(extended_properties=TITLE))
    assert alike(pair.left.pixels, LEFT)
    assert alike(pair.right.pixels, RIGHT)
    kept = XmpPacket(pair.metadata.xmp)
    assert kept.get(GPANO, "FullPanoWidthPixels") == "4096"
    assert kept.get("http://purl.org/dc/elements/1.1/", "title") == "a place"
    assert not kept.has(GIMAGE)
    assert not kept.has(GAUDIO)
    assert not kept.has("http://ns.adobe.com/xmp/note/")
    assert len(pair.metadata.xmp) < 3000


def test_views_may_be_exchanged():
    assert alike(opened(photo(), swap=True).left.pixels, RIGHT)


@pytest.mark.parametrize("arrange", [list, lambda parts: parts[::-1], lambda parts: [*parts[1:], parts[0], parts[1]]])
def test_pieces_of_the_xmp_may_come_in_any_order_and_twice(arrange):
    right = jpeg(NOISE)
    pair = opened(vr_photo(jpeg(NOISE), right, size=7000, arrange=arrange))
    assert len(base64.b64encode(right)) > 3 * 7000
    with Image.open(io.BytesIO(right)) as image:
        np.testing.assert_array_equal(pair.right.pixels, np.asarray(image))


@pytest.mark.parametrize(
    "base",
    [
        str,
        lambda text: text.rstrip("="),
        lambda text: "\n" + "\n".join(text[at : at + 76] for at in range(0, len(text), 76)) + "\n",
        lambda text: "&#xA;".join(text[at : at + 76] for at in range(0, len(text), 76)),
    ],
)
@pytest.mark.parametrize("image", [RIGHT, RIGHT.resize((300, 200)).resize(RIGHT.size)])
def test_base64_as_writers_have_it(base, image):
    for quality in (5, 100):
        assert opened(inline(jpeg(image, quality), base)).right.pixels.shape == (HEIGHT, WIDTH, 3)


def test_an_orientation_of_the_left_view_is_that_of_both():
    exif = Image.Exif()
    exif[0x0112] = 6
    pair = opened(
        vr_photo(jpeg(LEFT, exif=exif.tobytes()), jpeg(RIGHT), attributes='tiff:Orientation="6" dc:title="a"')
    )
    assert XmpPacket(pair.metadata.xmp).get("http://ns.adobe.com/tiff/1.0/", "Orientation") is None
    assert b'dc:title="a"' in pair.metadata.xmp
    assert pair.left.orientation == pair.right.orientation == 6
    assert alike(pair.right.pixels, RIGHT)


def test_an_orientation_of_the_right_views_own_goes_before_that_of_the_left_one():
    exif = Image.Exif()
    exif[0x0112] = 3
    pair = opened(vr_photo(jpeg(LEFT), jpeg(RIGHT, exif=exif.tobytes())))
    assert pair.left.orientation == pair.right.orientation == 1
    assert alike(pair.right.pixels, RIGHT.transpose(Image.Transpose.ROTATE_180))


def test_a_layout_that_is_given_splits_the_left_view():
    assert alike(opened(photo(), layout="sbs").right.pixels, LEFT.crop((WIDTH // 2, 0, WIDTH, HEIGHT)))


@pytest.mark.parametrize(
    "main",
    [
        packet(PANORAMA),
        packet("<GImage:Data>QUJD</GImage:Data>", 'GImage:Mime="image/jpeg"'),  # an original beside its depth map
        packet(PANORAMA + "<GImage:Data>QUJD</GImage:Data>", 'GDepth:Format="RangeInverse"'),
        packet(PANORAMA, 'xmpNote:HasExtendedXMP="0123"'),  # which was cut off
    ],
    ids=["panorama", "no panorama", "depth", "other extension"],
)
def test_other_photographs_with_such_xmp_are_one_picture(main):
    with pytest.raises(InvalidInput, match="does not say how it holds two views"):
        opened(with_segments(jpeg(LEFT), [MAIN + main]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (photo(arrange=lambda parts: parts[1:]), "pieces of its XMP are missing"),
        (photo(jpeg(NOISE), size=9000, arrange=lambda parts: parts[:-1]), "pieces of its XMP are missing"),
        (photo(arrange=lambda parts: []), "pieces of its XMP are missing"),
        (with_segments(jpeg(LEFT), [MAIN + packet(PANORAMA, 'GImage:Mime="image/jpeg"')]), "does not hold it"),
        (inline(b"abc", lambda text: "%%%"), "it is damaged base64"),
        (inline(b"abc", lambda text: text + "A=A="), "it is damaged base64"),
        (inline(b"no picture at all", str), "it is no JPEG"),
        (photo(b"RIFF" + bytes(100)), "it is no JPEG"),
    ],
)
def test_a_right_view_that_cannot_be_read_is_one_line(data, message):
    with pytest.raises(InvalidInput, match=f"is a VR photo whose right view cannot be read: .*{message}") as error:
        opened(data, name="a.vr.jpg")
    assert "\n" not in str(error.value)


def test_a_right_view_of_another_size_or_cut_off_is_one_line():
    with pytest.raises(InvalidInput, match="left is 64x48, right is 32x48"):
        opened(photo(jpeg(RIGHT.resize((32, 48)))))
    with pytest.raises(InvalidInput, match=r"the right view of a\.vr\.jpg is truncated or damaged"):
        opened(photo(jpeg(RIGHT)[:-400]), name="a.vr.jpg")


def test_xmp_that_no_file_can_hold_is_one_line():
    large = f"<dc:title>{'QUJD' * 2**22}</dc:title>"
    with pytest.raises(InvalidInput, match=r"bytes beside it, a \.bsc file holds 16777216"):
        opened(photo(extended_properties=large))


def test_pieces_of_other_packets_are_left_aside():
    other = pieces(packet(TITLE), guid=b"0" * 32)
    assert alike(opened(photo(arrange=lambda parts: [*other, *parts])).right.pixels, RIGHT)
