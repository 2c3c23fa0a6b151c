"""`bisic view`: the page, what it is compared with, and the browser."""

from __future__ import annotations

import json
import re
import webbrowser
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import numpy as np
import pytest
from commands import HEIGHT, WIDTH, error_line, names, run
from PIL import Image
from stereocodec_cli import view as view_module
from viewer_pages import page_facts

from stereocodec.container import Container, Layout, Metadata
from stereocodec.pictures.rgb import psnr


class Browser:
    """Keeps the addresses that it is to open, and what was there."""

    def __init__(self, works=True):
        self.works = works
        self.opened = []

    def open(self, address):
        path = Path(url2pathname(urlparse(address).path))
        self.opened.append((path, path.read_bytes()))
        return self.works


@pytest.fixture
def browser(monkeypatch, tmp_path):
    """The browser of a machine with a display; temporary files lie in the folder `temporary`."""
    found = Browser()
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "get", lambda: found)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(view_module.tempfile, "tempdir", str(tmp_path / "temporary"))
    return found


def facts(page):
    return page_facts(page.decode())


def test_the_page_is_written_with_what_the_file_says(pair_file, folder):
    result = run("view", "pair.bsc", "-o", "page.html")
    assert result.exit_code == 0, result.output
    page = (folder / "page.html").read_bytes()
    assert result.output == f"page.html: {len(page):,} bytes\n"
    assert facts(page)["Pictures"] == f"two views of {WIDTH}\u00d7{HEIGHT} pixels, RGB"
    assert facts(page)["Size"] == f"{pair_file.stat().st_size:,} bytes"
    assert facts(page)["Model"].startswith("raw ")
    assert "PSNR" not in facts(page)
    assert '<h1 title="pair.bsc">' in page.decode()


@pytest.mark.parametrize("together", [False, True])
def test_originals_in_one_file_or_two_give_the_psnr(pair_file, folder, together):
    given = ["--original", "left.png", "--original", "right.png"]
    if together:
        views = [np.asarray(Image.open(f"{view}.png")) for view in ("left", "right")]
        Image.fromarray(np.hstack(views)).save("both.png")
        given = ["--original", "both.png", "--layout", "sbs"]
    assert run("view", "pair.bsc", "-o", "page.html", *given).exit_code == 0
    assert facts((folder / "page.html").read_bytes())["PSNR"] == "left 48.13 dB, right no difference"  # one level off


def test_an_original_lies_as_the_file_says(pair_file, folder):
    views = [np.asarray(Image.open(f"{view}.png")) for view in ("left", "right")]
    Image.fromarray(np.vstack(views[::-1])).save("both.png")
    holds = Container.from_bytes(pair_file.read_bytes())
    chunks = Metadata(layout=Layout.TB_CROSS).to_chunks()
    pair_file.write_bytes(replace(holds, version=(1, 3), chunks=chunks).to_bytes())
    result = run("view", "pair.bsc", "-o", "page.html", "--original", "both.png")
    assert result.exit_code == 0, result.output
    assert facts((folder / "page.html").read_bytes())["PSNR"] == "left 48.13 dB, right no difference"


def test_an_original_of_several_frames(pair_file, folder):
    both = Image.fromarray(np.hstack([np.asarray(Image.open(f"{view}.png")) for view in ("left", "right")]))
    Image.new("RGB", both.size).save("both.png", save_all=True, append_images=[both])
    given = ["--original", "both.png", "--layout", "sbs", "--frame", "1"]
    result = run("view", "pair.bsc", "-o", "page.html", *given)
    assert result.exit_code == 0, result.output
    assert facts((folder / "page.html").read_bytes())["PSNR"] == "left 48.13 dB, right no difference"


def test_transparent_originals_lie_on_the_background(pair_file, folder):
    Image.new("RGBA", (WIDTH, HEIGHT)).save("clear.png")
    given = ["--original", "clear.png", "--original", "clear.png", "--background", "#102030"]
    result = run("view", "pair.bsc", "-o", "page.html", *given)
    assert result.exit_code == 0, result.output
    ground = np.full((HEIGHT, WIDTH, 3), (0x10, 0x20, 0x30), np.uint8)
    left, right = (np.asarray(Image.open(f"{view}.png")) for view in ("left", "right"))
    levels = psnr(ground, left + np.uint8(1)), psnr(ground, right)
    assert facts((folder / "page.html").read_bytes())["PSNR"] == "left {:.2f} dB, right {:.2f} dB".format(*levels)


def test_originals_that_were_exchanged(pair_file, folder):
    given = ["--original", "right.png", "--original", "left.png", "--swap"]
    assert run("view", "pair.bsc", "-o", "page.html", *given).exit_code == 0
    assert facts((folder / "page.html").read_bytes())["PSNR"].endswith("right no difference")


def test_without_a_name_the_browser_opens_a_file_that_stays(pair_file, browser, tmp_path):
    result = run("view", "pair.bsc")
    assert result.exit_code == 0, result.output
    [(path, page)] = browser.opened
    assert result.output == f"{path}: opened in the browser\n"
    assert path.read_bytes() == page
    assert path.parent.parent == tmp_path / "temporary"
    assert path.parent.stat().st_mode & 0o077 == 0
    assert page.startswith(b"<!DOCTYPE html>")


def test_a_browser_that_does_not_start_leaves_nothing(pair_file, browser, tmp_path):
    browser.works = False
    line = error_line(run("view", "pair.bsc"))
    assert line.endswith("the browser did not start: write the page with -o page.html, and open it where there is one")
    assert names(tmp_path / "temporary") == []


@pytest.mark.parametrize("has_display", [False, True])
def test_where_there_is_no_browser_the_way_out_is_named(pair_file, monkeypatch, has_display):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(view_module.sys, "platform", "linux")
    if has_display:
        monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")

        def none():
            raise webbrowser.Error("could not locate runnable browser")

        monkeypatch.setattr(webbrowser, "get", none)
    line = error_line(run("view", "pair.bsc"))
    reason = "there is no browser" if has_display else "there is no display for a browser"
    assert line == f"bisic: error: {reason}: write the page with -o page.html, and open it where there is one"


def test_a_page_is_not_overwritten_unless_forced(pair_file, folder):
    (folder / "page.html").write_text("mine")
    assert "page.html exists already" in error_line(run("view", "pair.bsc", "-o", "page.html"))
    assert (folder / "page.html").read_text() == "mine"
    assert run("view", "pair.bsc", "-o", "page.html", "-f", "-Q").output == ""
    assert (folder / "page.html").read_text().startswith("<!DOCTYPE html>")


def test_folders_are_made_and_pages_go_to_standard_output(pair_file, folder):
    assert run("view", "pair.bsc", "-o", "new/er/page.html").exit_code == 0
    result = run("view", "-", "-o", "-", stdin=pair_file.read_bytes())
    assert result.stdout_bytes.startswith(b"<!DOCTYPE html>")
    assert result.stdout_bytes.endswith(b"</html>\n")
    assert result.stderr == f"standard output: {len(result.stdout_bytes):,} bytes\n"
    assert facts(result.stdout_bytes)["File"] == "standard input"
    assert names(folder / "new" / "er") == ["page.html"]


def test_pictures_are_scaled_down_on_demand(pair_file, folder):
    assert run("view", "pair.bsc", "-o", "page.html", "--max-side", "4").exit_code == 0
    page = (folder / "page.html").read_text()
    assert json.loads(re.search(r'id="data">(.*?)</script>', page)[1])["size"] == [4, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--original", "a", "--original", "b", "--original", "c"], "--original is given once for one file"),
        (["--original", "-", "--original", "-"], "Only one of FILE and the originals can come from standard input"),
        (["--original", "left.png", "--original", "right.png", "--layout", "sbs"], "about one original"),
        (["--pull", "--model", "x"], "leave --model out"),
        (["--original", "page.html"], "The page would replace one of the inputs"),
        (["--max-side", "0"], "--max-side"),
        (["--background", "no-colour"], "--background"),
    ],
)
def test_wrong_usage(pair_file, arguments, message):
    result = run("view", "pair.bsc", "-o", "page.html", *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert not Path("page.html").exists()


@pytest.mark.parametrize(
    ("original", "message"),
    [
        ("gone.png", "error: gone.png: no such file"),
        ("left.png", "error: left.png is one picture of 8x6 (1.33:1) that does not say how it holds two views"),
        ("small.png", "error: small.png: the original is 4x6, and the file holds 8x6"),
    ],
)
def test_originals_that_cannot_be(pair_file, folder, original, message):
    Image.new("RGB", (8, 6)).save("small.png")
    layout = ["--layout", "sbs"] if original == "small.png" else []
    line = error_line(run("view", "pair.bsc", "-o", "page.html", "--original", original, *layout))
    assert message in line
    assert not (folder / "page.html").exists()


def test_a_file_that_is_none(folder):
    assert "left.png" in error_line(run("view", "left.png", "-o", "page.html"))
    assert not (folder / "page.html").exists()
