"""Code on the pages of the documentation, run where it needs only the sample pair, a model or the Hub."""

from __future__ import annotations

import re
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import REPOSITORY, image_size, sample_crop
from hub_machine import done as said_by
from hub_server import TOKEN
from mpo_files import jpeg, mpo
from pages import PAGES, done, run_page, steps
from PIL import Image
from rgbd_frames import frame

from stereocodec import StereoCodec, read_calibration

pytestmark = pytest.mark.slow

DOCS = REPOSITORY / "docs"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with the sample pair where a checkout has it."""
    (tmp_path / "docs" / "sample").mkdir(parents=True)
    for name in ("left.png", "right.png", "calib.txt"):
        shutil.copy(DOCS / "sample" / name, tmp_path / "docs" / "sample")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_for_beginners(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    for view in ("left", "right"):  # a part is enough, and quicker
        path = folder / "docs" / "sample" / f"{view}.png"
        with Image.open(path) as image:
            image.crop((300, 200, 684, 456)).save(path)
    run_page("docs/start.md")
    assert (folder / "small.bsc").stat().st_size < (folder / "pair.bsc").stat().st_size
    for name in ("pair_left.png", "pair_right.png", "left.webp", "right.webp"):
        with Image.open(folder / name) as image:
            assert image.size == (384, 256)


def test_the_page_on_looking(folder, monkeypatch, tiny_codec):
    for view in ("left", "right"):  # a part is enough, and quicker
        path = folder / "docs" / "sample" / f"{view}.png"
        with Image.open(path) as image:
            image.crop((300, 200, 428, 328)).save(path)
    for method in ("from_pretrained", "for_file"):  # a quick one
        monkeypatch.setattr(StereoCodec, method, lambda *arguments, **settings: tiny_codec)
    opened = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("webbrowser.get", lambda: SimpleNamespace(open=lambda address: opened.append(address) or True))
    *lines, code = steps("docs/view.md")
    for line in lines:
        done(line.arguments)
    assert len(opened) == 1
    assert "<dt>PSNR</dt>" in (folder / "page.html").read_text(encoding="utf-8")
    assert (folder / "small.html").is_file()
    (folder / "page.html").unlink()
    exec(compile(code, "view.md", "exec"), {})
    assert (folder / "page.html").read_bytes().startswith(b"<!DOCTYPE html>")


def test_the_page_of_many_pairs(folder, tiny_codec, monkeypatch):
    """With one pair, which needs no other process, and a small model; test_ray.py has a cluster."""
    for load in ("from_pretrained", "for_file"):
        monkeypatch.setattr(StereoCodec, load, lambda *_, **__: tiny_codec)
    (folder / "pairs" / "deep").mkdir(parents=True)
    for side, view in zip(("left", "right"), sample_crop(64, 64), strict=True):
        Image.fromarray(view).save(folder / "pairs" / "deep" / f"b_{side}.png")
    run_page("docs/many.md", without="ray")
    for name in ("coded/deep/b.bsc", "coded/manifest.csv", "pictures/deep/b_left.webp", "again/deep/b.bsc"):
        assert (folder / name).is_file(), name


def test_the_page_of_effort(folder, tiny_codec, monkeypatch):
    monkeypatch.setattr(StereoCodec, "from_pretrained", lambda *_, **__: tiny_codec)
    for side, view in zip(("left", "right"), sample_crop(64, 64), strict=True):
        Image.fromarray(view).save(folder / f"{side}.png")
    run_page("docs/effort.md")
    assert all((folder / name).is_file() for name in ("archive.bsc", "quick.bsc"))


def test_the_page_of_large_pairs(folder, tiny_codec, monkeypatch):
    for load in ("from_pretrained", "for_file"):
        monkeypatch.setattr(StereoCodec, load, lambda *_, **__: tiny_codec)
    for side, view in zip(("left", "right"), sample_crop(192, 128), strict=True):
        Image.fromarray(view).save(folder / f"{side}.png")
    run_page("docs/large.md")
    assert image_size(folder / "detail" / "pair_left.png") == (80, 60)
    assert image_size(folder / "rescued" / "pair_right.png") == (128, 192)


def test_the_page_of_stereo_pictures(folder, tiny_codec, monkeypatch):
    """All its code, in order, with files of the forms that it names, and a small model."""
    for load in ("from_pretrained", "for_file"):
        monkeypatch.setattr(StereoCodec, load, lambda *_, **__: tiny_codec)
    left, right = (Image.fromarray(view) for view in sample_crop(64, 64))
    left.save(folder / "left.png")
    right.save(folder / "right.png")
    (folder / "calib.txt").write_text("baseline=65\nwidth=64\nheight=64\n")
    (folder / "photo.mpo").write_bytes(mpo([jpeg(left), jpeg(right)]))
    both = Image.new("RGB", (128, 64))
    both.paste(left, (0, 0))
    both.paste(right, (64, 0))
    both.save(folder / "photo_SBS.jpg")
    for view, image in (("left", left), ("right", right)):
        np.save(folder / f"{view}.npy", np.asarray(image))
    np.savez(folder / "pair.npz", left=np.asarray(left), right=np.asarray(right))
    films = pytest.importorskip("films", reason="needs PyAV, of the extra video")
    (folder / "film.mkv").write_bytes(films.film([np.asarray(both)] * 3, metadata=[{"stereo_mode": "left_right"}]))
    run_page("docs/pictures.md")
    assert [view.size for view in tiny_codec.decompress((folder / "photo.bsc").read_bytes())] == [(64, 64)] * 2
    assert read_calibration(folder / "cameras.json") == {"size": [64, 64], "baseline": 0.065}
    # The last photo.bsc holds a picture of half width, and comes back as one.
    for name, size in (
        ("photo_half-sbs.png", (128, 64)),
        ("new/folder/photo_half-sbs.webp", (128, 64)),
        ("again.mpo", (128, 64)),
        ("again.jps", (256, 64)),
        ("both.png", (256, 64)),
        ("glasses.png", (128, 64)),
        ("saved.mpo", (64, 64)),
        ("saved.png", (64, 128)),
    ):
        with Image.open(folder / name) as image:
            assert image.size == size, name


def test_the_page_for_programmers(folder, capsys):
    with warnings.catch_warnings():  # the page changes the filters
        run_page("docs/python.md")
    output = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d\.\d\d bits per pixel", output[0])
    assert "above the limit of 100000" in output[1]
    assert output[2].startswith("960 640 50 ")
    quality, size = map(int, output[3].split())
    assert (quality, size > 1000) == (30, True)
    assert output[4] == "48 pixels, 1.35 m"
    assert output[5] == "(960, 640)"
    assert "look exchanged" in output[6]
    assert len(output) == 9
    for name, size in (("views/right.webp", (960, 640)), ("pair.mpo", (960, 640)), ("glasses.png", (960, 640))):
        with Image.open(folder / name) as image:
            assert image.size == size
    with Image.open(folder / "crop.bsc") as image:
        assert (image.size, image.n_frames) == ((96, 64), 2)


def test_the_page_for_depth_cameras(folder):
    color, depth = frame(100, 130)
    Image.fromarray(color).save("color.png")
    Image.fromarray(depth).save("depth.png")
    Path("frames").mkdir()
    shutil.copy("color.png", "frames/one_color.png")
    shutil.copy("depth.png", "frames/one_depth.png")
    names = {"color": color, "depth": depth}
    run_page("docs/rgbd.md", names)
    with Image.open("frame_depth.png") as image:
        assert np.array_equal(np.asarray(image) == 0, depth == 0)
    assert np.array_equal(np.isnan(names["metres"]), depth == 0)
    assert names["codec"].name == "bisic-rt"
    assert np.abs(np.load("depth.npy").astype(int) - depth).max() <= 5
    with Image.open("pictures/one_depth.png") as image:
        assert (np.abs(np.asarray(image).astype(int) - depth) <= depth // 200).all()


def test_the_page_of_the_hub(folder, machine, hub, release_files):
    commit = hub.add("org/name", release_files)
    for view in ("left", "right"):
        with Image.open(f"docs/sample/{view}.png") as image:
            image.crop((0, 0, 96, 64)).save(f"{view}.png")
    for step in steps("docs/hub.md"):
        if isinstance(step, str):
            assert said_by(machine.python(step)) == ""
        else:
            if "--pull" in step.arguments:
                machine.home = folder / "elsewhere"
            said_by(machine.bisic(*step.arguments, HF_TOKEN=TOKEN))
    assert (folder / "pair_left.png").is_file()
    assert commit in hub.repositories["org/name"].commits
    assert "org/copy" in hub.repositories


def test_every_page_is_in_a_table_of_contents():
    pages = {path.name for path in DOCS.glob("*.md")}
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    entries = [line for tree in re.findall(r"```{toctree}\n(.*?)```", index, re.S) for line in tree.split("\n")]
    listed = {path.name for entry in entries if entry and ":" not in entry for path in DOCS.glob(f"{entry}.md")}
    assert listed | {"index.md"} == pages


@pytest.mark.parametrize("page", ["CHANGELOG.md", *PAGES])
def test_addresses_are_whole_and_papers_are_those_that_are_named(page):
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    for words, address in re.findall(r"\[([^\]]+)\]\((\w+:[^)]*)\)", text):
        assert re.fullmatch(r"https://[a-z0-9.-]+\.[a-z]{2,}(/[\w.~/#-]*)?", address), address
        number = re.fullmatch(r"https://(?:doi\.org|arxiv\.org/abs)/(.+)", address)
        assert not number or words.endswith(f" {number[1]}"), (words, address)
