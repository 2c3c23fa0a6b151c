"""The wheel and the sdist: what is in them, and that the wheel alone codes a pair in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from PIL import Image

import stereocodec

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parent.parent
PACKAGES = ("stereocodec", "cli")
WHEEL = f"stereocodec-{stereocodec.__version__}-py3-none-any.whl"


def run(*command, **settings):
    result = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=300, check=False, **settings
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """What `python -m build` makes of a copy of the sources; the build tools are those of this environment."""
    copy = tmp_path_factory.mktemp("sources")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, copy)
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", copy / "dist", copy)
    return copy / "dist"


def expected_files():
    paths = (path for name in PACKAGES for path in (REPOSITORY / name).rglob("*"))
    return {
        path.relative_to(REPOSITORY).as_posix() for path in paths if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_and_nothing_else(dist):
    with zipfile.ZipFile(dist / WHEEL) as wheel:
        sizes = {entry.filename: entry.file_size for entry in wheel.infolist()}
    packaged = {name.replace("stereocodec_cli/", "cli/") for name in sizes if ".dist-info/" not in name}
    assert packaged == expected_files()
    assert "stereocodec/py.typed" in packaged
    weights = {f"stereocodec/weights/{name}/model.safetensors" for name in ("bisic-rt", "rgbd-rooms")}
    assert {name for name, size in sizes.items() if size > 2**18} == weights


def test_the_sdist_holds_what_the_wheel_is_made_of(dist):
    with tarfile.open(next(dist.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
        heavy = [entry.name for entry in sdist if entry.size > 2**18]
    assert expected_files() | {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO"} <= names
    assert len(heavy) == 2
    assert not {name.split("/")[0] for name in names} & {"tests", "docs", "benchmarks"}


def test_an_index_takes_both(dist):
    run(sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir())


def test_the_wheel_alone_codes_a_pair(dist, tmp_path, pair, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", dist / WHEEL)
    # The libraries that the package needs are those of this environment: no network. They come last on the path, and
    # a folder in a .pth file runs no .pth files of its own, so that no other stereocodec is found.
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (Path(site) / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(python, "-c", "import stereocodec; print(stereocodec.__file__)", cwd=tmp_path)
    assert Path(where).is_relative_to(environment)
    for view, pixels in zip(("left", "right"), pair, strict=True):
        Image.fromarray(pixels).save(tmp_path / f"{view}.png")
    bisic = scripts / "bisic"
    run(bisic, "encode", "left.png", "right.png", "-o", "pair.bsc", "--device", "cpu", cwd=tmp_path)
    run(bisic, "decode", "pair.bsc", "--device", "cpu", cwd=tmp_path)
    assert (tmp_path / "pair_left.png").is_file()
    assert (tmp_path / "pair_right.png").is_file()
