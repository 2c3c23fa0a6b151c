"""`StereoCodec` refuses bad arguments, damaged files and hostile ones."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from conftest import one_line, sample_crop
from hand_made_files import changed
from PIL import Image

from stereocodec.codec import StereoCodec
from stereocodec.container import Container, Streams
from stereocodec.entropy.guard import count_entries
from stereocodec.entropy.lattice import Lattice
from stereocodec.errors import CorruptFile, DecodingMismatch, FormatError, InvalidInput, StereoCodecError
from stereocodec.releases.release import load_release


def repacked(data, **changes):
    """The file with other fields and a valid CRC."""
    return changed(Container.from_bytes(data), **changes).to_bytes()


@pytest.mark.usefixtures("no_networks")
@pytest.mark.parametrize("quality", [-1, 101, -0.001, 100.001, True, "50", float("nan")])
def test_bad_quality(tiny_codec, pair, quality):
    with pytest.raises(InvalidInput, match="from 0 to 100") as error:
        tiny_codec.compress(*pair, quality=quality)
    one_line(error)


@pytest.mark.usefixtures("no_networks")
@pytest.mark.parametrize(
    ("left", "right"),
    [
        (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)),
        (np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 3), np.float32)),
        (np.zeros((8, 8, 2), np.uint8), np.zeros((8, 8, 2), np.uint8)),
        (np.zeros((0, 8, 3), np.uint8), np.zeros((0, 8, 3), np.uint8)),
        (torch.zeros(8, 8, 3), torch.zeros(8, 8, 3)),
        (torch.full((3, 8, 8), 2.0), torch.zeros(3, 8, 8)),
        (torch.full((3, 8, 8), torch.nan), torch.zeros(3, 8, 8)),
        (Image.new("RGBA", (8, 8)), Image.new("RGBA", (8, 8))),
        ("left.png", "right.png"),
        (None, None),
    ],
)
def test_bad_pictures(tiny_codec, left, right):
    with pytest.raises(InvalidInput) as error:
        tiny_codec.compress(left, right)
    one_line(error)


@pytest.mark.usefixtures("no_networks")
def test_bad_decoding_arguments(tiny_codec, file):
    for output in ("jpeg", None, 3):
        with pytest.raises(InvalidInput, match="output"):
            tiny_codec.decompress(file, output=output)
    for data in ("pair.bsc", None, np.frombuffer(file, np.uint8)):
        with pytest.raises(InvalidInput, match="bytes"):
            tiny_codec.decompress(data)


@pytest.mark.parametrize("device", ["cpu:99999999999", "gpu", "cuda:99", "cpu:x", "mps", ""])
def test_bad_devices(tiny_release, device):
    with pytest.raises(InvalidInput, match="device") as error:
        StereoCodec.from_pretrained(tiny_release, device=device)
    one_line(error)


@pytest.mark.parametrize("model", [3, b"bisic-rt"])
def test_models_are_named_by_text_or_path(model):
    with pytest.raises(InvalidInput, match="the model is") as error:
        StereoCodec.from_pretrained(model)
    one_line(error)


def test_a_codec_takes_over_the_networks_of_its_release(tiny_release):
    release = load_release(tiny_release)
    codec = StereoCodec(release, device="cpu")
    assert codec._coder.model is release.model  # no second copy in memory
    assert next(release.model.entropy.parameters()).dtype == torch.float64


@pytest.fixture(scope="module")
def small_file(tiny_codec):
    data = tiny_codec.compress(*sample_crop(1, 1), quality=60)
    assert len(data) < 1000
    return data


@pytest.mark.usefixtures("no_networks")
def test_truncation_at_every_byte(tiny_codec, small_file):
    for length in range(len(small_file)):
        with pytest.raises(FormatError) as error:
            tiny_codec.decompress(small_file[:length])
        one_line(error)


@pytest.mark.usefixtures("no_networks")
def test_every_flipped_bit(tiny_codec, small_file):
    for bit in range(8 * len(small_file)):
        damaged = bytearray(small_file)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(StereoCodecError) as error:
            tiny_codec.decompress(damaged)
        one_line(error)


@pytest.mark.usefixtures("no_networks")
def test_other_data_after_the_end(tiny_codec, small_file):
    with pytest.raises(CorruptFile):
        tiny_codec.decompress(small_file + b"\0")


def streams_of(data):
    return list(Container.from_bytes(data).bands[0].streams.in_file_order())


def assert_refused(codec, data):
    with pytest.raises((CorruptFile, DecodingMismatch)) as error:
        codec.decompress(data)
    one_line(error)


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("length", [0, 4, 40, 4000])
def test_garbage_in_a_stream(tiny_codec, file, index, length):
    streams = streams_of(file)
    streams[index] = np.random.default_rng(index).bytes(length)
    assert_refused(tiny_codec, repacked(file, streams=Streams(*streams)))


@pytest.mark.parametrize("index", range(4))
def test_damage_in_a_stream(tiny_codec, file, index):
    stream = streams_of(file)[index]
    flipped = bytearray(stream)
    flipped[len(stream) // 2] ^= 0x10
    variants = [bytes(flipped), stream[:-4], stream[4:], stream[:-1], stream + b"\1\0\0\0", stream + bytes(4), b""]
    for variant in variants:
        streams = streams_of(file)
        streams[index] = variant
        assert_refused(tiny_codec, repacked(file, streams=Streams(*streams)))


def test_streams_in_another_order(tiny_codec, file):
    z_left, z_right, y_left, y_right = streams_of(file)
    for order in ((z_right, z_left, y_left, y_right), (z_left, z_right, y_right, y_left)):
        assert_refused(tiny_codec, repacked(file, streams=Streams(*order)))


def test_streams_of_another_file(tiny_codec, file):
    other = tiny_codec.compress(*sample_crop(64, 96, top=10), quality=70)
    assert_refused(tiny_codec, repacked(file, streams=Container.from_bytes(other).bands[0].streams))


@pytest.mark.parametrize(
    "changes", [{"quality": 71}, {"width": 200}, {"height": 65}, {"latent_checksum": 0}, {"width": 64, "height": 64}]
)
def test_fields_that_do_not_fit_the_streams(tiny_codec, file, changes):
    assert_refused(tiny_codec, repacked(file, **changes))


def test_wrong_guard_lists(tiny_codec, tiny_release, pair, file):
    garbage = [b"\x80", b"\xff" * 7, b"\xff\xff\xff\xff\xff\x7f", np.random.default_rng(0).bytes(500)]
    # Up from the first parameter on, including those on their last level; then down.
    garbage += [b"\1" * 5000, b"\0" * 5000]
    for guard in garbage:
        assert_refused(tiny_codec, repacked(file, guard=guard))
    release = dataclasses.replace(load_release(tiny_release), lattice=dataclasses.replace(Lattice(), epsilon=0.01))
    codec = StereoCodec(release, device="cpu")
    data = codec.compress(*pair)
    guard = bytearray(Container.from_bytes(data).bands[0].guard)
    assert count_entries(bytes(guard)) > 10
    codec.decompress(data)
    guard[0] ^= 1  # the other side of the first entry
    assert_refused(codec, repacked(data, guard=bytes(guard)))
