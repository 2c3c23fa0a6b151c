"""Files of a few bytes that claim large pictures must be refused before they take memory and time."""

from __future__ import annotations

import dataclasses
import functools
import io
import math

import numpy as np
import pytest
import torch
from commands import error_line, run
from conftest import REPOSITORY
from hand_made_files import changed
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.nn.modules.module import register_module_forward_pre_hook

import stereocodec.pillow  # noqa: F401
from stereocodec import RgbdCodec, StereoCodec
from stereocodec.container import Container
from stereocodec.entropy.ans import StreamEncoder
from stereocodec.entropy.lattice import Lattice
from stereocodec.entropy.streams import CodingTables, StreamWriter
from stereocodec.entropy.tables import TableSet
from stereocodec.errors import CorruptFile, DecodingMismatch, InvalidInput, LimitExceeded
from stereocodec.pixel_limit import DEFAULT_MAX_PIXELS, require_fewer_pixels

GOLDEN = REPOSITORY / "tests" / "golden"
FILES = {"pair": "still-life.bsc", "frame": "frame-linear.bsc", "bounded": "frame-bounded.bsc"}
VARIABLE = "STEREOCODEC_MAX_PIXELS"


@pytest.fixture
def no_layers():
    """Any layer of a network that is run fails the test."""

    def fail(layer, inputs):
        raise AssertionError(f"{type(layer).__name__} was run")

    hook = register_module_forward_pre_hook(fail)
    yield
    hook.remove()


@functools.cache
def built_in(kind):
    """The codec, which takes time to load."""
    codec = StereoCodec if kind == "pair" else RgbdCodec
    return codec.for_file((GOLDEN / FILES[kind]).read_bytes(), device="cpu")


def claiming(kind, width, height):
    """A golden file with the streams of its first few symbols alone, and another size; and its codec."""
    container = Container.from_bytes((GOLDEN / FILES[kind]).read_bytes())
    release = built_in(kind)._coder.release
    writer, depth = StreamWriter(release.lattice, release.tables), None
    if container.depth is None:
        for _ in ("the order of the views", "their balance"):
            writer.code_field(0, torch.zeros(1, 1, 1, dtype=torch.int64), (1, 1))
    else:
        streams = {"samples": b""} if kind == "bounded" else {}
        depth = dataclasses.replace(container.depth, mask=b"", **streams)
    streams, guard = writer.finish()
    bomb = changed(container, width=width, height=height, guard=guard, streams=streams, depth=depth)
    return bomb, built_in(kind)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("size", [(65535, 1), (1, 65535), (1024, 1024), (5792, 2896)])
def test_streams_too_short_for_the_size_are_refused_before_any_network_runs(kind, size, no_layers):
    bomb, codec = claiming(kind, *size)
    assert len(bomb.to_bytes()) < 60
    with pytest.raises(CorruptFile, match="pictures of this size take at least"):
        codec.decompress(bomb)


@settings(derandomize=True, deadline=None, database=None, max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_no_true_stream_is_too_short(seed):
    # The most probable symbols of tables as flat or as sharp as can be, at every position.
    random = np.random.default_rng(seed)
    channels, positions = int(random.integers(1, 40)), int(random.integers(1, 400))
    widths = random.integers(3, 40, channels)
    laws = [np.exp(-np.abs(np.arange(n) - n // 2) * random.uniform(0.01, 12)) for n in widths]
    tables = TableSet.from_probabilities([law / law.sum() * (1 - 2**-16) for law in laws], -(widths // 2))
    modes = np.array([int(table.argmax()) for table in tables.frequencies], dtype=np.int32) + tables.offsets
    encoder = StreamEncoder()
    encoder.put(np.tile(modes, positions), np.tile(np.arange(channels, dtype=np.uint8), positions), tables)
    writer = StreamWriter(Lattice(), CodingTables(tables, tables, tables))
    assert len(encoder.getvalue()) >= writer._least_prior_bytes((2, positions, 1, channels), 0)


def test_what_readers_would_refuse_is_not_written():
    # The first symbol of a table takes no bytes where nothing follows it, however improbable it is.
    tables = TableSet((np.array([2**23, 2**23 - 1, 1], dtype=np.uint32),), np.zeros(1, dtype=np.int32))
    for symbol in (1, 0):
        writer = StreamWriter(Lattice(), CodingTables(tables, tables, tables))
        writer.code_prior(torch.full((2, 32, 32, 1), float(symbol)), (2, 32, 32, 1))
        if symbol:
            assert len(writer.finish()[0].z_left) >= 128
    with pytest.raises(DecodingMismatch, match="no reader takes"):
        writer.finish()


@pytest.mark.parametrize("megapixels", [12, 16, 20, 24])
@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (2, 3), (9, 16)])
def test_pairs_of_phones_are_within_the_default_limit(megapixels, shape):
    unit = math.sqrt(megapixels * 1e6 / (shape[0] * shape[1]))
    size = round(shape[0] * unit), round(shape[1] * unit)
    padded = tuple(-(-side // 64) * 64 for side in size)
    require_fewer_pixels(size, padded, None)


def test_the_limit_counts_the_padding_and_can_be_set(monkeypatch, no_layers):
    bomb, codec = claiming("pair", 65535, 1)

    def refused(**arguments):
        with pytest.raises((LimitExceeded, CorruptFile)) as error:
            codec.decompress(bomb, **arguments)
        return error.type is LimitExceeded

    assert not refused()
    assert refused(max_pixels=np.int64(65536 * 64 - 1))
    assert not refused(max_pixels=65536 * 64)
    monkeypatch.setenv(VARIABLE, str(65536 * 64 - 1))
    assert refused()
    assert not refused(max_pixels=65536 * 64)
    monkeypatch.setenv(VARIABLE, "")
    assert not refused()


@pytest.mark.parametrize("size", [(8192, 4096), (4096, 8192), (65535, 512)])
def test_what_the_format_allows_and_the_default_does_not_says_the_option(size, no_layers):
    bomb, codec = claiming("pair", *size)
    with pytest.raises(LimitExceeded) as error:
        codec.decompress(bomb)
    padded = -(-size[0] // 64) * 64 * size[1]
    for part in (f"{size[0]}x{size[1]}", str(DEFAULT_MAX_PIXELS), f"--max-pixels {padded}", "max_pixels=", VARIABLE):
        assert part in str(error.value)
    with pytest.raises(CorruptFile):
        codec.decompress(bomb, max_pixels=padded)


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "9"])
def test_limits_that_are_none(tiny_codec, file, limit):
    with pytest.raises(InvalidInput, match="max_pixels is"):
        tiny_codec.decompress(file, max_pixels=limit)


@pytest.mark.parametrize("text", ["0", "-1", "1e9", "many", "\u0664", "9" * 5000])
def test_an_environment_that_sets_no_limit(tiny_codec, file, monkeypatch, text):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(InvalidInput, match=f"{VARIABLE} is .*unset it") as error:
        tiny_codec.decompress(file)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("kind", ["frame", "bounded"])
def test_frames_have_the_limit_too(kind, no_layers):
    data, codec = (GOLDEN / FILES[kind]).read_bytes(), built_in(kind)
    for decode in (codec.decompress, codec.decode):
        with pytest.raises(LimitExceeded, match="--max-pixels"):
            decode(data, max_pixels=1)


def test_the_option_of_the_command(tmp_path, tiny_release, file):
    path = tmp_path / "pair.bsc"
    path.write_bytes(file)
    decode = ("decode", str(path), "--model", str(tiny_release), "--device", "cpu")
    line = error_line(run(*decode, "--max-pixels", "8191"))
    assert "96x64 pixels are decoded as 128x64" in line
    assert "--max-pixels 8192" in line
    assert [entry.name for entry in tmp_path.iterdir()] == ["pair.bsc"]
    assert run(*decode, "--max-pixels", "8192").exit_code == 0
    assert run(*decode, "--max-pixels", "0").exit_code == 2


def test_pillow_has_both_limits(monkeypatch):
    data = (GOLDEN / FILES["pair"]).read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        pixels = image.width * image.height
        monkeypatch.setenv(VARIABLE, "100")
        with pytest.raises(OSError, match=VARIABLE):
            image.load()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pixels - 1)
    with pytest.warns(Image.DecompressionBombWarning):
        Image.open(io.BytesIO(data)).close()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pixels // 2 - 1)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))
