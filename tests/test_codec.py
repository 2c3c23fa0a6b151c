"""`StereoCodec`: sizes, kinds of input and output, and whose file it is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import one_line, sample_crop, save_tiny
from PIL import Image
from tracing import traced_encode

from stereocodec.codec import StereoCodec
from stereocodec.container import Container
from stereocodec.container.limits import MODEL_NAME
from stereocodec.errors import NotABscFile, UnknownModel, WrongModel
from stereocodec.pictures.rgb import psnr
from stereocodec.releases.release import load_release
from stereocodec.view_coding import ViewCoding


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
    assert container.bands[0].latent_checksum == trace.checksum


def test_overhead_of_a_built_in_release(tiny_release, pair):
    codec = StereoCodec(load_release(tiny_release), device="cpu", built_in=True)
    data = codec.compress(*pair)
    container = Container.from_bytes(data)
    assert container.chunks == ()
    assert len(data) - sum(map(len, container.bands[0].streams.in_file_order())) <= 48
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


def test_files_longer_than_the_samples_are_coded_at_less_quality(tiny_codec, monkeypatch):
    def tried(side, lengths):
        qualities = []
        views = [np.zeros((side, side, 3), np.uint8)] * 2

        def container(_, coded, quality):
            qualities.append(quality)
            return SimpleNamespace(to_bytes=lambda: bytes(6 * side * side + lengths.get(quality, -1)))

        monkeypatch.setattr(ViewCoding, "_coded", lambda *_: None)
        monkeypatch.setattr(ViewCoding, "_container", container)
        assert len(tiny_codec.compress(*views, quality=95)) == 6 * side * side + lengths.get(qualities[-1], -1)
        return qualities

    assert tried(128, {}) == [95]
    assert tried(128, {95: 0}) == [95]
    assert tried(128, {95: 1, 85: 1}) == [95, 85, 75]
    assert tried(128, dict.fromkeys(range(101), 1))[-2:] == [5, 0]
    assert tried(64, {95: 1}) == [95]  # where what a file holds beside the samples matters
