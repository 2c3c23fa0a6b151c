"""Files decode to the same latents however the machine rounds: the promise of `stereocodec/entropy/streams.py`.

Decoding is repeated under everything that changes floating point results (threads, kernels, vector instructions,
order of summation, devices, artificial noise) and must give the encoder's latents, or an error; what would happen
without the guard list is shown too. Parameters are compared in lattice units.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from unittest import mock

import numpy as np
import pytest
import torch
from conftest import sample_crop
from hand_made_files import changed
from tracing import Trace, decoded_elsewhere, noise, numpy_products, permuted_sums, replay, traced_decode, traced_encode

from stereocodec.codec import StereoCodec
from stereocodec.container import Container
from stereocodec.entropy import streams
from stereocodec.entropy.ans import StreamEncoder
from stereocodec.entropy.guard import count_entries
from stereocodec.entropy.lattice import Lattice
from stereocodec.errors import DecodingMismatch
from stereocodec.releases.release import coding_tables, load_release

EPSILON = Lattice().epsilon
# (height, width, quality): the small model gets a picture that is worth several threads.
CASES = {"tiny": (320, 448, 80), "bisic-rt": (192, 256, 50)}


@dataclass
class Coded:
    """A file, the codec that wrote it, and what the writer's walk decoded."""

    release: str
    codec: StereoCodec
    data: bytes
    trace: Trace

    @property
    def case(self):
        return CASES["tiny" if os.sep in self.release else self.release]

    @property
    def container(self):
        return Container.from_bytes(self.data)

    def repacked(self, **changes):
        return changed(self.container, **changes).to_bytes()


@pytest.fixture(scope="module", params=CASES)
def coded(request, tiny_release):
    height, width, quality = CASES[request.param]
    release = str(tiny_release) if request.param == "tiny" else request.param
    codec = StereoCodec.from_pretrained(release, device="cpu")
    return Coded(release, codec, *traced_encode(codec, sample_crop(height, width), quality=quality))


@pytest.fixture(scope="module")
def guarded(tiny_release):
    """One file per lattice that puts many parameters near a rounding boundary."""

    def code(**settings):
        lattice = Lattice(**settings)
        release = load_release(tiny_release)
        tables = coding_tables(release.model, lattice)
        codec = StereoCodec(dataclasses.replace(release, lattice=lattice, tables=tables), device="cpu")
        return Coded("", codec, *traced_encode(codec, sample_crop(128, 192), quality=80))

    return code


def assert_same_latents(trace, reference):
    assert trace.checksum == reference.checksum
    for mine, theirs in zip(trace.latents, reference.latents, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def assert_exact(trace, coded):
    assert coded.container.bands[0].latent_checksum == trace.checksum
    assert_same_latents(trace, coded.trace)
    assert trace.deviation(coded.trace) < EPSILON / 2


# That these tests can fail: the networks matter, and so does every bit of a parameter's rounding.


def test_parameters_depend_on_what_was_decoded(coded):
    quality, lattice = coded.container.quality, coded.codec._coder.release.lattice
    latents = coded.trace.latents
    before = replay(coded.codec._coder.model, lattice, latents, quality)
    assert before.deviation(coded.trace) == 0
    # The order of the views, the offset, z, four steps of y, disparities, four steps of y, whether there is a residual;
    # and the first step whose parameters depend on each.
    for index, first_step in zip(range(2, 11), (0, 1, 2, 3, 4, 4, 5, 6, 7), strict=True):
        changed = [array.copy() for array in latents]
        for view in changed[index]:
            view[(view != 0) | (not view.any())] += 1
        after = replay(coded.codec._coder.model, lattice, changed, quality)
        moved = [np.abs(a - b) for a, b in zip(after.parameters, before.parameters, strict=True)][:8]
        assert all(step.max() == 0 for step in moved[:first_step])
        for means_and_levels in moved[first_step:]:
            assert (means_and_levels.max((1, 2)) > 1e-3).all()  # means and levels


def test_parameters_spread_over_the_lattice(coded):
    means, levels = (np.concatenate([p[i].reshape(-1) for p in coded.trace.parameters]) for i in (0, 1))
    assert np.unique(np.rint(levels)).size > 16
    assert np.unique(np.rint(means)).size > 256
    assert np.count_nonzero(np.concatenate([y.reshape(-1) for y in coded.trace.latents])) > 1000


# Modes of one machine


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads(coded, torch_threads, threads):
    torch_threads(threads)
    assert torch.get_num_threads() == threads
    assert_exact(traced_decode(coded.codec, coded.data), coded)


@pytest.mark.filterwarnings("ignore:TF32")  # said by PyTorch whenever any of the flags is set
@pytest.mark.parametrize("enabled", [False, True])
def test_onednn_on_and_off(coded, enabled):
    with torch.backends.mkldnn.flags(enabled=enabled):
        assert_exact(traced_decode(coded.codec, coded.data), coded)


@pytest.mark.parametrize("threads", [1, 2])
def test_products_of_numpy(coded, torch_threads, threads):
    torch_threads(threads)
    with numpy_products() as product:
        assert_exact(traced_decode(coded.codec, coded.data), coded)
        assert product.call_count > 100
        height, width, quality = coded.case
        data, trace = traced_encode(coded.codec, sample_crop(height, width), quality=quality)
    assert_same_latents(trace, coded.trace)
    assert data == coded.data


@pytest.mark.parametrize("seed", [0, 1])
def test_every_sum_in_another_order(coded, seed):
    with permuted_sums(seed):
        trace = traced_decode(coded.codec, coded.data)
    assert_exact(trace, coded)
    assert trace.deviation(coded.trace) > 0  # else nothing was permuted


def test_written_in_one_order_and_read_in_another(coded):
    height, width, quality = coded.case
    with permuted_sums(2):
        data, trace = traced_encode(coded.codec, sample_crop(height, width), quality=quality)
    assert_same_latents(traced_decode(coded.codec, data), trace)


@pytest.mark.slow
@pytest.mark.parametrize("capability", [None, "default"])
def test_another_process_and_its_vector_instructions(coded, tmp_path, capability):
    trace = decoded_elsewhere(coded.release, coded.data, tmp_path, capability)
    if capability:
        assert str(trace["capability"]).lower() == capability
    assert trace["checksums"].tolist() == [coded.container.bands[0].latent_checksum]
    assert trace["digests"].tolist() == [coded.trace.digest()]
    mine = np.concatenate([p.reshape(-1) for p in coded.trace.parameters])
    assert np.abs(trace["parameters"] - mine).max() < EPSILON / 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_files_travel_between_cpu_and_cuda(coded):
    cuda = StereoCodec.from_pretrained(coded.release, device="cuda")
    assert_exact(traced_decode(cuda, coded.data), coded)
    height, width, quality = coded.case
    data, trace = traced_encode(cuda, sample_crop(height, width), quality=quality)
    assert_same_latents(traced_decode(coded.codec, data), trace)


# Noise


@pytest.mark.parametrize("seed", range(3))
def test_noise_of_half_epsilon(coded, seed):
    assert_same_latents(traced_decode(coded.codec, coded.data, noise(EPSILON / 2, seed)), coded.trace)


@pytest.mark.parametrize("seed", range(3))
def test_noise_of_ten_thousand_epsilon_is_an_error(coded, seed):
    with pytest.raises(DecodingMismatch, match="not the encoder's"):
        traced_decode(coded.codec, coded.data, noise(1e4 * EPSILON, seed))


def test_single_precision_would_lose_the_file_or_come_close(coded):
    """Why the entropy path runs in float64: float32 deviates by far more than epsilon."""
    latents, quality = coded.trace.latents, coded.container.quality
    model = load_release(coded.release).model  # float32
    trace = replay(model, coded.codec._coder.release.lattice, latents, quality, torch.float32)
    assert trace.deviation(coded.trace) > 100 * EPSILON


LATTICES = [
    {"epsilon": 1e-3},
    {"epsilon": 0.01, "mean_steps": 1, "scale_levels": 4},
    {"epsilon": 0.2, "mean_steps": 1, "scale_levels": 2},
    {"epsilon": 0.2, "scale_levels": 256},
]


@pytest.mark.parametrize("settings", LATTICES)
def test_long_guard_lists(guarded, settings):
    coded = guarded(**settings)
    epsilon = settings["epsilon"]
    parameters = sum(p.size for p in coded.trace.parameters[:8])  # those of a residual lie on the lattice
    entries = count_entries(coded.container.bands[0].guard)
    assert entries > 0.3 * epsilon * parameters
    assert entries > 5
    assert_exact(traced_decode(coded.codec, coded.data), coded)
    with permuted_sums():
        assert_exact(traced_decode(coded.codec, coded.data), coded)
    for seed in range(3):
        for amplitude in (0.5 * epsilon, 0.99 * epsilon):
            assert_same_latents(traced_decode(coded.codec, coded.data, noise(amplitude, seed)), coded.trace)


@pytest.mark.parametrize("settings", LATTICES)
def test_the_guard_list_is_what_makes_it_exact(guarded, settings):
    coded = guarded(**settings)
    unguarded = coded.repacked(guard=b"")
    # Without disturbance this machine needs no list: the very same numbers are rounded again.
    assert_same_latents(traced_decode(coded.codec, unguarded), coded.trace)
    with pytest.raises(DecodingMismatch):
        traced_decode(coded.codec, unguarded, noise(settings["epsilon"]))


@pytest.mark.parametrize("settings", LATTICES[:2])
def test_noise_beyond_epsilon_is_an_error_despite_the_list(guarded, settings):
    coded = guarded(**settings)
    with pytest.raises(DecodingMismatch):
        traced_decode(coded.codec, coded.data, noise(20 * settings["epsilon"]))


# Size


def test_streams_are_as_long_as_the_tables_say(coded):
    bits = []

    class Counting(StreamEncoder):
        def put(self, symbols, tables, table_set):
            bits.append(float(table_set.bits(symbols, tables).sum()))
            super().put(symbols, tables, table_set)

    height, width, quality = coded.case
    with mock.patch.object(streams, "StreamEncoder", Counting):
        data = coded.codec.compress(*sample_crop(height, width), quality=quality)
    assert data == coded.data
    assert len(bits) > 2 + 2 * 4  # z and four steps of y of both views, and fields
    size = sum(map(len, coded.container.bands[0].streams.in_file_order()))
    ideal = sum(bits) / 8
    assert ideal > 1000
    assert ideal - 1 <= size <= 1.005 * ideal + 64
