"""Depth maps of NumPy and OpenEXR, and files that are none."""

from __future__ import annotations

import builtins
import io

import numpy as np
import pytest
from conftest import one_line
from PIL import Image

from stereocodec.errors import InvalidInput, OutputError
from stereocodec.pictures.depth import DepthMap, to_depth_map
from stereocodec.pictures.depth_files import depth_bytes, read_depth

SAMPLES = np.array([[0, 500, 1000], [2000, 40000, 65535]], dtype=np.uint16)
MAP = DepthMap(SAMPLES, 0.001)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".pgm", ".npy", ".exr"])
def test_what_is_written_is_read_again(tmp_path, suffix):
    path = tmp_path / f"depth{suffix}"
    path.write_bytes(depth_bytes(MAP, suffix, str(path)))
    read = to_depth_map(read_depth(path, "depth"))
    np.testing.assert_array_equal(read.samples, SAMPLES)


@pytest.mark.parametrize(("invalid", "most"), [(0, 1), (1000, 1), (65535, 0.5)])
def test_metres_become_the_nearest_step_that_is_a_measurement(invalid, most):
    steps = np.clip(invalid + np.linspace(-3, 3, 601), 0.01, 65534.4)[None]
    read = to_depth_map(steps / 1000, invalid=invalid)
    assert not read.holes.any()
    errors = np.abs(read.samples - steps)
    assert errors.max() <= most
    assert errors[np.rint(steps) != invalid].max() <= 0.5 + 1e-9


def test_metres_beyond_the_samples_are_refused():
    for largest, invalid in ((65.536, 0), (65.535, 65535), (2500, 0)):
        with pytest.raises(InvalidInput, match=r"floats are metres, .* divide millimetres by 1000"):
            to_depth_map(np.array([[1.0, largest]]), invalid=invalid)
    with pytest.raises(InvalidInput, match="goes up to 1 m"):
        to_depth_map(np.ones((2, 3)), unit=1e-320)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3), (2, 3, 1)])
def test_arrays_of_numpy(tmp_path, dtype, shape):
    array = (np.arange(6) * 7).astype(dtype).reshape(shape)
    np.save(tmp_path / "depth.npy", array)
    for source in (tmp_path / "depth.npy", io.BytesIO((tmp_path / "depth.npy").read_bytes())):
        np.testing.assert_array_equal(read_depth(source, "depth"), array)


@pytest.mark.parametrize("array", [np.zeros((2, 3, 4)), np.zeros(6), np.zeros((2, 0)), np.zeros((2, 3), dtype="U4")])
def test_arrays_that_are_no_depth(tmp_path, array):
    np.save(tmp_path / "depth.npy", array)
    with pytest.raises(InvalidInput, match="depth is H x W numbers") as error:
        read_depth(tmp_path / "depth.npy", "depth.npy")
    one_line(error)


def test_sizes_are_checked_before_samples_are_read():
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<u2", "fortran_order": False, "shape": (60000, 60000)})
    head.seek(0)
    with pytest.raises(InvalidInput, match="60000x60000"):
        read_depth(head, "bomb.npy")


def exr(path, channels):
    import OpenEXR

    head = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(head, channels).write(str(path))
    return path


def test_the_channel_of_depth(tmp_path):
    metres = np.linspace(0.5, 3, 6, dtype=np.float32).reshape(2, 3)
    others = {name: np.zeros((2, 3), np.float32) for name in "RGB"}
    for channels in ({"Z": metres, **others}, {"V": metres}, {"depth": metres, "A": metres + 1}):
        np.testing.assert_array_equal(read_depth(exr(tmp_path / "x.exr", channels), "x.exr"), metres)
    half = read_depth(exr(tmp_path / "x.exr", {"Z": metres.astype(np.float16)}), "x.exr")
    assert half.dtype == np.float32
    with pytest.raises(InvalidInput, match=r"channels that are no depth \(B, G, R\)") as error:
        read_depth(exr(tmp_path / "x.exr", others), "x.exr")
    one_line(error)


def test_damaged_and_streamed_exr(tmp_path):
    path = exr(tmp_path / "x.exr", {"Z": np.ones((40, 30), np.float32)})
    data = path.read_bytes()
    with pytest.raises(InvalidInput, match="read from a file alone"):
        read_depth(io.BytesIO(data), "standard input")
    path.write_bytes(data[:100])
    with pytest.raises(InvalidInput, match="is a damaged EXR") as error:
        read_depth(path, "x.exr")
    one_line(error)


def test_without_its_package_exr_says_what_to_install(tmp_path, monkeypatch):
    path = exr(tmp_path / "x.exr", {"Z": np.ones((4, 3), np.float32)})
    imported = builtins.__import__

    def missing(name, *more):
        if name == "OpenEXR":
            raise ImportError(name)
        return imported(name, *more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InvalidInput, match=r"pip install 'stereocodec\[exr\]'"):
        read_depth(path, "x.exr")
    with pytest.raises(OutputError, match=r"pip install 'stereocodec\[exr\]'"):
        depth_bytes(MAP, ".exr", "x.exr")


def test_maps_of_confidence_are_refused(tmp_path):
    levels = np.array([[0, 1, 2], [2, 2, 1]], dtype=np.uint8)
    Image.fromarray(levels).save(tmp_path / "0001.png")
    np.save(tmp_path / "0001.npy", levels)
    Image.fromarray(SAMPLES).save(tmp_path / "0001_confidence.png")
    for name in ("0001.png", "0001.npy", "0001_confidence.png"):
        with pytest.raises(InvalidInput, match="confidence is not kept, give the depth map itself") as error:
            read_depth(tmp_path / name, name)
        one_line(error)
    np.save(tmp_path / "0001.npy", levels + 1)
    read_depth(tmp_path / "0001.npy", "0001.npy")


def test_depth_goes_to_no_other_format():
    with pytest.raises(OutputError, match=r"x.jpg cannot hold depth: use .png"):
        depth_bytes(MAP, ".jpg", "x.jpg")
