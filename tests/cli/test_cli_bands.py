"""`bisic` on files in bands: parts, damage, threads, and what it says of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from banded import encoded_in_bands
from commands import error_line, run
from conftest import sample_crop
from PIL import Image

from stereocodec import StereoCodec
from stereocodec.container import rows_of_bands

HEIGHT, WIDTH = 256, 64


@pytest.fixture(scope="module")
def container(tiny_codec):
    return encoded_in_bands(tiny_codec, sample_crop(HEIGHT, WIDTH), 2, quality=50)


@pytest.fixture
def folder(container, tiny_codec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for load in ("from_pretrained", "for_file"):
        monkeypatch.setattr(StereoCodec, load, lambda *_, **__: tiny_codec)
    data = container.to_bytes()
    (tmp_path / "pair.bsc").write_bytes(data)
    (tmp_path / "cut.bsc").write_bytes(data[:-50])
    return tmp_path


def wrong_usage(*arguments):
    """The last line of what is said of wrong usage."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    return result.stderr.splitlines()[-1]


def picture(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_region_and_the_whole(folder):
    assert run("decode", "pair.bsc").exit_code == 0
    result = run("decode", "pair.bsc", "-o", "part/", "--region", "5,100,40,60", "--threads", "2")
    assert (result.exit_code, "40x60" in result.output) == (0, True)
    for view in ("left", "right"):
        expected = picture(f"pair_{view}.png")[100:160, 5:45].astype(int)
        assert np.abs(picture(f"part/pair_{view}.png") - expected).max() <= 1
    assert run("decode", "pair.bsc", "-o", "both.png", "--region", "0,0,30,20").exit_code == 0
    assert picture("both.png").shape == (20, 60, 3)


@pytest.mark.parametrize("region", ["1,2,3", "a,b,c,d", "1,2,3,-4", "1;2;3;4", ""])
def test_regions_that_are_none_are_wrong_usage(folder, region):
    assert "--region" in wrong_usage("decode", "pair.bsc", "--region", region)
    assert not list(folder.glob("*.png"))


def test_a_region_beyond_the_views(folder):
    message = error_line(run("decode", "pair.bsc", "--region", "0,0,65,1"))
    assert "within the views of 64x256" in message
    assert not list(folder.glob("*.png"))


def test_what_is_whole_of_a_damaged_file(folder, container):
    assert "band 2 of 2 (rows 128 to 255)" in error_line(run("decode", "cut.bsc"))
    assert not list(folder.glob("*.png"))
    result = run("decode", "cut.bsc", "--salvage")
    assert result.exit_code == 1
    assert "in grey: band 2 of 2 (rows 128 to 255)" in result.stderr
    first, end = rows_of_bands(HEIGHT, 2)[1]
    assert (picture("cut_left.png")[first:end] == 128).all()
    assert run("decode", "pair.bsc", "-Q").exit_code == 0
    np.testing.assert_array_equal(picture("cut_right.png")[:40], picture("pair_right.png")[:40])
    assert run("decode", "-", "-o", "piped/", "--salvage", stdin=(folder / "cut.bsc").read_bytes()).exit_code == 1
    np.testing.assert_array_equal(picture("piped/left.png"), picture("cut_left.png"))


def test_an_intact_file_is_salvaged_without_a_word(folder):
    result = run("decode", "pair.bsc", "--salvage")
    assert (result.exit_code, result.stderr) == (0, "")
    (folder / "no.bsc").write_bytes(b"GIF89a")
    assert "not a .bsc file" in error_line(run("decode", "no.bsc", "--salvage"))
    assert "no such file" in error_line(run("decode", "missing.bsc", "--salvage"))


@pytest.mark.parametrize(
    "options", [["--salvage", "--region", "0,0,8,8"], ["pair.bsc", "--salvage"], ["pair.bsc", "--threads", "1"]]
)
def test_options_that_do_not_go_together(folder, options):
    wrong_usage("decode", "cut.bsc", *options, "-o", "out/")
    assert not (folder / "out").exists()


def test_threads(folder, torch_threads):
    for view, pixels in zip(("left", "right"), sample_crop(HEIGHT, WIDTH), strict=True):
        Image.fromarray(pixels).save(f"{view}.png")
    assert run("encode", "left.png", "right.png", "-o", "one.bsc", "--threads", "1").exit_code == 0
    assert torch.get_num_threads() == 1
    for number in ("0", "-1", "x", "5000"):
        message = wrong_usage("encode", "left.png", "right.png", "-o", "no.bsc", "--threads", number)
        assert "--threads" in message
    assert "--threads" in wrong_usage("encode", str(folder), "-o", "out/", "--threads", "2")


def test_info_tells_of_the_bands(folder, container):
    text = run("info", "pair.bsc").output
    assert "bands:       2 of 128 to 128 rows" in text
    assert "version 1.4" in text
    described = json.loads(run("info", "pair.bsc", "--json").output)
    assert [band["rows"] for band in described["bands"]] == [[0, 127], [128, 255]]
    assert (
        sum(band["bytes"] for band in described["bands"])
        + described["overhead"]
        + sum(chunk["bytes"] for chunk in described["chunks"])
        == described["bytes"]
    )
    assert described["checksums"]["latents"] is None
    assert [band["latents"] for band in described["bands"]] == [f"{one.latent_checksum:08x}" for one in container.bands]
