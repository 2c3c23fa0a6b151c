"""`StereoCodec.psnr`: what `decompress` gives against the pair, without the whole pictures."""

from __future__ import annotations

import pytest
from banded import COUNT, encoded_in_bands
from conftest import one_line, sample_crop

from stereocodec.coding import ReleaseCoder
from stereocodec.errors import CorruptFile, InvalidInput
from stereocodec.pictures.picture import Picture
from stereocodec.pictures.rgb import psnr, to_views


def of_whole_views(codec, file, pair):
    decoded = codec.decompress(file, output="numpy")
    return tuple(psnr(view.shown(), seen) for view, seen in zip(pair, decoded, strict=True))


@pytest.fixture
def in_parts(monkeypatch):
    """Whoever puts whole pictures together from here on fails."""

    def forbid():
        monkeypatch.setattr(ReleaseCoder, "decode", None)

    return forbid


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("turned", [False, True])
def test_of_bands(trained, high_pair, turned, threads, in_parts):
    # Of these and their mirrored and exchanged twin, one is coded in the other order.
    views = [view[:, ::-1] for view in high_pair[::-1]] if turned else high_pair
    pair = to_views(*views)
    file = encoded_in_bands(trained, views, COUNT, quality=20).to_bytes()
    expected = of_whole_views(trained, file, pair)
    assert abs(expected[0] - expected[1]) > 0.001
    in_parts()
    assert trained.psnr(file, pair, threads=threads) == expected


@pytest.mark.filterwarnings("ignore:left and right look exchanged")  # when they are turned by half
@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("channels", [3, 1])
def test_of_single_bands_of_turned_and_grey_pairs(tiny_codec, orientation, channels, in_parts):
    views = [view[..., :channels] for view in sample_crop(64, 96)]
    pair = to_views(*views)
    pair = to_views(*(Picture(view.pixels, view.channels, orientation) for view in pair))
    container = tiny_codec.encode(pair, quality=60)
    expected, said = of_whole_views(tiny_codec, container, pair), []
    in_parts()
    assert tiny_codec.psnr(container, pair, progress=lambda *told: said.append(told)) == expected
    assert said[-1] == (1.0, "done")


@pytest.mark.parametrize(
    "other", [sample_crop(64, 64), sample_crop(96, 64), [view[..., :1] for view in sample_crop(64, 96)]]
)
def test_pairs_that_the_file_was_not_made_of_are_refused(tiny_codec, file, other):
    with pytest.raises(InvalidInput, match="not made of this pair") as error:
        tiny_codec.psnr(file, to_views(*other))
    one_line(error)


def test_of_a_damaged_file(tiny_codec, file, pair):
    with pytest.raises(CorruptFile):
        tiny_codec.psnr(file[:-1] + bytes([file[-1] ^ 1]), to_views(*pair))
