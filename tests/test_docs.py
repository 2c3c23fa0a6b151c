"""Code on the pages of the documentation: run where it needs only the sample pair, a model or the Hub; the `bisic`
lines of the other pages, which need data or hours, are held against the command's own arguments and options.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import click
import numpy as np
import pytest
from commands import run
from hub_machine import done
from hub_server import TOKEN
from PIL import Image
from rgbd_frames import frame
from stereocodec_cli.main import bisic

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))


def blocks(page):
    """(language, code) of all fenced blocks that hold code."""
    return re.findall(r"^```(python|sh)\n(.*?)^```$", (DOCS / page).read_text(encoding="utf-8"), re.M | re.S)


def bisic_lines(code):
    """Arguments of the lines that call the command, joined where they are broken by a backslash."""
    lines = code.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("bisic ")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with the sample pair where a checkout has it."""
    (tmp_path / "docs" / "sample").mkdir(parents=True)
    for view in ("left", "right"):
        shutil.copy(DOCS / "sample" / f"{view}.png", tmp_path / "docs" / "sample")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_for_beginners(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    for view in ("left", "right"):  # a part is enough, and quicker
        path = folder / "docs" / "sample" / f"{view}.png"
        with Image.open(path) as image:
            image.crop((300, 200, 684, 456)).save(path)
    lines = [line for language, code in blocks("start.md") for line in bisic_lines(code)]
    assert [line[0] for line in lines] == ["encode", "encode", "decode", "decode", "info", "models"]
    for line in lines:
        result = run(*line)
        assert result.exit_code == 0, result.output
    assert (folder / "small.bsc").stat().st_size < (folder / "pair.bsc").stat().st_size
    for name in ("pair_left.png", "pair_right.png", "left.webp", "right.webp"):
        with Image.open(folder / name) as image:
            assert image.size == (384, 256)


def test_the_page_for_programmers(folder, capsys):
    names = {}
    for language, code in blocks("python.md"):
        assert language == "python"
        exec(compile(code, "python.md", "exec"), names)
    output = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d\.\d\d bits per pixel", output[0])
    assert output[1].startswith("960 640 50 ")
    quality, size = map(int, output[2].split())
    assert (quality, size > 1000) == (30, True)
    assert len(output) == 5
    with Image.open(folder / "crop.bsc") as image:
        assert (image.size, image.n_frames) == ((96, 64), 2)


def test_the_page_for_depth_cameras(folder):
    color, depth = frame(100, 130)
    Image.fromarray(color).save("color.png")
    Image.fromarray(depth).save("depth.png")
    names = {"color": color, "depth": depth}
    lines = [line for language, code in blocks("rgbd.md") for line in bisic_lines(code)]
    assert [line[0] for line in lines] == ["encode", "info", "decode"]
    for line in lines:
        result = run(*line)
        assert result.exit_code == 0, result.output
    with Image.open("frame_depth.png") as image:
        assert np.array_equal(np.asarray(image) == 0, depth == 0)
    (code,) = (code for language, code in blocks("rgbd.md") if language == "python")
    exec(compile(code, "rgbd.md", "exec"), names)
    assert np.array_equal(np.isnan(names["metres"]), depth == 0)
    assert names["codec"].name == "rgbd-rooms"


def test_the_page_of_the_hub(folder, machine, hub, release_files):
    commit = hub.add("org/name", release_files)
    for view in ("left", "right"):
        with Image.open(f"docs/sample/{view}.png") as image:
            image.crop((0, 0, 96, 64)).save(f"{view}.png")
    for language, code in blocks("hub.md"):
        if language == "python":
            assert done(machine.python(code)) == ""
        for line in bisic_lines(code) if language == "sh" else ():
            if "--pull" in line:
                machine.home = folder / "elsewhere"
            done(machine.bisic(*line, HF_TOKEN=TOKEN))
    assert (folder / "pair_left.png").is_file()
    assert commit in hub.repositories["org/name"].commits
    assert "org/copy" in hub.repositories


@pytest.mark.parametrize("page", [*PAGES, "../README.md", "../CONTRIBUTING.md"])
def test_lines_of_the_command_have_arguments_that_it_takes(page, folder):
    lines = [line for _, code in blocks(page) for line in bisic_lines(code)]
    for name, *arguments in lines:
        command = bisic.get_command(None, name)
        assert command is not None, name
        for checkpoint in (argument for argument in arguments if argument.endswith(".pth.tar")):
            Path(checkpoint).touch()  # must be a file that exists
        with command.make_context(name, list(arguments), parent=click.Context(bisic)):
            pass


def test_every_page_is_in_a_table_of_contents():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    entries = [line for tree in re.findall(r"```{toctree}\n(.*?)```", index, re.S) for line in tree.split("\n")]
    listed = {path.name for entry in entries if entry and ":" not in entry for path in DOCS.glob(f"{entry}.md")}
    assert listed | {"index.md"} == set(PAGES)


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", *(f"docs/{page}" for page in PAGES)])
def test_addresses_are_whole_and_papers_are_those_that_are_named(page):
    text = (DOCS.parent / page).read_text(encoding="utf-8")
    for words, address in re.findall(r"\[([^\]]+)\]\((\w+:[^)]*)\)", text):
        assert re.fullmatch(r"https://[a-z0-9.-]+\.[a-z]{2,}(/[\w.~/#-]*)?", address), address
        number = re.fullmatch(r"https://(?:doi\.org|arxiv\.org/abs)/(.+)", address)
        assert not number or words.endswith(f" {number[1]}"), (words, address)
