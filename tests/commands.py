"""What the tests of the `bisic` command share: a codec without networks, a pair, and ways to run the command."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from stereocodec_cli.main import bisic

import stereocodec
from stereocodec.container import Band, Container, Streams
from stereocodec.errors import WrongModel
from stereocodec.pictures.rgb import from_rgb8, psnr

HEIGHT, WIDTH = 6, 8
MODEL_ID = bytes(range(6))
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX pipes and signals")


class RawCodec:
    """Stores the pixels; the left view comes back one grey level brighter, the right one exact."""

    name = "raw"

    made = ()

    def __init__(self, device="auto"):
        self.device = device
        type(self).made = (self,)

    @classmethod
    def from_pretrained(cls, name, *, device):
        if name == "gone":
            raise stereocodec.errors.UnknownModel("there is no model gone")
        return cls(device)

    @classmethod
    def for_file(cls, data, model, *, device, pull):
        if model is not None:
            raise WrongModel(f"the file was not written with {model}")
        return cls(device)

    has_qualities = True

    def quality_or_default(self, quality):
        return 50 if quality is None else quality

    def encode(self, pair, *, quality, progress, effort, **targets):
        self.effort, self.targets = effort, targets
        assert progress is None  # nothing is shown where there is no terminal
        left, right = pair
        height, width, _ = left.pixels.shape
        streams = Streams(b"", b"", left.pixels.tobytes(), right.pixels.tobytes())
        return Container(
            width=width,
            height=height,
            quality=self.quality_or_default(quality),
            model_id=MODEL_ID,
            bands=(Band(b"", streams, 7),),
            chunks=pair.metadata.to_chunks(),
        )

    def decompress(self, data, *, output="pil", max_pixels=None, progress):
        container = data if isinstance(data, Container) else Container.from_bytes(data)
        shape = (container.height, container.width, 3)
        streams = container.bands[0].streams
        left, right = (np.frombuffer(stream, np.uint8).reshape(shape) for stream in (streams.y_left, streams.y_right))
        views = (left + np.uint8(1), right)
        return tuple(from_rgb8(view, output, container.metadata) for view in views)

    def psnr(self, data, pair, *, progress):
        decoded = self.decompress(data, output="numpy", progress=progress)
        return tuple(map(psnr, (view.shown() for view in pair), decoded))


def run(*arguments, stdin=None):
    return CliRunner().invoke(bisic, list(map(str, arguments)), prog_name="bisic", input=stdin)


def bisic_process(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "stereocodec_cli", *map(str, arguments)],
        capture_output=True,
        timeout=60,
        check=False,
        **settings,
    )


def printed_by_python(code, *arguments, **settings):
    """The lines that a new Python prints when it runs the code."""
    return printed_by("-c", code, *arguments, **settings)


def printed_by(*arguments, **settings):
    """The lines that a new Python prints with arguments, such as a script."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, **settings)
    return done.stdout.splitlines()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def error_line(result):
    """The one line of a failure with exit status 1."""
    assert result.exit_code == 1, result.output
    lines = result.output.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("bisic: error: ")
    return lines[0]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with left.png and right.png; darker than 255, so that RawCodec does not wrap."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for view in ("left", "right"):
        pixels = random.integers(0, 200, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{view}.png")
    return tmp_path


@pytest.fixture
def raw_codec(monkeypatch):
    module = types.ModuleType("stereocodec.codec")
    module.StereoCodec = RawCodec
    monkeypatch.setitem(sys.modules, "stereocodec.codec", module)
    return RawCodec


@pytest.fixture
def pair_file(folder, raw_codec):
    """pair.bsc in the current folder, written by the command."""
    assert run("encode", "left.png", "right.png", "-o", "pair.bsc").exit_code == 0
    return folder / "pair.bsc"
