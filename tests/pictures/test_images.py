"""What is accepted as a picture, what is refused, and that the way out which a refusal names works."""

from __future__ import annotations

import io
import math
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from stereocodec.container.limits import MAX_PIXELS, MAX_SIDE
from stereocodec.errors import InvalidInput
from stereocodec.pictures.pil import load_image
from stereocodec.pictures.rgb import from_rgb8, psnr, to_pair, to_rgb8


@pytest.fixture
def rgb():
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def stored(image: Image.Image, image_format: str, **settings) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, image_format, **settings)
    file.seek(0)
    return file


def png_of_16_bits(values: np.ndarray) -> bytes:
    """H x W x 3 uint16 as a PNG file, which Pillow cannot write."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_every_form_gives_the_same_array(rgb):
    forms = [
        Image.fromarray(rgb),
        rgb,
        rgb[:, ::-1][:, ::-1],
        torch.from_numpy(rgb).permute(2, 0, 1),
        torch.from_numpy(rgb).permute(2, 0, 1).to(torch.float32) / 255,
        (torch.from_numpy(rgb).permute(2, 0, 1).to(torch.float64) / 255).requires_grad_(),
    ]
    for form in forms:
        array = to_rgb8(form, "left")
        assert array.dtype == np.uint8
        assert array.flags.c_contiguous
        np.testing.assert_array_equal(array, rgb)


def test_bfloat16_is_rounded_to_the_nearest_level():
    tensor = torch.linspace(0, 1, 60, dtype=torch.bfloat16).reshape(3, 4, 5)
    expected = np.round(tensor.double().numpy() * 255).transpose(1, 2, 0)
    assert np.abs(to_rgb8(tensor, "left") - expected).max() == 0


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_modes_that_lose_nothing_are_expanded(rgb, mode):
    image = Image.fromarray(rgb).convert(mode)
    np.testing.assert_array_equal(to_rgb8(image, "left"), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "LAB"])
def test_other_colour_spaces_are_refused_with_a_command(mode):
    image = Image.new(mode, (4, 3))
    with pytest.raises(InvalidInput, match=rf"^right is {mode}, not RGB: .*magick IN -colorspace sRGB OUT.png$"):
        to_rgb8(image, "right")


def test_commands_name_the_file_and_stay_one_line(tmp_path):
    for name, quoted in [("a b.jpg", "'{}/a b.jpg'"), ("c.jpg", "{}/c.jpg"), ("d\ne.jpg", "IN")]:
        Image.new("CMYK", (4, 3)).save(tmp_path / name)
        with pytest.raises(InvalidInput) as caught:
            load_image(tmp_path / name, "left")
        assert str(caught.value).endswith(f"magick {quoted.format(tmp_path)} -colorspace sRGB OUT.png")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I", "F"])
def test_deep_modes_are_refused_with_a_command(mode):
    with pytest.raises(InvalidInput, match=r"^left has more than 8 bits.*magick IN -depth 8 OUT.png$"):
        to_rgb8(Image.new(mode, (4, 3), 25700), "left")


def test_16_bit_rgb_that_pillow_would_cut_is_refused(rgb):
    png = png_of_16_bits(rgb.astype(np.uint16) * 257)
    ppm = b"P6 2 1 65535\n" + bytes(12)
    for data in (png, ppm):
        for refused in (
            lambda data=data: to_rgb8(Image.open(io.BytesIO(data)), "left"),
            lambda data=data: load_image(io.BytesIO(data), "left"),
        ):
            with pytest.raises(InvalidInput, match=r"^left has more than 8 bits.*magick IN -depth 8 OUT.png$"):
                refused()
    np.testing.assert_array_equal(to_rgb8(Image.open(io.BytesIO(png)).convert("RGB"), "left"), rgb)


def test_ppm_of_8_bits_or_less_is_read():
    for data in (b"P6 2 1 255\n" + bytes(6), b"P3 2 1 15\n" + b"1 " * 6):
        assert to_rgb8(load_image(io.BytesIO(data)), "left").shape == (1, 2, 3)


@pytest.mark.parametrize("image_format", ["GIF", "TIFF", "WEBP", "PNG", "JPEG", "BMP"])
def test_single_frames_are_read_from_every_common_format(rgb, image_format):
    array = to_rgb8(load_image(stored(Image.fromarray(rgb), image_format)), "left")
    assert array.shape == rgb.shape


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied_once(image_format):
    array = np.zeros((16, 32, 3), np.uint8)
    array[:, 16:] = 255  # the right half is white
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # shown after a quarter turn clockwise: the lower half is white
    file = stored(Image.fromarray(array), image_format, exif=exif)
    with Image.open(file) as image:
        opened = to_rgb8(image, "left")
    file.seek(0)
    for result in (opened, to_rgb8(load_image(file), "left")):
        assert result.shape == (32, 16, 3)
        assert result[:12].max() < 20
        assert result[20:].min() > 235


def test_exif_orientation_leaves_the_callers_image_alone():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    with Image.open(stored(Image.new("RGB", (4, 2)), "PNG", exif=exif)) as image:
        to_rgb8(image, "left")
        assert image.size == (4, 2)
        assert to_rgb8(image, "left").shape == (4, 2, 3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((4, 4, 2), np.uint8), "it must be H x W x 3, or H x W for a grey one$"),
        (np.zeros((4, 4, 4), np.uint8), "remove the alpha channel"),
        (np.zeros((3, 4, 5), np.uint8), r"array.transpose\(1, 2, 0\)"),
        (np.zeros((2, 3, 4, 3), np.uint8), "it must be H x W x 3"),
        (np.zeros((4, 4, 3), np.float32), r"float32, it must be uint8: use np.clip\(np.round\(255"),
        (np.zeros((4, 4, 3), np.uint16), r"uint16, it must be uint8: use array.astype"),
        (np.zeros((0, 4, 3), np.uint8), "no pixels: its size is 4x0"),
        (torch.zeros(4, 4, 3), r"tensor of shape \(4, 4, 3\): it must be 3 x H x W, or"),
        (torch.zeros(2, 3, 4, 4), "one by one"),
        (torch.zeros(3, 4, 4, dtype=torch.int64), "torch.int64"),
        (torch.zeros(3, 4, 4, dtype=torch.bool), "torch.bool"),
        (torch.zeros(3, 0, 4), "no pixels"),
        (torch.full((3, 4, 4), math.nan), "outside 0..1 or NaN"),
        (torch.full((3, 4, 4), math.inf), "outside 0..1 or NaN"),
        (torch.full((3, 4, 4), 1.01), "outside 0..1 or NaN"),
        (torch.full((3, 4, 4), -0.01), "outside 0..1 or NaN"),
        (Image.new("RGB", (0, 5)), "no pixels: its size is 0x5"),
        (Image.new("RGB", (MAX_SIDE + 1, 1)), "65536x1: a .bsc file holds sides of up to 65535"),
        (np.zeros((1, MAX_SIDE + 1, 3), np.uint8), "65536x1"),
        ("left.png", r"is a str: .*open it first, e.g. PIL.Image.open\(path\)$"),
        (None, "is a NoneType: pass a PIL image"),
        ([[1, 2, 3]], "is a list: pass a PIL image"),
    ],
)
def test_anything_else_is_refused(wrong, message):
    with pytest.raises(InvalidInput, match=f"^left .*{message}") as caught:
        to_rgb8(wrong, "left")
    assert "\n" not in str(caught.value)


def test_pixel_limit_is_inclusive():
    # Broadcasting makes the rows one and the same, so that the largest picture costs no memory.
    at_limit = np.broadcast_to(np.zeros(3, np.uint8), (MAX_PIXELS // 2**13, 2**13, 3))
    assert to_rgb8(at_limit, "left").shape == at_limit.shape
    above = np.broadcast_to(np.zeros(3, np.uint8), (MAX_PIXELS // 2**13 + 1, 2**13, 3))
    with pytest.raises(InvalidInput, match=f"up to {MAX_PIXELS} pixels per view"):
        to_rgb8(above, "left")


def test_a_pair_has_one_size(rgb):
    left, right = to_pair(rgb, Image.fromarray(255 - rgb))
    np.testing.assert_array_equal(left, 255 - right)
    with pytest.raises(InvalidInput, match=r"^left is 7x5, right is 6x5: "):
        to_pair(rgb, rgb[:, 1:])
    with pytest.raises(InvalidInput, match=r"^right is an array of shape"):
        to_pair(rgb, rgb[None])


def test_pictures_are_loaded_from_paths_and_files(tmp_path, rgb):
    path = tmp_path / "left.png"
    Image.fromarray(rgb).save(path)
    for source in (path, str(path), io.BytesIO(path.read_bytes())):
        np.testing.assert_array_equal(np.asarray(load_image(source)), rgb)


def test_what_cannot_be_loaded_is_explained(tmp_path):
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    empty = tmp_path / "empty.png"
    empty.touch()
    for path, message in [
        (tmp_path / "missing.png", "missing.png: no such file"),
        (tmp_path, "is a folder"),
        (text, "text.png is not a picture"),
        (empty, "empty.png is not a picture"),
        ("a\0b", "cannot be read"),
    ]:
        with pytest.raises(InvalidInput, match=message):
            load_image(path)
    with pytest.raises(InvalidInput, match=r"^standard input is not a picture"):
        load_image(io.BytesIO(b""), "standard input")


def test_permission_denied_is_explained(monkeypatch, tmp_path):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", denied)
    with pytest.raises(InvalidInput, match=r"x.png cannot be read: permission denied"):
        load_image(tmp_path / "x.png")


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
def test_every_truncation_is_an_error_or_the_same_picture(image_format):
    # A few formats end in bytes without pixels, which Pillow does not miss.
    values = np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    data = stored(Image.fromarray(values), image_format).getvalue()
    whole = to_rgb8(load_image(io.BytesIO(data)), "left")
    refused = 0
    for end in range(len(data)):
        try:
            array = to_rgb8(load_image(io.BytesIO(data[:end]), "left"), "left")
        except InvalidInput:
            refused += 1
        else:
            np.testing.assert_array_equal(array, whole)
    assert refused > len(data) // 2


def test_a_huge_claim_is_refused_before_pixels_are_decoded():
    for width, height in [(MAX_PIXELS // 100, 101), (10_000, 10_000), (100_000, 100_000)]:
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        chunk = b"IHDR" + header
        png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
        png += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
        with pytest.raises(InvalidInput, match=r"too many pixels|a .bsc file holds sides"):
            load_image(io.BytesIO(png))


def test_psnr():
    reference = np.full((4, 5, 3), 100, np.uint8)
    assert psnr(reference, reference) == math.inf
    assert psnr(reference, reference + 1) == pytest.approx(10 * math.log10(255**2))
    black, white = np.zeros((4, 5, 3), np.uint8), np.full((4, 5, 3), 255, np.uint8)
    assert psnr(black, white) == pytest.approx(0)
    one = reference.copy()
    one[2, 3, 1] += 6
    assert psnr(one, reference) == pytest.approx(10 * math.log10(255**2 * 60 / 36))
    with pytest.raises(InvalidInput, match="one shape"):
        psnr(reference, reference[:2])


def test_outputs(rgb):
    assert from_rgb8(rgb, "numpy") is rgb
    image = from_rgb8(rgb, "pil")
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), rgb)
    tensor = from_rgb8(rgb, "torch")
    assert tensor.dtype == torch.uint8
    assert tensor.is_contiguous()
    np.testing.assert_array_equal(tensor.numpy(), rgb.transpose(2, 0, 1))
    with pytest.raises(InvalidInput, match="output is 'jax'"):
        from_rgb8(rgb, "jax")
