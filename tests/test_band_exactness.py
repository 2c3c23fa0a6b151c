"""Bands decode to the same latents however the machine rounds, in whatever order and by however many threads.

As `test_exactness.py` for files of a single band: decoding is repeated under what changes floating point results, and
must give what the writer of every band decoded, or an error that names the band.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from banded import COUNT, EDGES, HEIGHT, WIDTH, encoded_in_bands
from conftest import sample_crop
from tracing import decoded_elsewhere, noise, permuted_sums, traced_bands

from stereocodec import StereoCodec, band_reader, band_writer
from stereocodec.entropy.batch_coder import BatchCoder
from stereocodec.entropy.guard import count_entries
from stereocodec.entropy.lattice import Lattice
from stereocodec.entropy.streams import StreamReader, StreamWriter
from stereocodec.errors import DecodingMismatch
from stereocodec.releases.release import coding_tables, load_release

EPSILON = Lattice().epsilon
THREADS = pytest.mark.parametrize("threads", [1, 2])


@pytest.fixture(scope="module")
def written(trained, high_pair, high_container):
    """What the writers of all bands decoded, by their numbers."""
    with traced_bands(StreamWriter) as traces:
        assert encoded_in_bands(trained, high_pair, COUNT, quality=40, threads=1) == high_container
    return traces


@pytest.fixture(scope="module")
def guarded(tiny_release):
    """A file whose every band has many parameters near a rounding boundary; its codec, and what its writers decoded."""
    lattice, release = Lattice(epsilon=0.01, mean_steps=1, scale_levels=4), load_release(tiny_release)
    release = dataclasses.replace(release, lattice=lattice, tables=coding_tables(release.model, lattice))
    codec = StereoCodec(release, device="cpu")
    with traced_bands(StreamWriter) as traces:
        container = encoded_in_bands(codec, sample_crop(HEIGHT, WIDTH), COUNT, quality=80)
    assert all(count_entries(band.guard) > 5 for band in container.bands)
    return codec, container, traces


def read(codec, container, disturb=None, **arguments):
    """What the readers of bands decode, by their numbers. disturb: the amplitude and the seed of noise."""
    amplitude, seed = disturb or (0, 0)
    with traced_bands(StreamReader, lambda band: noise(amplitude, COUNT * seed + band)) as traces:
        codec.decompress(container, output="numpy", **arguments)
    return traces


def assert_same(traces, reference, bands=range(COUNT)):
    """The bands, and no others, were decoded to the latents of the reference."""
    assert sorted(traces) == list(bands)
    for number in bands:
        mine, theirs = traces[number], reference[number]
        assert mine.checksum == theirs.checksum
        for latents, expected in zip(mine.latents, theirs.latents, strict=True):
            np.testing.assert_array_equal(latents, expected)


def deviation(traces, reference):
    """The largest of all bands, in lattice units."""
    return max(trace.deviation(reference[number]) for number, trace in traces.items())


def with_guards(container, guards):
    """The file with other guard lists of its bands."""
    bands = [dataclasses.replace(band, guard=guard) for band, guard in zip(container.bands, guards, strict=True)]
    return dataclasses.replace(container, bands=tuple(bands))


def test_bands_have_something_to_decode(written):
    digests = {trace.digest() for trace in written.values()}
    assert len(digests) == len(written) == COUNT
    for trace in written.values():
        assert sum(np.count_nonzero(latents) for latents in trace.latents) > 1000


# Modes of one machine


@THREADS
def test_threads(trained, high_container, written, threads):
    traces = read(trained, high_container, threads=threads)
    assert_same(traces, written)
    assert deviation(traces, written) < EPSILON / 2


@pytest.fixture
def together(trained, monkeypatch):
    """Bands of equal size, which are the last two, are coded together, as on a GPU; gives how many there were."""
    monkeypatch.setattr(trained._coder, "bands_at_once", 2)
    counts = []

    def counted(coders):
        counts.append(len(coders))
        return BatchCoder(coders)

    monkeypatch.setattr(band_reader, "BatchCoder", counted)
    monkeypatch.setattr(band_writer, "BatchCoder", counted)
    return counts


@THREADS
def test_bands_that_are_decoded_together(trained, together, high_container, high_views, written, threads):
    with traced_bands(StreamReader) as traces:
        views = trained.decompress(high_container, output="numpy", threads=threads)
    assert together == [2]
    assert_same(traces, written)
    assert deviation(traces, written) < EPSILON / 2
    assert np.abs(np.stack(views).astype(int) - np.stack(high_views)).max() <= 1


def test_of_a_region_no_more_is_decoded_together_than_it_needs(trained, together, high_container, written):
    assert_same(read(trained, high_container, region=(0, EDGES[1] - 4, WIDTH, 8)), written, [1, 2])
    assert_same(read(trained, high_container, region=(0, EDGES[1] - 100, WIDTH, 1)), written, [1])
    assert together == [2]


def test_a_damaged_band_among_those_that_are_decoded_together_is_named(trained, together, high_container):
    bands = list(high_container.bands)
    bands[2] = dataclasses.replace(bands[2], latent_checksum=7)
    forged = dataclasses.replace(high_container, bands=tuple(bands))
    with pytest.raises(DecodingMismatch, match="band 3 of 3"):
        trained.decompress(forged)
    *_, damages = trained.salvage(forged.to_bytes())
    assert len(damages) == 1
    assert damages[0].startswith("band 3 of 3")
    assert together == [2, 2]


# With mean colours kept by all that the encoder looks at, without, and with refinement.
@pytest.mark.parametrize(("quality", "effort", "threads"), [(5, 5, 1), (40, 5, 2), (40, 6, 1)])
def test_bands_that_are_encoded_together(trained, together, high_pair, quality, effort, threads):
    arguments = {"quality": quality, "effort": effort, "threads": threads}
    container = encoded_in_bands(trained, high_pair, COUNT, **arguments)
    assert together == [2]
    trained._coder.bands_at_once = 1
    assert container == encoded_in_bands(trained, high_pair, COUNT, **arguments)
    assert together == [2]


def test_bands_that_are_encoded_together_for_a_target(trained, together, high_pair):
    container = encoded_in_bands(trained, high_pair, COUNT, target_psnr=32)
    trained._coder.bands_at_once = 1
    assert len(together) > 1
    assert container == encoded_in_bands(trained, high_pair, COUNT, target_psnr=32)


def test_bands_that_are_too_large_together_are_coded_one_by_one(
    trained, high_pair, high_container, high_views, monkeypatch
):
    tried = []

    def too_large(coders):
        tried.append(len(coders))
        raise torch.OutOfMemoryError

    monkeypatch.setattr(trained._coder, "bands_at_once", 2)
    monkeypatch.setattr(band_reader, "BatchCoder", too_large)
    monkeypatch.setattr(band_writer, "BatchCoder", too_large)
    np.testing.assert_array_equal(trained.decompress(high_container, output="numpy"), high_views)
    assert tried == [2]
    assert encoded_in_bands(trained, high_pair, COUNT, quality=40) == high_container
    assert tried == [2, 2]


def test_bands_decode_from_the_last_to_the_first_each_by_itself(trained, high_container, written):
    for number, row in ((2, HEIGHT - 1), (1, sum(EDGES) // 2), (0, 0)):  # which show no other band
        traces = read(trained, high_container, threads=1, region=(0, row, WIDTH, 1))
        assert_same(traces, written, [number])


@THREADS
def test_a_region_across_an_edge(trained, high_container, written, threads):
    with permuted_sums(threads):
        traces = read(trained, high_container, threads=threads, region=(0, EDGES[1] - 4, WIDTH, 8))
    assert_same(traces, written, [1, 2])
    assert 0 < deviation(traces, written) < EPSILON / 2


@pytest.mark.parametrize("seed", [0, 1])
def test_every_sum_in_another_order(trained, high_container, written, seed):
    with permuted_sums(seed):
        traces = read(trained, high_container, threads=1)
    assert_same(traces, written)
    assert 0 < deviation(traces, written) < EPSILON / 2


def test_written_in_one_order_and_read_in_another(trained, high_pair):
    with permuted_sums(2), traced_bands(StreamWriter) as written:
        container = encoded_in_bands(trained, high_pair, COUNT, quality=40, threads=1)
    assert_same(read(trained, container, threads=2), written)


@pytest.mark.slow
@THREADS
@pytest.mark.parametrize("capability", [None, "default"])
def test_another_process_and_its_vector_instructions(
    trained, high_container, high_views, written, tmp_path, capability, threads
):
    trace = decoded_elsewhere("bisic-rt", high_container.to_bytes(), tmp_path, capability, threads)
    if capability:
        assert str(trace["capability"]).lower() == capability
    assert trace["checksums"].tolist() == [band.latent_checksum for band in high_container.bands]
    assert trace["digests"].tolist() == [written[number].digest() for number in range(COUNT)]
    mine = np.concatenate([p.reshape(-1) for number in range(COUNT) for p in written[number].parameters])
    assert np.abs(trace["parameters"] - mine).max() < EPSILON / 2
    assert np.abs(trace["views"].astype(int) - np.stack(high_views)).max() <= 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_bands_travel_between_cpu_and_cuda(trained, high_pair, high_container, written):
    cuda = StereoCodec.from_pretrained(device="cuda")
    assert_same(read(cuda, high_container, threads=1), written)
    with traced_bands(StreamWriter) as theirs:
        container = encoded_in_bands(cuda, high_pair, COUNT, quality=40, threads=1)
    assert_same(read(trained, container), theirs)


# Noise


@THREADS
@pytest.mark.parametrize("seed", [0, 1])
def test_noise_of_half_epsilon(trained, high_container, written, threads, seed):
    assert_same(read(trained, high_container, (EPSILON / 2, seed), threads=threads), written)


@THREADS
def test_noise_of_ten_thousand_epsilon_is_an_error_that_names_a_band(trained, high_container, threads):
    with pytest.raises(DecodingMismatch, match=r"^band [123] of 3 \(rows .* not the encoder's"):
        read(trained, high_container, (1e4 * EPSILON, 0), threads=threads)


# Guard lists, of which every band has its own


@THREADS
@pytest.mark.parametrize("share", [0.5, 0.99])
def test_long_guard_lists(guarded, threads, share):
    codec, container, written = guarded
    epsilon = codec._coder.release.lattice.epsilon
    for seed in range(2):
        assert_same(read(codec, container, (share * epsilon, seed), threads=threads), written)
    with permuted_sums():
        assert_same(read(codec, container, threads=1), written)


@pytest.mark.parametrize("number", range(COUNT))
def test_the_guard_list_of_a_band_is_what_makes_it_exact(guarded, number):
    codec, container, written = guarded
    guards = [b"" if n == number else band.guard for n, band in enumerate(container.bands)]
    unguarded = with_guards(container, guards)
    # Without disturbance this machine needs no list: the very same numbers are rounded again.
    assert_same(read(codec, unguarded, threads=1), written)
    with pytest.raises(DecodingMismatch, match=rf"^band {number + 1} of 3 "):
        read(codec, unguarded, (codec._coder.release.lattice.epsilon, 0), threads=1)


def test_the_guard_list_of_another_band_is_an_error(guarded):
    codec, container, _ = guarded
    guards = [container.bands[number].guard for number in (0, 2, 1)]
    with pytest.raises(DecodingMismatch, match=r"^band 2 of 3 "):
        read(codec, with_guards(container, guards), (codec._coder.release.lattice.epsilon, 0), threads=1)
