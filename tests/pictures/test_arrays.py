"""Pairs in NumPy's files."""

from __future__ import annotations

import io
import os
import threading

import numpy as np
import pytest
from commands import error_line, posix_only, run
from PIL import Image

from stereocodec.container.layouts import Layout
from stereocodec.container.shown import Channels
from stereocodec.errors import InvalidInput
from stereocodec.pictures.open_pair import open_pair

RANDOM = np.random.default_rng(0)
LEFT, RIGHT = RANDOM.integers(0, 256, (2, 6, 8, 3), dtype=np.uint8)
GREY_LEFT, GREY_RIGHT = LEFT[..., 1], RIGHT[..., 1]


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    return file


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    file.seek(0)
    return file


def assert_views(pair, left=LEFT, right=RIGHT):
    np.testing.assert_array_equal(pair.left.shown(), left)
    np.testing.assert_array_equal(pair.right.shown(), right)


@pytest.mark.parametrize(
    "keys",
    [
        ("left", "right"),
        ("L", "R"),
        ("im0", "im1"),
        ("image0", "image1"),
        ("image_left", "image_right"),
        ("left_image", "right_image"),
        ("img_left", "img_right"),
        ("rgb_left", "rgb_right"),
        ("left_view", "right_view"),
        ("arr_0", "arr_1"),
    ],
)
def test_names_tell_the_views_of_an_archive_whatever_their_order(keys):
    left, right = keys
    assert_views(open_pair(npz(**{right: RIGHT, left: LEFT})))


def test_compressed_archives_and_calibration_beside_the_views(tmp_path):
    path = tmp_path / "pair.npz"
    np.savez_compressed(path, right=RIGHT, K_left=np.eye(3), left=LEFT, K_right=np.eye(3), baseline=np.float64(0.1))
    assert_views(open_pair(path))
    assert_views(open_pair(path, swap=True), RIGHT, LEFT)


def test_an_array_of_both_views(tmp_path):
    np.save(tmp_path / "pair.npy", np.stack([LEFT, RIGHT]))
    assert_views(open_pair(tmp_path / "pair.npy"))
    assert_views(open_pair(npy(np.asfortranarray(np.stack([LEFT, RIGHT])))))
    assert_views(open_pair(npz(pair=np.stack([LEFT, RIGHT]))))
    assert_views(open_pair(npy(np.stack([LEFT, RIGHT])), layout="mpo"))
    assert open_pair(tmp_path / "pair.npy").left.channels is Channels.RGB


@pytest.mark.parametrize(
    "file",
    [
        npz(left=GREY_LEFT, right=GREY_RIGHT),
        npz(left=GREY_LEFT[..., None], right=GREY_RIGHT[..., None]),
        npy(np.stack([GREY_LEFT, GREY_RIGHT])),
        npy(np.stack([GREY_LEFT, GREY_RIGHT])[..., None]),
    ],
)
def test_grey_pairs_stay_grey(file):
    pair = open_pair(file)
    assert pair.left.channels is pair.right.channels is Channels.GREY
    assert_views(pair, GREY_LEFT, GREY_RIGHT)


@pytest.mark.parametrize("make", [npy, lambda array: npz(arr_0=array)])
def test_one_picture_of_both_views_needs_a_layout(make):
    beside = np.concatenate([LEFT, RIGHT], 1)
    pair = open_pair(make(beside), layout="sbs-cross")
    assert_views(pair, RIGHT, LEFT)
    assert pair.metadata.layout is Layout.SBS_CROSS
    assert_views(open_pair(make(np.concatenate([GREY_LEFT, GREY_RIGHT])), layout="tb"), GREY_LEFT, GREY_RIGHT)
    with pytest.raises(
        InvalidInput, match=r"16x6 \(2.67:1\) that does not say how it holds two views: give --layout sbs"
    ):
        open_pair(make(beside))


def test_two_rows_with_channels_are_a_picture_and_not_two_views():
    rows = np.stack([LEFT[0], RIGHT[0]])
    assert_views(open_pair(npy(rows), layout="tb"), LEFT[:1], RIGHT[:1])
    grey = np.stack([GREY_LEFT[0], GREY_RIGHT[0]])[..., None]
    assert_views(open_pair(npy(grey), layout="tb"), GREY_LEFT[:1], GREY_RIGHT[:1])


@pytest.mark.parametrize("file", [npy(np.stack([LEFT, RIGHT])), npz(left=LEFT, right=RIGHT)])
def test_a_layout_of_what_needs_none_is_refused(file):
    with pytest.raises(InvalidInput, match=r"holds two views.*leave the layout out"):
        open_pair(file, layout="sbs")


@pytest.mark.parametrize(
    "arrays",
    [
        {"left": LEFT, "right": RIGHT, "im0": LEFT, "im1": RIGHT},
        {"a": LEFT, "b": RIGHT},
        {"left": LEFT, "b": RIGHT},
        {"arr_0": LEFT, "arr_1": RIGHT, "arr_2": np.eye(3)},
    ],
)
def test_names_that_do_not_tell_the_views_are_listed(arrays):
    with pytest.raises(InvalidInput) as caught:
        open_pair(npz(**arrays), name="pair.npz")
    message = str(caught.value)
    assert message.startswith(f"pair.npz holds {len(arrays)} arrays, {', '.join(arrays)}: ")
    assert message.endswith("numpy.savez(path, left=left, right=right)")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (LEFT.astype(np.float32) / 255, r"array of float32, it must be uint8: use np.clip\(np.round\(255 \* array\)"),
        (LEFT > 100, r"array of bool.*astype\(np.uint8\) \* 255"),
        (LEFT.astype(np.uint16), r"array of uint16.*array.astype\(np.uint8\)"),
        (LEFT.transpose(2, 0, 1), r"shape \(3, 6, 8\): it must be H x W x 3, e.g. array.transpose\(1, 2, 0\)"),
        (np.zeros((6, 8, 4), np.uint8), r"remove the alpha channel"),
        (np.zeros((0, 8, 3), np.uint8), r"no pixels: its size is 8x0"),
    ],
)
def test_arrays_that_are_no_pictures_say_what_to_do_as_those_in_memory_do(array, message):
    for file, view in ((npy(np.stack([array, array])), "left"), (npz(right=array, left=LEFT), "right")):
        with pytest.raises(InvalidInput, match=f"^x: {view} .*{message}"):
            open_pair(file, name="x")


def test_an_odd_side_is_not_that_of_two_views():
    with pytest.raises(InvalidInput, match=r"^x has a height of 5 pixels, which is not that of two views"):
        open_pair(npy(LEFT[:5]), name="x", layout="tb")


def test_views_of_different_size():
    with pytest.raises(InvalidInput, match=r"left is 8x6, right is 7x6.*crop or rectify"):
        open_pair(npz(left=LEFT, right=RIGHT[:, :7]))


def test_the_command_takes_an_archive_and_two_arrays(folder, raw_codec):
    dark_left, dark_right = LEFT // 2, RIGHT // 2
    np.savez("pair.npz", left=dark_left, right=dark_right)
    np.save("left.npy", dark_left)
    np.save("right.npy", dark_right)
    Image.fromarray(dark_right).save("other.png")
    for number, inputs in enumerate((["pair.npz"], ["left.npy", "right.npy"], ["left.npy", "other.png"])):
        result = run("encode", *inputs, "-o", f"{number}.bsc")
        assert result.exit_code == 0, result.output
        assert "PSNR: left 48.13 dB, right inf dB" in result.output
    assert (folder / "0.bsc").read_bytes() == (folder / "1.bsc").read_bytes() == (folder / "2.bsc").read_bytes()
    piped = run("encode", "left.npy", "-", "-o", "3.bsc", stdin=(folder / "right.npy").read_bytes())
    assert piped.exit_code == 0, piped.output
    assert (folder / "3.bsc").read_bytes() == (folder / "0.bsc").read_bytes()


@posix_only
def test_a_pipe_that_can_be_read_but_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for data, layout in ((npz(left=LEFT, right=RIGHT), None), (npy(np.concatenate([LEFT, RIGHT], 1)), "sbs")):
        thread = threading.Thread(target=pipe.write_bytes, args=(data.getvalue(),), daemon=True)
        thread.start()
        assert_views(open_pair(pipe, layout=layout))
        thread.join(60)
        assert not thread.is_alive()


def test_an_array_of_both_views_is_no_view(folder, raw_codec):
    np.save("pair.npy", np.stack([LEFT, RIGHT]))
    line = error_line(run("encode", "pair.npy", "right.png", "-o", "pair.bsc"))
    assert "pair.npy holds two views on its first axis, (2, 6, 8, 3): give it alone" in line
