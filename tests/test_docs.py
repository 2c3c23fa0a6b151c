"""Code on the pages of the documentation: run where it needs only the sample pair, a model or the Hub; the `bisic`
lines of the other pages, which need data or hours, are held against the command's own arguments and options.
"""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest
from commands import posix_only, printed_by, run
from conftest import sample_crop
from hub_machine import done
from hub_server import TOKEN
from mpo_files import jpeg, mpo
from PIL import Image
from rgbd_frames import frame
from stereocodec_cli.main import bisic

from stereocodec import StereoCodec, read_calibration

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
    lines = [line for language, code in blocks("start.md") for line in bisic_lines(code)]
    assert [line[0] for line in lines] == ["encode", "encode", "encode", "decode", "decode", "info", "models"]
    for line in lines:
        result = run(*line)
        assert result.exit_code == 0, result.output
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
    lines = [line for language, code in blocks("view.md") for line in bisic_lines(code)]
    assert [line[0] for line in lines] == ["encode", "view", "view", "view"]
    for line in lines:
        result = run(*line)
        assert result.exit_code == 0, result.output
    assert len(opened) == 1
    assert "<dt>PSNR</dt>" in (folder / "page.html").read_text(encoding="utf-8")
    assert (folder / "small.html").is_file()
    (folder / "page.html").unlink()
    [code] = [code for language, code in blocks("view.md") if language == "python"]
    exec(compile(code, "view.md", "exec"), {})
    assert (folder / "page.html").read_bytes().startswith(b"<!DOCTYPE html>")


def test_the_page_of_many_pairs(folder, tiny_codec, monkeypatch):
    """With one pair, which needs no other process, and a small model; test_ray.py has a cluster."""
    for load in ("from_pretrained", "for_file"):
        monkeypatch.setattr(StereoCodec, load, lambda *_, **__: tiny_codec)
    (folder / "pairs" / "deep").mkdir(parents=True)
    for side, view in zip(("left", "right"), sample_crop(64, 64), strict=True):
        Image.fromarray(view).save(folder / "pairs" / "deep" / f"b_{side}.png")
    for language, code in blocks("many.md"):
        if language == "python":
            exec(compile(code, "many.md", "exec"), {})
        for line in bisic_lines(code):
            if "ray" not in line:
                result = run(*line)
                assert result.exit_code == 0, result.output
    for name in ("coded/deep/b.bsc", "coded/manifest.csv", "pictures/deep/b_left.webp", "again/deep/b.bsc"):
        assert (folder / name).is_file(), name


def test_the_page_of_effort(folder, tiny_codec, monkeypatch):
    monkeypatch.setattr(StereoCodec, "from_pretrained", lambda *_, **__: tiny_codec)
    for side, view in zip(("left", "right"), sample_crop(64, 64), strict=True):
        Image.fromarray(view).save(folder / f"{side}.png")
    for language, code in blocks("effort.md"):
        if language == "python":
            exec(compile(code, "effort.md", "exec"), {})
        for line in bisic_lines(code):
            result = run(*line)
            assert result.exit_code == 0, result.output
    assert all((folder / name).is_file() for name in ("archive.bsc", "quick.bsc"))


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
    names = {}
    for language, code in blocks("pictures.md"):
        if language == "python":
            exec(compile(code, "pictures.md", "exec"), names)
        for line in bisic_lines(code):
            *arguments, _, file = line if "<" in line else (*line, None, None)
            result = run(*arguments, stdin=None if file is None else (folder / file).read_bytes())
            assert result.exit_code == 0, result.output
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
    names = {}
    with warnings.catch_warnings():  # the page changes the filters
        for language, code in blocks("python.md"):
            assert language == "python"
            if not code.startswith("# "):
                exec(compile(code, "python.md", "exec"), names)
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


def script_of(page, name):
    """The code of a page that begins with the name of a file."""
    (code,) = (code for _, code in blocks(page) if code.startswith(f"# {name}\n"))
    return code


@pytest.fixture(scope="module")
def small_file():
    return StereoCodec.from_pretrained(device="cpu").compress(*sample_crop(64, 96), quality=20)


@pytest.fixture
def two_files(folder, small_file):
    """The folder with a.bsc and b.bsc, of 96x64 pixels."""
    for name in "ab":
        (folder / f"{name}.bsc").write_bytes(small_file)


STARTS = [pytest.param("fork", marks=posix_only), "spawn"]


@pytest.mark.parametrize("start", STARTS)
def test_the_pool_of_the_page_for_programmers(start, two_files, folder, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    code = script_of("python.md", "pool.py")
    assert '"spawn"' in code
    (folder / "pool.py").write_text(code.replace('"spawn"', f'"{start}"'))
    assert printed_by("pool.py") == ["[96, 96]"]


@pytest.mark.parametrize("start", STARTS)
def test_the_loader_of_the_page_for_programmers(start, two_files, folder, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    code = script_of("python.md", "loader.py")
    context = f"    import torch.multiprocessing\n    torch.multiprocessing.set_start_method('{start}')\n"
    head, end, rest = code.partition('if __name__ == "__main__":\n')
    (folder / "loader.py").write_text(head + end + context + rest)
    assert printed_by("loader.py") == ["(1, 3, 64, 96)"] * 2


@posix_only
def test_the_server_of_the_page_for_programmers(two_files, folder, monkeypatch):
    """As gunicorn with --preload has it: the application first, then processes, and threads in them."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    (folder / "server.py").write_text(script_of("python.md", "server.py"))
    (folder / "preload.py").write_text("""
import io, os, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
sys.path.insert(0, "")
from server import application, codec
data = Path("a.bsc").read_bytes()
codec.decompress(data)
def ask(body):
    said = []
    environ = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    answer = b"".join(application(environ, lambda status, headers: said.append(status)))
    return said, answer[:4]
process = os.fork()
if process:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
with ThreadPoolExecutor(2) as pool:
    print(*pool.map(ask, [data, data, data[:-1]]), flush=True)
""")
    (answers,) = printed_by("preload.py")
    assert answers.count("200 OK") == answers.count("PNG") == 2
    assert answers.count("400 Bad Request") == 1


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
    for name, *words in lines:
        arguments = list(itertools.takewhile(lambda word: word[0] not in "<>", words))
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
