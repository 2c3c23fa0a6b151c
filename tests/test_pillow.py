"""The Pillow plug-in: `.bsc` files open as images of two frames, and two images are saved as one."""

from __future__ import annotations

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import save_tiny
from PIL import Image, UnidentifiedImageError

import stereocodec.pillow
from stereocodec import StereoCodec
from stereocodec.container import HEADER_BYTES, Container
from stereocodec.errors import InvalidInput


@pytest.fixture(scope="module")
def views(pair):
    return tuple(Image.fromarray(view) for view in pair)


@pytest.fixture(scope="module")
def data(views):
    left, right = views
    file = io.BytesIO()
    left.save(file, "BSC", save_all=True, append_images=[right], quality=40, device="cpu")
    return file.getvalue()


@pytest.fixture(scope="module")
def decoded(data):
    return StereoCodec.from_pretrained(device="cpu").decompress(data)


def test_a_saved_pair_is_what_the_codec_writes(data, views):
    assert data == StereoCodec.from_pretrained(device="cpu").compress(*views, quality=40)


def test_a_file_opens_as_two_frames(data, decoded, tmp_path):
    (tmp_path / "pair.bsc").write_bytes(data)
    with Image.open(tmp_path / "pair.bsc") as image:
        assert (image.format, image.mode, image.size) == ("BSC", "RGB", (96, 64))
        assert (image.n_frames, image.is_animated, image.tell()) == (2, True, 0)
        assert image.info == {"quality": 40, "model_id": Container.from_bytes(data).model_id.hex()}
        assert image.get_format_mimetype() == "image/vnd.stereocodec.bsc"
        for frame in (1, 0, 1):
            image.seek(frame)
            assert image.tell() == frame
            assert image.tobytes() == decoded[frame].tobytes()
        for frame in (2, -1):
            with pytest.raises(EOFError):
                image.seek(frame)
        assert image.tell() == 1
        # What was opened can be saved again, from any frame, and is left where it was.
        again = io.BytesIO()
        image.save(again, "BSC", save_all=True, device="cpu")
        assert image.tell() == 1
    with Image.open(again) as image:
        assert image.n_frames == 2


def test_the_extension_saves(views, tmp_path):
    path = tmp_path / "pair.bsc"
    views[0].save(path, save_all=True, append_images=[views[1]], model=save_tiny(tmp_path / "tiny"), device="cpu")
    assert Container.from_bytes(path.read_bytes()).chunk("MODL") == b"tiny"
    # The weights of this one are not known here: seen when the pixels are asked for, not before.
    with Image.open(path) as image, pytest.raises(OSError, match="name its release folder"):
        image.load()


@pytest.mark.parametrize("settings", [{}, {"save_all": True}, {"save_all": True, "append_images": 2}])
def test_one_view_or_three_are_refused_and_leave_no_file(views, tmp_path, settings):
    settings = dict(settings)
    if "append_images" in settings:
        settings["append_images"] = [views[1]] * 2
    with pytest.raises(OSError, match="two views"):
        views[0].save(tmp_path / "pair.bsc", **settings)
    assert list(tmp_path.iterdir()) == []


def test_views_of_different_sizes_are_refused(views):
    with pytest.raises(InvalidInput):
        views[0].save(io.BytesIO(), "BSC", save_all=True, append_images=[views[1].crop((0, 0, 5, 5))], device="cpu")


def test_damage(data):
    with Image.open(io.BytesIO(data[:-9] + bytes(9))) as image, pytest.raises(OSError, match="damaged"):
        image.load()
    with pytest.raises(OSError, match="truncated"):
        Image.open(io.BytesIO(data[:12]))
    with Image.open(io.BytesIO(data[:-9] + bytes(9))) as image, pytest.raises(OSError, match="damaged"):
        image.verify()
    with Image.open(io.BytesIO(data)) as image:
        image.verify()


def test_a_closed_image_says_so(data, tmp_path):
    (tmp_path / "pair.bsc").write_bytes(data)
    with Image.open(tmp_path / "pair.bsc") as image:
        pass
    with pytest.raises(ValueError, match="was closed"):
        image.load()


def test_threads_get_the_weights_of_their_own_files(data, views, tmp_path, monkeypatch):
    other = StereoCodec.from_pretrained(save_tiny(tmp_path / "tiny"), device="cpu")
    other_data = other.compress(*views, quality=40)
    for_file = StereoCodec.for_file
    is_other = {other.model_id: other}
    monkeypatch.setattr(StereoCodec, "for_file", lambda file: is_other.get(file.model_id) or for_file(file))
    monkeypatch.setattr(stereocodec.pillow, "_last", [])
    expected = [StereoCodec.decompress(other, other_data)[0].tobytes(), for_file(data).decompress(data)[0].tobytes()]

    def first_view(number):
        with Image.open(io.BytesIO((other_data, data)[number % 2])) as image:
            return image.tobytes() == expected[number % 2]

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(first_view, range(8)))
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(b"no picture"))


class CountingFile(io.BytesIO):
    """Knows how far it was read."""

    furthest = 0

    def read(self, size=-1):
        found = super().read(size)
        self.furthest = max(self.furthest, self.tell())
        return found


def test_opening_reads_the_header_alone(data):
    file = CountingFile(data)
    with Image.open(file) as image:
        assert image.size == (96, 64)
        assert file.furthest < 64 < len(data)
        image.load()
        assert file.furthest == len(data)


def test_the_next_picture_of_the_same_weights_needs_no_loading(data, monkeypatch):
    monkeypatch.setattr(stereocodec.pillow, "_last", [])
    loaded = []
    for_file = StereoCodec.for_file
    monkeypatch.setattr(StereoCodec, "for_file", lambda *arguments: loaded.append(1) or for_file(*arguments))
    for _ in range(3):
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    assert len(loaded) == 1


def test_the_plug_in_needs_no_torch_until_pixels_are_asked_for(data, tmp_path):
    (tmp_path / "pair.bsc").write_bytes(data)
    script = (
        "import sys, stereocodec.pillow; from PIL import Image\n"
        "with Image.open(sys.argv[1]) as image: print(image.size, 'torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script, tmp_path / "pair.bsc"], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("(96, 64) False\n", "")
    assert stereocodec.pillow.EXTENSION in Image.registered_extensions()


def test_a_file_that_was_closed_meanwhile_says_so(data):
    file = io.BytesIO(data)
    with Image.open(file) as image:
        file.close()
        with pytest.raises(ValueError, match="closed file"):
            image.load()


def test_a_raw_file_that_gives_less_than_is_asked_for(data):
    class Raw(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 7) if size > HEADER_BYTES else size)

    with Image.open(Raw(data)) as image:
        image.load()
        assert image.size == (96, 64)
