"""Depth maps from files hold the samples that the file holds, whatever Pillow makes of them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from conftest import one_line
from PIL import Image

from stereocodec.errors import InvalidInput
from stereocodec.pictures.depth import load_depth, to_depth_map
from stereocodec.pictures.rgb import to_rgb8

SAMPLES = np.array([[0, 1, 2, 3, 500], [2000, 2001, 4095, 3333, 17]], dtype=np.uint16)
SMALL = np.array([[0, 1, 2, 3], [3, 2, 1, 0]], dtype=np.uint8)


def raw_pgm(samples, maxval):
    height, width = samples.shape
    return b"P5\n%d %d\n%d\n" % (width, height, maxval) + samples.astype(">u2" if maxval > 255 else "u1").tobytes()


def plain_pgm(samples, maxval):
    height, width = samples.shape
    return f"P2\n{width} {height}\n{maxval}\n{' '.join(map(str, samples.reshape(-1)))}\n".encode()


def tiff(samples, bits, photometric=1, order="<", form=1, rows=None):
    """An uncompressed TIFF of one channel, in strips of so many rows. form: 1 unsigned, 2 signed, 3 floating point."""
    data = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    height, width = samples.shape
    rows = rows or height
    strip, count = rows * width * bits // 8, -(-height // rows)
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits]), (259, 3, [1]), (262, 3, [photometric])]
    end = 8 + 2 + 12 * 10 + 4
    lists = end + 8 * count
    tags += [(273, 4, [lists + i * strip for i in range(count)]), (277, 3, [1]), (278, 4, [rows])]
    tags += [(279, 4, [strip] * count), (339, 3, [form])]
    out, extra = struct.pack(order + "2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(tags)), b""
    for tag, kind, values in tags:
        packed = b"".join(struct.pack(order + {3: "H", 4: "I"}[kind], value) for value in values)
        if len(packed) > 4:
            packed, extra = struct.pack(order + "I", end + len(extra)), extra + packed
        out += struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    return (out + bytes(4) + extra).ljust(lists, b"\0") + data


def both(file):
    """Samples as they come by file and by an image that is still to be loaded."""
    loaded = np.asarray(load_depth(io.BytesIO(file)))
    with Image.open(io.BytesIO(file)) as image:
        depth = to_depth_map(image, unit=0.001)
        again = to_depth_map(image, unit=0.001)
    assert np.array_equal(loaded, depth.samples)
    assert np.array_equal(again.samples, depth.samples)
    return depth.samples


@pytest.mark.parametrize("write", [raw_pgm, plain_pgm])
@pytest.mark.parametrize("maxval", [4095, 4096, 10000, 32768, 65534, 65535])
def test_pgm_of_16_bits_keeps_its_samples(write, maxval):
    depth = both(write(SAMPLES, maxval))
    assert depth.dtype == np.uint16
    assert np.array_equal(depth, SAMPLES)


@pytest.mark.parametrize("write", [raw_pgm, plain_pgm])
@pytest.mark.parametrize("maxval", [3, 15, 100, 254, 255])
def test_pgm_of_8_bits_keeps_its_samples(write, maxval):
    depth = both(write(SMALL, maxval))
    assert depth.dtype == np.uint8
    assert np.array_equal(depth, SMALL)


@pytest.mark.parametrize("maxval", [256, 1000, 10000, 65534])
def test_every_sample_of_every_maximum_comes_back(maxval):
    every = np.arange(maxval + 1, dtype=np.uint16)[None]
    tall = np.resize(every, (16, -(-every.size // 16)))
    assert np.array_equal(both(raw_pgm(tall, maxval)), tall)


def test_colour_keeps_its_brightness_whatever_the_maximum():
    image = Image.open(io.BytesIO(b"P6\n1 1\n100\n" + bytes((0, 50, 100))))
    assert to_rgb8(image, "color").tolist() == [[[0, 128, 255]]]


@pytest.mark.parametrize("bits", [2, 4])
def test_png_of_fewer_bits_keeps_its_samples(bits):
    file = io.BytesIO()
    Image.fromarray(SMALL).convert("P").save(file, "PNG", bits=bits)
    data = file.getvalue()
    # The same picture, said to be grey: byte 25 is the kind of colour, and its CRC follows five bytes later.
    header = data[12:25] + b"\0" + data[26:29]
    body = data[data.index(b"IDAT") - 4 :]
    grey = data[:12] + header + struct.pack(">I", zlib.crc32(header)) + body
    assert Image.open(io.BytesIO(grey)).mode == "L"
    assert np.array_equal(both(grey), SMALL)


def test_png_of_16_bits_keeps_its_samples():
    file = io.BytesIO()
    Image.fromarray(SAMPLES).save(file, "PNG")
    assert np.array_equal(both(file.getvalue()), SAMPLES)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("rows", [None, 1])
@pytest.mark.parametrize("form", [1, 2])
def test_tiff_of_16_bits_keeps_its_samples(order, rows, form):
    samples = SAMPLES.astype(np.int16) if form == 2 else SAMPLES
    assert np.array_equal(both(tiff(samples, 16, order=order, form=form, rows=rows)), SAMPLES)


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_of_floats_is_metres(order):
    metres = (SAMPLES / 1000).astype(np.float32)
    loaded = load_depth(io.BytesIO(tiff(metres, 32, order=order, form=3)))
    assert np.array_equal(loaded, metres)
    assert np.array_equal(to_depth_map(loaded).samples, SAMPLES)


@pytest.mark.parametrize("precision", [10, 12, 15, 16])
def test_jpeg_2000_keeps_its_samples(precision):
    imagecodecs = pytest.importorskip("imagecodecs")
    samples = np.resize(SAMPLES, (32, 32)) & (2**precision - 1)
    file = imagecodecs.jpeg2k_encode(samples, level=0, reversible=True, bitspersample=precision, codecformat="jp2")
    assert np.array_equal(both(file), samples)


def refused(file, message):
    for read in (load_depth, lambda file: to_depth_map(Image.open(file))):
        with pytest.raises(InvalidInput, match=message) as error:
            read(io.BytesIO(file))
        one_line(error)


@pytest.mark.parametrize("bits", [8, 16])
def test_inverted_tiff_is_refused(bits):
    refused(tiff(SAMPLES.astype(f"u{bits // 8}"), bits, photometric=0), "white is zero.*write it again as a PNG")


def test_jpeg_2000_of_9_bits_is_refused():
    imagecodecs = pytest.importorskip("imagecodecs")
    samples = np.resize(SAMPLES, (32, 32)) & 511
    file = imagecodecs.jpeg2k_encode(samples, level=0, reversible=True, bitspersample=9, codecformat="jp2")
    refused(file, "more than 8 bits, of which 8 would be read")


def test_a_pgm_whose_scale_is_forgotten_is_refused():
    image = Image.open(io.BytesIO(raw_pgm(SAMPLES, 10000)))
    image.load()
    with pytest.raises(InvalidInput, match=r"loaded from PPM already.*pass Image.open\(path\)") as error:
        to_depth_map(image)
    one_line(error)


def test_the_command_reads_millimetres_of_a_pgm(tmp_path):
    from stereocodec_cli._pictures import FramePictures

    from stereocodec.depth_settings import DepthSettings

    (tmp_path / "depth.pgm").write_bytes(raw_pgm(SAMPLES, 10000))
    Image.fromarray(np.zeros((2, 5, 3), dtype=np.uint8)).save(tmp_path / "color.png")
    pictures = FramePictures(str(tmp_path / "color.png"), str(tmp_path / "depth.pgm"), DepthSettings(), None)
    pictures.load()
    assert np.array_equal(pictures.depth.samples, SAMPLES)


def test_samples_below_zero_are_refused():
    file = tiff(np.array([[-5, 7]], dtype=np.int16), 16, form=2)
    with pytest.raises(InvalidInput, match=r"values beyond 0\.\.65535"):
        to_depth_map(load_depth(io.BytesIO(file)))


def test_formats_cut_to_8_bits_are_refused():
    """SGI of 16 bits, which Pillow reads as 8; for colour as well."""
    file = struct.pack(">HBBHHHHII", 474, 0, 2, 2, 5, 2, 1, 0, 65535).ljust(512, b"\0")
    file += SAMPLES[::-1].astype(">u2").tobytes()
    refused(file, "more than 8 bits, of which 8 would be read.*PNG of 16 bits")
    with pytest.raises(InvalidInput, match="more than 8 bits per channel"):
        to_rgb8(Image.open(io.BytesIO(file)), "color")


def test_the_second_picture_of_a_file_is_not_lost():
    file = io.BytesIO()
    pages = [Image.fromarray(SAMPLES), Image.fromarray(SAMPLES + np.uint16(1))]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    refused(file.getvalue(), "holds 2 frames .*magick")


@pytest.mark.parametrize("depth", [10, 12])
def test_avif_is_no_depth(depth):
    imagecodecs = pytest.importorskip("imagecodecs")
    samples = np.resize(SAMPLES, (32, 32)) % 1024
    file = imagecodecs.avif_encode(np.stack([samples] * 3, -1), bitspersample=depth)
    refused(file, "not a depth map of one channel")
