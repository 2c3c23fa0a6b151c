"""Files of the published codecs decode to the same latents however the machine computes: small networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import sample_crop
from published import official_state
from safetensors.torch import save_file
from tracing import decoded_elsewhere, noise, traced_decode, traced_encode

from stereocodec.codec import StereoCodec
from stereocodec.container import Container
from stereocodec.entropy.lattice import Lattice
from stereocodec.errors import DecodingMismatch
from stereocodec.releases.official import import_checkpoint

pytestmark = pytest.mark.slow

EPSILON = Lattice().epsilon


@pytest.fixture(scope="module", params=["bisic", "bisic-fast", "ecsic"])
def coded(request, tmp_path_factory):
    """The release's folder, the file's bytes and the writer's trace."""
    scratch = tmp_path_factory.mktemp("releases")
    folder, checkpoint = scratch / request.param, scratch / "checkpoint.safetensors"
    save_file(official_state(request.param), checkpoint)
    import_checkpoint(checkpoint, folder, arch=request.param, name=request.param)
    codec = StereoCodec.from_pretrained(folder, device="cpu")
    return folder, *traced_encode(codec, sample_crop(150, 200))


def decoded(coded, *arguments):
    return traced_decode(StereoCodec.from_pretrained(coded[0], device="cpu"), coded[1], *arguments)


def assert_same(trace, reference):
    assert trace.checksum == reference.checksum
    for mine, theirs in zip(trace.latents, reference.latents, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_latents_are_lively(coded):
    values = np.concatenate([latents.reshape(-1) for latents in coded[2].latents])
    assert np.unique(np.rint(values)).size > 8
    assert np.count_nonzero(values) > 1000


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads(coded, torch_threads, threads):
    torch_threads(threads)
    trace = decoded(coded)
    assert_same(trace, coded[2])
    assert trace.deviation(coded[2]) < EPSILON / 2


@pytest.mark.parametrize("capability", [None, "default"])
def test_another_process_and_its_vector_instructions(coded, tmp_path, capability):
    folder, data, reference = coded
    trace = decoded_elsewhere(folder, data, tmp_path, capability, OMP_NUM_THREADS="3")
    assert trace["checksums"].tolist() == [Container.from_bytes(data).bands[0].latent_checksum]
    assert trace["digests"].tolist() == [reference.digest()]
    mine = np.concatenate([p.reshape(-1) for p in reference.parameters])
    assert np.abs(trace["parameters"] - mine).max() < EPSILON / 2


@pytest.mark.parametrize("seed", [0, 1])
def test_noise_below_epsilon_changes_nothing(coded, seed):
    assert_same(decoded(coded, noise(EPSILON / 2, seed)), coded[2])


def test_more_noise_is_an_error(coded):
    with pytest.raises(DecodingMismatch, match="not the encoder's"):
        decoded(coded, noise(1e4 * EPSILON, 0))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_files_travel_between_cpu_and_cuda(coded):
    cuda = StereoCodec.from_pretrained(coded[0], device="cuda")
    assert_same(traced_decode(cuda, coded[1]), coded[2])
    data, trace = traced_encode(cuda, sample_crop(150, 200))
    assert_same(traced_decode(StereoCodec.from_pretrained(coded[0], device="cpu"), data), trace)
