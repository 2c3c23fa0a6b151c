"""RGB-D frames in the container."""

from __future__ import annotations

import dataclasses
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_container import PLAIN, containers, damaged, repeatable

from stereocodec.container import Channels, Chunk, Container, ViewKind, peek_header
from stereocodec.container import limits as rules
from stereocodec.container.depth import DepthMode, DepthView
from stereocodec.container.limits import HUB_REPOSITORY
from stereocodec.errors import CorruptFile, FormatError, InvalidInput, LimitExceeded, UnsupportedVersion

DEPTH = DepthView(bits=16, metres_per_step=0.001, invalid=0, near=400, far=8000, mask=b"mask")
FRAME = dataclasses.replace(PLAIN, view_kind=ViewKind.RGB8_DEPTH, version=(1, 1), depth=DEPTH)
KIND, DEPTH_AT = 10, 26  # where the kind of view and the depth record of FRAME stand


@st.composite
def depths(draw):
    bits = draw(st.sampled_from([8, 16]))
    mode = draw(st.sampled_from(list(DepthMode)))
    near, far = sorted(draw(st.tuples(*[st.integers(int(mode), 2**bits - 1)] * 2)))
    step = draw(st.floats(min_value=1e-12, max_value=1e6))
    return DepthView(bits, step, draw(st.integers(0, 2**bits - 1)), near, far, mode, draw(st.binary()))


@repeatable
@given(containers(), depths(), st.integers(1, 15))
def test_every_field_comes_back(container, depth, minor):
    version = max(container.version, (1, minor))
    container = dataclasses.replace(container, bands=container.bands[:1])
    frame = dataclasses.replace(container, view_kind=ViewKind.RGB8_DEPTH, version=version, depth=depth)
    data = frame.to_bytes()
    assert Container.from_bytes(data) == frame
    assert Container.from_bytes(data).to_bytes() == data


@repeatable
@given(damaged(FRAME.to_bytes()))
def test_damaged_files_are_refused_as_such(altered):
    with pytest.raises(FormatError) as caught:
        Container.from_bytes(altered)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bits": 12}, "12 bits, it must be 8 or 16"),
        ({"bits": 8}, "depths from 400 to 8000, they must be samples of 8 bits"),
        ({"metres_per_step": 0.0}, "0.0 metres per step"),
        ({"metres_per_step": -0.001}, "-0.001 metres per step"),
        ({"metres_per_step": float("nan")}, "nan metres per step"),
        ({"metres_per_step": float("inf")}, "inf metres per step"),
        ({"metres_per_step": 1}, "metres_per_step is int"),
        ({"invalid": 65536}, "invalid depth 65536"),
        ({"near": 8001}, "depths from 8001 to 8000"),
        ({"near": 0, "mode": DepthMode.INVERSE}, "inverse depths from 0"),
        ({"mode": 0}, "mode is int"),
        ({"mask": "mask"}, "mask is str"),
    ],
)
def test_depths_that_cannot_be_written(change, message):
    with pytest.raises(InvalidInput, match=message):
        dataclasses.replace(FRAME, depth=dataclasses.replace(DEPTH, **change)).to_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"view_kind": ViewKind.RGB8}, "no others have one"),
        ({"depth": None}, "need a description of the depth"),
        ({"version": (1, 0)}, r"version \(1, 0\)"),
        ({"bands": PLAIN.bands * 2, "version": (1, 4)}, "a depth map in several bands"),
    ],
)
def test_a_depth_map_needs_its_kind_its_record_and_its_version(change, message):
    with pytest.raises(InvalidInput, match=message):
        dataclasses.replace(FRAME, **change).to_bytes()


def with_crc(data):
    return data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little")


def altered(offset, value):
    data = bytearray(FRAME.to_bytes())
    data[offset] = value
    return with_crc(bytes(data))


def test_impossible_values_in_a_file_are_refused():
    with pytest.raises(CorruptFile, match="depth map of 9 bits"):
        Container.from_bytes(altered(DEPTH_AT - 4, 9))
    with pytest.raises(CorruptFile, match="depth mode 2 does not exist"):
        Container.from_bytes(altered(DEPTH_AT - 3, 2))
    with pytest.raises(CorruptFile, match="kind of view 3 does not exist"):
        Container.from_bytes(altered(KIND, 3))


def test_values_of_later_versions_are_told_as_such():
    later = bytearray(altered(DEPTH_AT - 3, 2))
    later[8] = 0x10 | rules.VERSION[1] + 1
    with pytest.raises(UnsupportedVersion, match="depth mode 2"):
        Container.from_bytes(with_crc(bytes(later)))


def test_the_limit_of_the_mask(monkeypatch):
    data = dataclasses.replace(FRAME, depth=dataclasses.replace(DEPTH, mask=b"12345678" * 4)).to_bytes()
    monkeypatch.setattr("stereocodec.container.depth.MAX_STREAM_BYTES", 31)
    with pytest.raises(LimitExceeded, match="mask of 32 bytes"):
        Container.from_bytes(data)


def test_stereo_pairs_keep_their_version():
    assert PLAIN.to_bytes()[8] == 0x10
    assert rules.DEPTH_VERSION <= rules.VERSION


def test_a_file_has_the_lowest_version_that_it_needs():
    plain = {name: value for name, value in vars(PLAIN).items() if name != "version"}
    named = Chunk(HUB_REPOSITORY, b"org/name@" + b"0" * 40)
    assert Container(**plain).version == (1, 0)
    assert Container(**plain | {"chunks": (named,)}).version == rules.REPOSITORY_VERSION
    assert Container(**plain | {"view_kind": ViewKind.RGB8_DEPTH, "depth": DEPTH}).version == rules.DEPTH_VERSION
    assert Container(**plain, version=(1, 7)).version == (1, 7)
    for shown in ({"orientation": 6}, {"channels": Channels.GREY}, {"channels": Channels.GREY_RGB, "orientation": 2}):
        marked = Container(**plain | shown)
        assert marked.version == rules.SHOWN_VERSION
        assert Container.from_bytes(marked.to_bytes()) == marked
        assert peek_header(marked.to_bytes()).shown_size == marked.shown_size
    assert Container(**plain | {"quality": 50.5}).version == rules.FRACTION_VERSION
    assert Container(**plain | {"quality": 50.0}).version == (1, 0)
    assert Container(**plain | {"chunks": (Chunk("LAYT", b"sbs"),)}).version == rules.METADATA_VERSION
    for orientation in (0, 9):
        with pytest.raises(InvalidInput, match="it must be 1 to 8"):
            Container(**plain | {"orientation": orientation}).to_bytes()
