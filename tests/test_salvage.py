"""Files in bands that are damaged, cut off or put together wrongly: named, refused, and salvaged."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from banded import COUNT, HEIGHT
from conftest import one_line

from stereocodec.container import Band, Streams, rows_of_bands
from stereocodec.errors import CorruptFile, DecodingMismatch


def with_damage(container, number):
    data = bytearray(container.to_bytes())
    place = len(data) - 4 - sum(band.payload_bytes for band in container.bands[number:]) + 5
    data[place] ^= 0x10
    return bytes(data)


def test_a_damaged_band_is_named(trained, high_container):
    with pytest.raises(CorruptFile, match=r"band 2 of 3 \(rows 128 to 319\)") as error:
        trained.decompress(with_damage(high_container, 1))
    one_line(error)


@pytest.mark.parametrize("number", range(COUNT))
def test_what_is_whole_is_salvaged(trained, high_container, high_views, number):
    left, right, damages = trained.salvage(with_damage(high_container, number), output="numpy")
    first, end = rows_of_bands(HEIGHT, COUNT)[number]
    assert damages == (f"band {number + 1} of 3 (rows {first} to {end - 1}) is damaged or missing",)
    for view, whole in zip((left, right), high_views, strict=True):
        assert (view[first:end] == 128).all()
        far = np.ones(HEIGHT, bool)
        far[max(first - 80, 0) : end + 80] = False
        assert np.abs(view[far].astype(int) - whole[far]).max() <= 1


def test_a_file_that_was_cut_off_is_salvaged(trained, high_container, high_views):
    data = high_container.to_bytes()
    cut = data[: len(data) - 4 - high_container.bands[-1].payload_bytes - 10]
    left, _, damages = trained.salvage(cut, output="numpy")
    assert len(damages) == 2
    np.testing.assert_array_equal(left[:40], high_views[0][:40])
    nothing = data[: len(data) - 4 - sum(band.payload_bytes for band in high_container.bands)]
    with pytest.raises(CorruptFile, match="damaged in all of its bands"):
        trained.salvage(nothing)


def test_latents_that_do_not_match_are_salvaged_too(trained, high_container):
    forged = dataclasses.replace(
        high_container,
        bands=(
            high_container.bands[0],
            dataclasses.replace(high_container.bands[1], latent_checksum=7),
            high_container.bands[2],
        ),
    )
    with pytest.raises(DecodingMismatch, match=r"^band 2 of 3"):
        trained.decompress(forged)
    left, _, damages = trained.salvage(forged.to_bytes(), output="numpy")
    assert len(damages) == 1
    assert (left[128:320] == 128).all()


def test_intact_and_small_files_are_salvaged_or_refused(trained, tiny_codec, high_container, high_views, file):
    left, _, damages = trained.salvage(high_container.to_bytes(), output="numpy")
    assert damages == ()
    np.testing.assert_array_equal(left, high_views[0])
    assert tiny_codec.salvage(file)[2] == ()
    with pytest.raises(CorruptFile, match="single band"):
        tiny_codec.salvage(file[:-9])
    head = bytearray(high_container.to_bytes())
    head[15] ^= 1
    with pytest.raises(CorruptFile, match="its head"):
        trained.salvage(bytes(head))


@pytest.mark.parametrize("order", [order for order in itertools.permutations(range(COUNT)) if order != (0, 1, 2)])
def test_bands_in_another_order(trained, high_container, order):
    swapped = dataclasses.replace(high_container, bands=tuple(high_container.bands[number] for number in order))
    with pytest.raises((DecodingMismatch, CorruptFile)) as error:
        trained.decompress(swapped)
    one_line(error)


def test_other_bands_than_there_were(trained, high_container):
    bands = (*high_container.bands, Band(b"", Streams(b"", b"", b"", b""), 3))[1:]
    for wrong in (bands, high_container.bands[:2]):
        with pytest.raises((DecodingMismatch, CorruptFile)):
            trained.decompress(dataclasses.replace(high_container, bands=wrong))
