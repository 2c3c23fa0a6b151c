"""Metadata on their way through a file: colours look the same, and cost their own bytes."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from conftest import sample_crop
from exif_data import camera_exif
from icc_profiles import DISPLAY_P3, matrix_profile
from PIL import Image, ImageCms
from rgbd_frames import frame

import stereocodec.pillow
from stereocodec import Metadata, RgbdCodec, StereoCodec
from stereocodec.container import HEADER_BYTES, Band, Container, Layout, Streams, metadata_in
from stereocodec.container.varint import write_varint
from stereocodec.errors import CorruptFile, InvalidInput, LimitExceeded
from stereocodec.pictures.exif import kept_exif

P3 = matrix_profile(DISPLAY_P3, "Display P3")
EXIF, XMP = camera_exif(orientation=6), b'<r tiff:Orientation="6"/>' + b" " * 2000
ALL = Metadata(P3, kept_exif(EXIF), XMP.replace(b"6", b"1"), {"baseline": 0.1}, Layout.HALF_TB)
INFO = {"icc_profile": P3, "exif": b"Exif\0\0" + ALL.exif, "xmp": ALL.xmp}


def lab(image):
    """As its profile shows it, or as sRGB without one: CIE L*a*b*, (H, W, 3) float."""
    profile = image.info.get("icc_profile")
    source = ImageCms.createProfile("sRGB") if profile is None else io.BytesIO(profile)
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("LAB"), "RGB", "LAB")
    stored = np.asarray(ImageCms.applyTransform(image, transform))
    return np.dstack([stored[..., 0] * (100 / 255), stored[..., 1:].view(np.int8)]).astype(float)


def difference(first, second):
    """CIE 1976, the mean over all pixels."""
    return np.linalg.norm(lab(first) - lab(second), axis=-1).mean()


def vivid(view):
    """More of all colours: most of them lie outside of sRGB when they are those of Display P3."""
    grey = view.mean(axis=-1, keepdims=True)
    return np.clip(grey + 3 * (view - grey), 0, 255).astype(np.uint8)


@pytest.mark.slow
def test_a_wide_gamut_pair_looks_the_same_before_and_after():
    codec = StereoCodec.from_pretrained(device="cpu")
    pair = []
    for view in map(vivid, sample_crop(64, 96)):
        file = io.BytesIO()
        Image.fromarray(view).save(file, "PNG", icc_profile=P3)
        pair.append(Image.open(file))
    decoded = codec.decompress(codec.compress(*pair, quality=90))
    plain = codec.decompress(codec.compress(*pair, quality=90, metadata=Metadata()))
    for before, after, bare in zip(pair, decoded, plain, strict=True):
        saved = io.BytesIO()
        after.save(saved, "PNG")  # as any program that knows nothing of it does
        with Image.open(saved) as again:
            assert again.info["icc_profile"] == P3
            error = difference(before, again)
        untagged = Image.fromarray(np.asarray(before))
        assert error < 1.3 * difference(untagged, bare)  # no more than what coding does to any pair; P3 is wider
        assert difference(before, bare) > 2 * error


def test_a_file_keeps_what_it_is_given_and_images_have_it(tiny_codec, pair):
    data = tiny_codec.compress(*pair, quality=20, metadata=ALL)
    container = Container.from_bytes(data)
    assert (container.version, container.metadata) == ((1, 3), ALL)
    assert container.to_bytes() == data
    assert [view.info for view in tiny_codec.decompress(data)] == [INFO, INFO]
    arrays = tiny_codec.decompress(data, output="numpy")
    bare = container.without_metadata()
    assert bare.metadata == container.metadata.layout_alone() == Metadata(layout=Layout.HALF_TB)
    assert [view.info for view in tiny_codec.decompress(bare)] == [{}, {}]
    for view, same in zip(arrays, tiny_codec.decompress(bare, output="numpy"), strict=True):
        np.testing.assert_array_equal(view, same)


def test_images_bring_theirs_and_an_argument_takes_their_place(tiny_codec, pair):
    images = [Image.fromarray(view) for view in pair]
    for image in images:
        image.info.update(icc_profile=P3, exif=b"Exif\0\0" + EXIF, xmp=XMP)
    container = tiny_codec.encode(*images, quality=20)
    assert container.orientation == 6
    assert container.metadata == replace(ALL, calibration=None, layout=None)
    decoded, _ = tiny_codec.decompress(container)
    assert (decoded.size, decoded.info) == ((64, 96), INFO)
    told = tiny_codec.encode(*images, quality=20, metadata=Metadata())
    assert (told.metadata, told.orientation, told.version) == (Metadata(), 6, (1, 2))
    assert told.bands[0].streams == container.bands[0].streams


def test_exif_may_be_given_as_pillow_gives_it():
    assert Metadata(exif=b"Exif\0\0" + EXIF) == Metadata(exif=EXIF)


def test_what_later_programs_pack_otherwise_does_not_keep_a_file_from_decoding(tiny_codec, pair):
    container = tiny_codec.encode(*pair, quality=20, metadata=ALL)
    chunks = tuple(replace(chunk, payload=b"\x07" + chunk.payload) for chunk in ALL.to_chunks())
    later = Container.from_bytes(replace(container, chunks=chunks, version=(1, 6)).to_bytes())
    assert tiny_codec.decompress(later)[0].info == {}


@pytest.mark.slow
def test_frames_keep_the_metadata_of_their_colour():
    color, depth = frame(64, 64)
    image = Image.fromarray(color)
    image.info.update(icc_profile=P3, exif=b"Exif\0\0" + EXIF, xmp=XMP)
    codec = RgbdCodec.from_pretrained(device="cpu")
    data = codec.compress(image, depth)
    shown, map_ = codec.decompress(data)
    assert shown.info == INFO
    assert map_.info == {}
    assert Container.from_bytes(codec.compress(image, depth, metadata=Metadata())).metadata == Metadata()


def whole_file():
    """One with all metadata, whose streams hold no pictures."""
    container = Container(
        width=96,
        height=64,
        quality=20,
        model_id=b"123456",
        bands=(Band(b"", Streams(*[bytes(500)] * 4), 0),),
        chunks=ALL.to_chunks(),
    )
    return io.BytesIO(container.to_bytes())


class TestPillow:
    """The plug-in of Pillow."""

    @pytest.fixture(autouse=True)
    def release(self, tiny_release, tiny_codec, pair, monkeypatch):
        monkeypatch.setattr(StereoCodec, "for_file", lambda container: tiny_codec)
        monkeypatch.setattr(stereocodec.pillow, "_last", [])
        self.settings = {"save_all": True, "model": tiny_release, "device": "cpu", "quality": 20}
        self.views = [Image.fromarray(view) for view in pair]

    def saved(self, **settings):
        file = io.BytesIO()
        left, right = self.views
        left.save(file, "BSC", append_images=[right], **self.settings, **settings)
        file.seek(0)
        return file

    def test_an_opened_file_has_them_before_its_pixels_are_asked_for(self, no_networks):
        with Image.open(whole_file()) as image:
            found = {key: image.info[key] for key in INFO}
            assert found == INFO
            assert image.getexif()[0x110] == "FinePix REAL 3D"

    def test_streams_are_not_read_for_them(self):
        data = whole_file().getvalue()
        assert metadata_in(io.BytesIO(data[:-1000])) == ALL

    def test_damage_in_them_is_said_when_pixels_are_asked_for(self):
        data = bytearray(whole_file().getvalue())
        data[data.index(b"ICCP") + 4 + 2] = 9  # the way in which it is packed, behind a length of two bytes
        with pytest.raises(CorruptFile, match="packed by method 9"):
            metadata_in(io.BytesIO(bytes(data)))
        with Image.open(io.BytesIO(bytes(data))) as image:
            assert "icc_profile" not in image.info
            with pytest.raises(OSError, match="damaged"):
                image.load()

    def test_endless_files_are_not_read_for_them(self):
        start = whole_file().getvalue()[:HEADER_BYTES]
        endless = io.BytesIO(start[:20] + write_varint(2**30) + bytes(10**6))  # a guard list of that length
        with pytest.raises(LimitExceeded, match="claims"):
            metadata_in(endless)
        assert endless.tell() == HEADER_BYTES

    def test_what_is_given_is_saved(self):
        with Image.open(self.saved(icc_profile=P3, exif=b"Exif\0\0" + EXIF, xmp=XMP)) as image:
            assert {key: image.info[key] for key in INFO} == INFO
            assert image.size == (64, 96)  # turned as Exif says

    def test_frames_keep_theirs_where_nothing_is_given(self):
        for view in self.views:
            view.info.update(icc_profile=P3, exif=b"Exif\0\0" + EXIF)
        exif = Image.Exif()
        exif[0x110] = "another"
        with Image.open(self.saved(exif=exif)) as image:
            assert image.info["icc_profile"] == P3
            assert (image.getexif()[0x110], image.size) == ("another", (96, 64))
        with Image.open(self.saved(icc_profile=None)) as image:
            assert "icc_profile" not in image.info
            assert (image.info["exif"], image.size) == (INFO["exif"], (64, 96))

    def test_what_was_opened_is_saved_again_with_all(self):
        again = io.BytesIO()
        with Image.open(self.saved(icc_profile=P3, xmp=XMP)) as image:
            image.save(again, "BSC", **self.settings)
        with Image.open(again) as image:
            assert (image.info["icc_profile"], image.info["xmp"]) == (P3, INFO["xmp"])


def test_a_metadata_argument_of_another_type_is_refused(tiny_codec, pair):
    with pytest.raises(InvalidInput, match=r"metadata is dict: give a stereocodec\.Metadata"):
        tiny_codec.compress(*pair, metadata={"exif": b""})
