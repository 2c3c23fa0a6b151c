"""`StereoCodec`: sizes, kinds of input and output, bad arguments, damaged and hostile files, threads, surroundings."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from conftest import sample_crop, save_tiny
from PIL import Image
from tracing import traced_encode

import stereocodec
from stereocodec.codec import StereoCodec
from stereocodec.container import Container, Streams
from stereocodec.container_rules import MODEL_NAME
from stereocodec.entropy.guard import count_entries
from stereocodec.entropy.lattice import Lattice
from stereocodec.errors import (
    CorruptFile,
    DecodingMismatch,
    FormatError,
    InvalidInput,
    NotABscFile,
    StereoCodecError,
    UnknownModel,
    WrongModel,
)
from stereocodec.images import psnr
from stereocodec.models import StereoModel
from stereocodec.releases import load_release


@pytest.fixture(scope="module")
def pair():
    return sample_crop(64, 96)


@pytest.fixture(scope="module")
def file(tiny_codec, pair):
    return tiny_codec.compress(*pair, quality=70)


@pytest.fixture
def no_networks(tiny_codec):
    """Any use of a network fails the test."""
    model = type(tiny_codec._model)
    forbidden = mock.Mock(side_effect=AssertionError("a network was run"))
    with mock.patch.multiple(model, walk=forbidden, latents=forbidden, reconstruct=forbidden):
        yield


def one_line(error):
    text = str(error.value)
    assert text
    assert "\n" not in text
    return text


def repacked(data, **changes):
    """The file with other fields and a valid CRC."""
    return dataclasses.replace(Container.from_bytes(data), **changes).to_bytes()


# Sizes, inputs, outputs


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 70), (131, 1), (2, 3), (63, 65), (64, 64), (65, 64), (67, 61), (37, 129), (16, 128)]
)
def test_any_size(tiny_codec, size):
    pair = sample_crop(*size)
    left, right = tiny_codec.decompress(tiny_codec.compress(*pair, quality=100), output="numpy")
    for view, decoded in zip(pair, (left, right), strict=True):
        assert decoded.shape == (*size, 3)
        assert decoded.dtype == np.uint8
        assert psnr(view, decoded) > 12  # 24 of 768 coefficients per 16x16 block are all that the small model keeps


def test_views_keep_their_sides(tiny_codec):
    dark, bright = np.full((20, 20, 3), 60, np.uint8), np.full((20, 20, 3), 190, np.uint8)
    left, right = tiny_codec.decompress(tiny_codec.compress(dark, bright, quality=100), output="numpy")
    assert left.mean() < 110 < 140 < right.mean()


def test_padding_is_not_visible(tiny_codec):
    pair = sample_crop(70, 90)
    padded = tuple(np.pad(view, ((0, 58), (0, 38), (0, 0)), mode="edge") for view in pair)
    small = tiny_codec.decompress(tiny_codec.compress(*pair), output="numpy")
    large = tiny_codec.decompress(tiny_codec.compress(*padded), output="numpy")
    for view, whole in zip(small, large, strict=True):
        np.testing.assert_array_equal(view, whole[:70, :90])


def test_all_kinds_of_input_give_the_same_bytes(tiny_codec, pair, file):
    def tensor(view):
        return torch.from_numpy(view.copy()).permute(2, 0, 1)

    kinds = {
        "pil": Image.fromarray,
        "reversed strides": lambda view: np.ascontiguousarray(view[::-1])[::-1],
        "uint8 tensor": tensor,
        "float32 tensor": lambda view: tensor(view).float() / 255,
        "float64 tensor": lambda view: tensor(view).double() / 255,
        "tensor with gradient": lambda view: (tensor(view).float() / 255).requires_grad_(),
    }
    for name, convert in kinds.items():
        assert tiny_codec.compress(*map(convert, pair), quality=70) == file, name
    assert tiny_codec.compress(Image.fromarray(pair[0]), tensor(pair[1]), quality=np.int64(70)) == file


def test_inputs_are_left_alone(tiny_codec, pair, file):
    copies = [view.copy() for view in pair]
    for view in copies:
        view.setflags(write=False)
    assert tiny_codec.compress(*copies, quality=70) == file
    np.testing.assert_array_equal(np.stack(copies), np.stack(pair))


def test_kinds_of_output(tiny_codec, pair, file):
    images = tiny_codec.decompress(file)
    arrays = tiny_codec.decompress(file, output="numpy")
    tensors = tiny_codec.decompress(file, output="torch")
    for image, array, tensor in zip(images, arrays, tensors, strict=True):
        assert isinstance(image, Image.Image)
        assert image.mode == "RGB"
        assert array.shape == pair[0].shape
        assert array.dtype == np.uint8
        assert tensor.dtype == torch.uint8
        assert not tensor.is_inference()
        np.testing.assert_array_equal(np.asarray(image), array)
        np.testing.assert_array_equal(tensor.permute(1, 2, 0).numpy(), array)
        tensor += 1  # the caller's own
        array += 1


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_data_may_be_any_kind_of_bytes(tiny_codec, file, kind):
    left, _ = tiny_codec.decompress(kind(file), output="numpy")
    np.testing.assert_array_equal(left, tiny_codec.decompress(file, output="numpy")[0])


def test_the_same_pair_gives_the_same_bytes(tiny_codec, tiny_release, pair, file):
    assert tiny_codec.compress(*pair, quality=70) == file
    assert StereoCodec.from_pretrained(str(tiny_release), device="cpu").compress(*pair, quality=70) == file


def test_bytes_rise_with_quality(tiny_codec, pair):
    sizes = [len(tiny_codec.compress(*pair, quality=quality)) for quality in (0, 25, 50, 75, 100)]
    assert sizes == sorted(set(sizes))


def test_what_the_file_says(tiny_codec, pair, file):
    container = Container.from_bytes(file)
    assert (container.width, container.height, container.quality) == (96, 64, 70)
    assert container.model_id == tiny_codec.model_id
    assert container.chunk(MODEL_NAME) == tiny_codec.name.encode() == b"tiny"
    assert len(container.chunks) == 1
    _, trace = traced_encode(tiny_codec, pair, quality=70)
    assert container.latent_checksum == trace.checksum


def test_overhead_of_a_built_in_release(tiny_release, pair):
    codec = StereoCodec(load_release(tiny_release), device="cpu", built_in=True)
    data = codec.compress(*pair)
    container = Container.from_bytes(data)
    assert container.chunks == ()
    assert len(data) - sum(map(len, container.streams.in_file_order())) <= 48
    codec.decompress(data)


def test_progress_rises_to_one(tiny_codec, pair):
    calls = []
    data = tiny_codec.compress(*pair, progress=lambda *call: calls.append(call))
    tiny_codec.decompress(data, progress=lambda *call: calls.append(call))
    fractions = [fraction for fraction, _ in calls]
    first = fractions.index(1.0) + 1
    for part in (fractions[:first], fractions[first:]):
        assert part[0] == 0.0
        assert part[-1] == 1.0
        assert part == sorted(set(part))
    assert all(stage for _, stage in calls)


# Bad arguments


@pytest.mark.usefixtures("no_networks")
@pytest.mark.parametrize("quality", [-1, 101, 50.0, True, "50", None, float("nan")])
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
        (np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)),
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


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cpu:x", "mps", ""])
def test_bad_devices(tiny_release, device):
    with pytest.raises(InvalidInput, match="device") as error:
        StereoCodec.from_pretrained(tiny_release, device=device)
    one_line(error)


# Whose file it is


def test_files_of_other_weights_are_refused(tmp_path, tiny_codec, tiny_release, pair, file):
    other_release = save_tiny(tmp_path / "other", seed=1)
    other = StereoCodec.from_pretrained(other_release, device="cpu")
    assert other.model_id != tiny_codec.model_id
    for refuse in (other.decompress, lambda data: StereoCodec.for_file(data, device="cpu")):
        with pytest.raises(WrongModel, match=f"'tiny' \\({tiny_codec.model_id.hex()}\\)") as error:
            refuse(file)
        one_line(error)
    with pytest.raises(WrongModel):
        StereoCodec.for_file(file, other_release, device="cpu").decompress(file)
    codec = StereoCodec.for_file(file, tiny_release, device="cpu")
    np.testing.assert_array_equal(codec.decompress(file)[0], tiny_codec.decompress(file)[0])


def test_for_file_finds_the_built_in_release(pair):
    codec = StereoCodec.from_pretrained(device="cpu")
    data = codec.compress(*pair)
    found = StereoCodec.for_file(data, device="cpu")
    assert found.model_id == codec.model_id
    np.testing.assert_array_equal(found.decompress(data)[0], codec.decompress(data)[0])


def test_for_file_checks_the_file_first():
    with pytest.raises(NotABscFile):
        StereoCodec.for_file(b"GIF89a", "no such model")
    with pytest.raises(UnknownModel):
        StereoCodec.from_pretrained("no such model")


# Damaged files: refused before any network runs


@pytest.fixture(scope="module")
def small_file(tiny_codec):
    data = tiny_codec.compress(*sample_crop(1, 1), quality=60)
    assert len(data) < 400
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


# Hostile files: the CRC is right, the content is not


def streams_of(data):
    return list(Container.from_bytes(data).streams.in_file_order())


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
    assert_refused(tiny_codec, repacked(file, streams=Container.from_bytes(other).streams))


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
    guard = bytearray(Container.from_bytes(data).guard)
    assert count_entries(bytes(guard)) > 10
    codec.decompress(data)
    guard[0] ^= 1  # the other side of the first entry
    assert_refused(codec, repacked(data, guard=bytes(guard)))


# Threads and surroundings


def test_one_codec_in_many_threads(tiny_codec):
    pairs = [sample_crop(48 + 16 * (i % 3), 64 + 8 * i, top=30 * i) for i in range(8)]
    qualities = [10 * i for i in range(8)]
    expected = [tiny_codec.compress(*pair, quality=q) for pair, q in zip(pairs, qualities, strict=True)]
    decoded = [tiny_codec.decompress(data, output="numpy") for data in expected]

    def work(i):
        data = tiny_codec.compress(*pairs[i], quality=qualities[i])
        return data, tiny_codec.decompress(data, output="numpy")

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, [*range(8), *range(8)]))
    for i, (data, views) in enumerate(results):
        assert data == expected[i % 8]
        np.testing.assert_array_equal(np.stack(views), np.stack(decoded[i % 8]))


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


SURROUNDINGS = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "default float64": lambda: default_dtype(torch.float64),
    "default bfloat16": lambda: default_dtype(torch.bfloat16),
    "grad": torch.enable_grad,
    "no grad": torch.no_grad,
    "inference": torch.inference_mode,
    "default device": lambda: torch.device("meta"),
}


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_settings_of_the_caller_do_not_matter(tiny_codec, tiny_release, pair, file, name):
    expected = tiny_codec.decompress(file, output="numpy")
    with SURROUNDINGS[name]():
        assert tiny_codec.compress(*pair, quality=70) == file
        loaded = StereoCodec.from_pretrained(tiny_release, device="cpu")
        assert loaded.compress(*pair, quality=70) == file
        for codec in (tiny_codec, loaded):
            np.testing.assert_array_equal(np.stack(codec.decompress(file, output="numpy")), np.stack(expected))
    assert loaded.compress(*pair, quality=70) == file


def test_coding_leaves_the_random_state_alone(tiny_codec, tiny_release, pair):
    before = torch.get_rng_state()
    StereoCodec.from_pretrained(tiny_release, device="cpu")
    tiny_codec.decompress(tiny_codec.compress(*pair))
    assert torch.equal(torch.get_rng_state(), before)


def test_what_is_imported(tmp_path, tiny_release):
    (tmp_path / "compressai.py").touch()  # so that an import would succeed, and show
    script = """
import sys
import stereocodec
print([name for name in ("torch", "numpy", "PIL") if name in sys.modules])
import numpy as np
codec = stereocodec.StereoCodec.from_pretrained(sys.argv[1], device="cpu")
codec.decompress(codec.compress(*np.zeros((2, 5, 5, 3), np.uint8)))
heavy = ("compressai", "stereocodec.training", "stereocodec.evaluation", "huggingface_hub", "matplotlib")
print([name for name in heavy if name in sys.modules])
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-c", script, tiny_release]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("\n")[:2] == ["[]", "[]"]


def test_public_names():
    assert stereocodec.StereoCodec is StereoCodec
    assert issubclass(StereoModel, torch.nn.Module)
    assert Path(stereocodec.__file__).with_name("py.typed").exists()
    with pytest.raises(AttributeError):
        _ = stereocodec.Codec
