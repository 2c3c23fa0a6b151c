"""Large pairs in bands: what they show, that nothing depends on threads, parts of them, and what damage leaves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from banded import COUNT, EDGES, HEIGHT, WIDTH, encoded_in_bands
from conftest import one_line, sample_crop

from stereocodec.coding import ReleaseCoder
from stereocodec.container import Container
from stereocodec.errors import CorruptFile, InvalidInput, LimitExceeded


def residual_of(decoded):
    return torch.zeros_like(decoded.seen.repeat(2, 1, 1, 1)) if decoded.residual is None else decoded.residual


def joined(codec, container):
    """The pictures that all bands' latents together give, as one picture without bands."""
    kept = []
    model = codec._coder.model
    between = model.reconstruct_between

    def watched(above, decoded, below):
        kept.append(decoded)
        return between(above, decoded, below)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(model, "reconstruct_between", watched)
        codec.decompress(container)
    with torch.inference_mode():
        whole = dataclasses.replace(
            kept[0],
            y=torch.cat([one.y for one in kept], 1),
            seen=torch.cat([one.seen for one in kept], 1),
            residual=torch.cat([residual_of(one) for one in kept], 1),
        )
        x = model.reconstruct(whole)[:, : container.height, : container.width]
    return x.clamp(0, 1).mul(255).round().byte().numpy()


@pytest.mark.parametrize("quality", [10, 80])
def test_there_is_no_seam(trained, high_pair, quality):
    container = encoded_in_bands(trained, high_pair, COUNT, quality=quality)
    assert len(container.bands) == COUNT
    views = np.stack(trained.decompress(container, output="numpy")).astype(int)
    whole = joined(trained, container).astype(int)
    whole = whole if np.abs(whole - views).max() < 9 else whole[::-1, :, ::-1]  # in the order of coding
    assert np.abs(whole - views).max() <= 1
    errors = ((views - np.stack(high_pair)) ** 2).mean((0, 2, 3))
    near = np.concatenate([errors[edge - 8 : edge + 8] for edge in EDGES]).mean()
    once = trained.decompress(trained.compress(*high_pair, quality=quality), output="numpy")
    expected = ((np.stack(once).astype(int) - np.stack(high_pair)) ** 2).mean((0, 2, 3))
    usual = np.concatenate([expected[edge - 8 : edge + 8] for edge in EDGES]).mean()
    assert near < 1.1 * usual


def test_steps_across_edges_are_those_of_the_pictures(high_pair, high_views):
    def steps(pictures):
        return np.abs(np.diff(np.stack(pictures).astype(int), axis=1)).mean((0, 2, 3))

    assert np.mean([steps(high_views)[edge - 1] for edge in EDGES]) < 1.25 * np.mean(
        [steps(high_pair)[edge - 1] for edge in EDGES]
    )


def test_bands_cost_little(trained, high_pair, high_container):
    once = len(trained.compress(*high_pair, quality=40))
    assert once < len(high_container.to_bytes()) < 1.1 * once  # of very small bands


@pytest.mark.filterwarnings("ignore:these do not look")  # so narrow a part
@pytest.mark.parametrize("effort", [2, 7])
def test_every_effort_codes_bands(trained, effort):
    pair = sample_crop(256, 96, 250, 300)

    def errors(data):
        decoded = trained.decompress(data, output="numpy")
        return ((np.stack(decoded).astype(float) - np.stack(pair)) ** 2)[:, 112:144].mean()

    once = trained.encode(*pair, quality=60, effort=effort)
    # Refined as if it were a picture of its own, a band would lose a third there.
    assert errors(encoded_in_bands(trained, pair, 2, quality=60, effort=effort)) < 1.08 * errors(once)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(trained, high_pair, high_container, high_views, threads):
    assert encoded_in_bands(trained, high_pair, COUNT, quality=40, threads=threads) == high_container
    before = torch.get_num_threads()
    decoded = trained.decompress(high_container, output="numpy", threads=threads)
    np.testing.assert_array_equal(decoded, high_views)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2", 1025])
def test_bad_numbers_of_threads(tiny_codec, pair, file, threads):
    uses = (
        lambda: tiny_codec.compress(*pair, threads=threads),
        lambda: tiny_codec.decompress(file, threads=threads),
    )
    for use in uses:
        with pytest.raises(InvalidInput, match="threads is") as error:
            use()
        one_line(error)


def test_how_many_bands_there_are(trained, tiny_codec):
    count = trained._coder.band_count
    sizes = (832, 1024), (1080, 1920), (1200, 2000), (2160, 3840), (4320, 7680)
    assert [count(size) for size in sizes] == [1, 2, 2, 8, 17]
    assert count((64, 60000)) == 1


def test_a_target_is_kept_in_bands(trained, high_pair, high_container):
    small = encoded_in_bands(trained, high_pair, 2, target_size=9000)
    assert 8000 < len(small.to_bytes()) <= 9000
    good = encoded_in_bands(trained, high_pair, 2, target_psnr=33.0)
    decoded = trained.decompress(good, output="numpy")
    errors = [((np.asarray(a, float) - b) ** 2).mean() for a, b in zip(decoded, high_pair, strict=True)]
    assert 33.0 <= np.mean([10 * np.log10(65025 / error) for error in errors]) < 33.3


# Parts


@pytest.mark.parametrize("region", [(0, 0, WIDTH, HEIGHT), (10, 130, 50, 40), (90, 499, 6, 1), (0, 300, 1, 200)])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_region_is_that_part(trained, high_container, region, orientation):
    turned = dataclasses.replace(high_container, orientation=orientation, version=(0, 0))
    whole = trained.decompress(turned, output="numpy")
    x, y, width, height = region
    if orientation in (6, 8):
        x, y, width, height = y, x, height, width
    part = trained.decompress(turned, output="numpy", region=(x, y, width, height))
    for view, shown in zip(whole, part, strict=True):
        expected = view[y : y + height, x : x + width].astype(int)
        assert shown.shape == expected.shape
        assert np.abs(expected - shown).max() <= 1


def test_a_region_decodes_the_bands_that_it_needs(trained, high_container, monkeypatch):
    decoded = []
    walked = type(trained._coder.model).walk
    monkeypatch.setattr(type(trained._coder.model), "walk", lambda *them: decoded.append(them[-1]) or walked(*them))
    trained.decompress(high_container, region=(0, 0, 8, 8))
    assert len(decoded) == 1
    trained.decompress(high_container, region=(0, EDGES[0] - 8, 8, 4))
    assert len(decoded) == 3


def test_regions_of_small_files(tiny_codec, file):
    whole = tiny_codec.decompress(file, output="numpy")
    part = tiny_codec.decompress(file, output="numpy", region=tuple(np.array([3, 5, 20, 30])))
    np.testing.assert_array_equal(np.stack(whole)[:, 5:35, 3:23], part)


@pytest.mark.parametrize(
    "region", [(0, 0, 0, 5), (0, 0, 97, 5), (-1, 0, 5, 5), (0, 60, 5, 5), (0, 0, 5), "0,0", (0, 0, 5, 5.5)]
)
def test_regions_that_are_none(tiny_codec, file, region):
    with pytest.raises(InvalidInput, match="region is") as error:
        tiny_codec.decompress(file, region=region)
    one_line(error)


def test_a_model_without_bands_refuses_them(tiny_codec, monkeypatch):
    coded = encoded_in_bands(tiny_codec, sample_crop(256, 64), 2)
    tiny_codec.decompress(coded)
    monkeypatch.setattr(tiny_codec._coder.model, "band_margin", 0)
    with pytest.raises(CorruptFile, match="tiny codes no pictures in bands"):
        tiny_codec.decompress(coded)
    assert tiny_codec._coder.band_count((4096, 4096)) == 1


def test_views_in_different_orders_are_refused(tiny_codec, monkeypatch):
    coded = encoded_in_bands(tiny_codec, sample_crop(256, 64), 2)
    order = iter([False, True])
    monkeypatch.setattr(
        type(tiny_codec._coder.model),
        "code_order",
        lambda *them: them[1].code_field(0, None, (1, 1)) is not None and next(order),
    )
    with pytest.raises(CorruptFile, match="different orders"):
        tiny_codec.decompress(coded, threads=1)


def test_limits_of_pixels(tiny_codec, monkeypatch):
    coded = encoded_in_bands(tiny_codec, sample_crop(256, 64), 2)
    monkeypatch.setattr("stereocodec.pixel_limit.DEFAULT_MAX_PIXELS", 1000)
    tiny_codec.decompress(coded)
    with pytest.raises(LimitExceeded):
        tiny_codec.decompress(tiny_codec.compress(*sample_crop(64, 64)))
    with pytest.raises(LimitExceeded):
        tiny_codec.decompress(coded, max_pixels=256 * 64 - 1)
    monkeypatch.setenv("STEREOCODEC_MAX_PIXELS", "16383")
    with pytest.raises(LimitExceeded):
        tiny_codec.decompress(coded)


def test_large_pairs_are_coded_in_bands_by_themselves(tiny_codec, monkeypatch):
    monkeypatch.setattr("stereocodec.release_networks._BAND_PIXELS", 2**14)
    monkeypatch.setattr("stereocodec.release_networks._LEAST_BAND_ROWS", 128)
    assert len(Container.from_bytes(tiny_codec.compress(*sample_crop(512, 64))).bands) == 2
    assert ReleaseCoder.band_count(tiny_codec._coder, (2048, 64)) == 8
